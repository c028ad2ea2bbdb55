"""An organization's feed into its bucket as one would write it with boto3: page by page, compressed, one object for each 50,000 events."""

import gzip
import io
import json
import os
import zlib

import boto3
from boto3.dynamodb.types import Binary

import lambda_runtime

TABLE = os.environ["TABLE_NAME"]
DYNAMODB = boto3.client("dynamodb")
S3 = boto3.client("s3")
SHARDS = 8
EVENTS_OF_AN_OBJECT = 50_000


def pages(org, day, shard):
    start = {}
    while True:
        page = DYNAMODB.query(
            TableName=TABLE,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"ORG#{org}#FEED#{day}#{shard}"}},
            **start,
        )
        yield page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def line(row, org, seq):
    recorded_at, entity_type, event_id = row["sk"]["S"].split("#")
    body = row["body"]["B"]
    body = bytes(body.value if isinstance(body, Binary) else body)
    body = json.loads(body[1:] if body[0] == 0 else zlib.decompress(body[1:], -15))
    actor = {"id": row.get("actor_id", {}).get("S"), "name": row.get("actor_name", {}).get("S")}
    event = {
        "seq": seq,
        "id": event_id,
        "orgId": org,
        "source": "acquisition",
        "entityType": entity_type,
        "entityId": row["entity_id"]["S"],
        "action": row["action"]["S"],
        "actor": actor,
        "occurredAt": row["occurred_at"]["S"],
        "recordedAt": recorded_at,
        "data": body.get("data"),
    }
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


class Writer:
    def __init__(self, org, bucket):
        self.org, self.bucket, self.seq = org, bucket, 0
        self.begin()

    def begin(self):
        self.bytes = io.BytesIO()
        self.gzip = gzip.GzipFile(fileobj=self.bytes, mode="wb", compresslevel=6, mtime=0)

    def push(self, row):
        self.seq += 1
        self.gzip.write(line(row, self.org, self.seq))
        if self.seq % EVENTS_OF_AN_OBJECT == 0:
            self.put()

    def put(self):
        self.gzip.close()
        S3.put_object(Bucket=self.bucket, Key=f"org_id={self.org}/{self.seq:012}.jsonl.gz", Body=self.bytes.getvalue())
        self.begin()


def handler(event):
    writer = Writer(event["orgId"], event["bucket"])
    # Shard after shard: without the order over all of them, which the export has, this is the quickest straight way.
    for day in event["days"]:
        for shard in range(SHARDS):
            for rows in pages(event["orgId"], day, shard):
                for row in rows:
                    writer.push(row)
    if writer.seq % EVENTS_OF_AN_OBJECT:
        writer.put()
    return {"eventCount": writer.seq}


lambda_runtime.run(handler)
