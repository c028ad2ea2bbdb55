"""The read of an order's history, as functions/acquisition-audit answers it, with boto3: clients made at the start, the head and the page
read at the same time, the organization's settings once in two seconds."""

import json
import os
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.config import Config

import lambda_runtime

TABLE = os.environ["TABLE_NAME"]
DYNAMODB = boto3.client("dynamodb", config=Config(max_pool_connections=4, retries={"mode": "standard", "max_attempts": 4}))
READS = ThreadPoolExecutor(max_workers=2)
SETTINGS = {}


def head(partition):
    item = DYNAMODB.get_item(TableName=TABLE, Key={"pk": {"S": partition}, "sk": {"S": "HEAD"}}, ConsistentRead=True).get("Item")
    return int(item["total"]["N"]) if item else 0


def snapshot_format(org):
    known, until = SETTINGS.get(org, ("plain", 0.0))
    if time.monotonic() < until:
        return known
    rows = query(f"ORG#{org}#SETTINGS", "audit.acquisition#", 100, True)
    found = [json.loads(row["value"]["S"]) for row in rows if row["sk"]["S"].endswith("#snapshot.format")]
    SETTINGS[org] = (found[0] if found else "plain", time.monotonic() + 2.0)
    return SETTINGS[org][0]


def query(partition, prefix, limit, forward):
    return DYNAMODB.query(
        TableName=TABLE,
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
        ExpressionAttributeValues={":pk": {"S": partition}, ":prefix": {"S": prefix}},
        ScanIndexForward=forward,
        Limit=limit,
    )["Items"]


def instant(text):
    """`2024-11-14T08:48:48.340000Z` as FOLIO writes it."""
    return text[:23] + "+00:00"


def view(row, order_id, wrapped):
    _, occurred_at, event_id = row["sk"]["S"].split("#")
    body = bytes(row["body"]["B"])
    body = json.loads(body[1:] if body[0] == 0 else zlib.decompress(body[1:], -15))
    event = {"id": event_id, "action": row["action"]["S"], "orderId": order_id}
    if "actor_id" in row:
        event["userId"] = row["actor_id"]["S"]
    if "published_at" in row:
        event["eventDate"] = instant(row["published_at"]["S"])
    event["actionDate"] = instant(occurred_at)
    if "data" in body:
        event["orderSnapshot"] = {"map": body["data"], "empty": not body["data"]} if wrapped else body["data"]
    return event


def handler(event):
    principal = json.loads(event["requestContext"]["authorizer"]["lambda"]["principal"])
    org = event["headers"]["x-okapi-tenant"]
    if principal["org"] != org:
        return {"statusCode": 401}
    if not {"audit.all", "acquisition.order.events.get"} & set(principal["scopes"]):
        return {"statusCode": 403}
    parameters = event.get("queryStringParameters") or {}
    order_id = event["pathParameters"]["id"].lower()
    partition = f"ORG#{org}#order#{order_id}"
    total = READS.submit(head, partition)
    settings = READS.submit(snapshot_format, org)
    forward = parameters.get("sortOrder", "desc").lower() == "asc"
    rows = query(partition, "EV#", int(parameters["limit"]), forward)
    wrapped = settings.result() == "wrapped"
    events = [view(row, order_id, wrapped) for row in rows]
    body = json.dumps({"orderAuditEvents": events, "totalItems": total.result()}, separators=(",", ":"), ensure_ascii=False)
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body, "isBase64Encoded": False}


lambda_runtime.run(handler)
