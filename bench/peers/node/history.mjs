// The read of an order's history, as functions/acquisition-audit answers it, with the AWS SDK for JavaScript v3: the client made at the start, the head and
// the page read at the same time, the organization's settings once in two seconds.
import { DynamoDBClient, GetItemCommand, QueryCommand } from "@aws-sdk/client-dynamodb";
import { inflateRawSync } from "node:zlib";
import { run } from "./lambda-runtime.mjs";

const TableName = process.env.TABLE_NAME;
const dynamodb = new DynamoDBClient({ maxAttempts: 4 });
const settings = new Map();

async function head(partition) {
  const Key = { pk: { S: partition }, sk: { S: "HEAD" } };
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  return Item === undefined ? 0 : Number(Item.total.N);
}

async function query(partition, prefix, Limit, ScanIndexForward) {
  const page = await dynamodb.send(
    new QueryCommand({
      TableName,
      ConsistentRead: true,
      KeyConditionExpression: "pk = :pk AND begins_with(sk, :prefix)",
      ExpressionAttributeValues: { ":pk": { S: partition }, ":prefix": { S: prefix } },
      ScanIndexForward,
      Limit,
    }),
  );
  return page.Items;
}

async function snapshotFormat(org) {
  const known = settings.get(org);
  if (known !== undefined && performance.now() < known.until) return known.format;
  const rows = await query(`ORG#${org}#SETTINGS`, "audit.acquisition#", 100, true);
  const found = rows.find((row) => row.sk.S.endsWith("#snapshot.format"));
  const format = found === undefined ? "plain" : JSON.parse(found.value.S);
  settings.set(org, { format, until: performance.now() + 2000 });
  return format;
}

// `2024-11-14T08:48:48.340000Z` as FOLIO writes it.
const instant = (text) => `${text.slice(0, 23)}+00:00`;

function view(row, orderId, wrapped) {
  const [, occurredAt, id] = row.sk.S.split("#");
  const stored = Buffer.from(row.body.B);
  const { data } = JSON.parse(stored[0] === 0 ? stored.subarray(1) : inflateRawSync(stored.subarray(1)));
  const event = { id, action: row.action.S, orderId };
  if (row.actor_id !== undefined) event.userId = row.actor_id.S;
  if (row.published_at !== undefined) event.eventDate = instant(row.published_at.S);
  event.actionDate = instant(occurredAt);
  if (data !== undefined) event.orderSnapshot = wrapped ? { map: data, empty: Object.keys(data).length === 0 } : data;
  return event;
}

async function handler(event) {
  const principal = JSON.parse(event.requestContext.authorizer.lambda.principal);
  const org = event.headers["x-okapi-tenant"];
  if (principal.org !== org) return { statusCode: 401 };
  if (!["audit.all", "acquisition.order.events.get"].some((scope) => principal.scopes.includes(scope))) return { statusCode: 403 };
  const parameters = event.queryStringParameters ?? {};
  const orderId = event.pathParameters.id.toLowerCase();
  const partition = `ORG#${org}#order#${orderId}`;
  const forward = (parameters.sortOrder ?? "desc").toLowerCase() === "asc";
  const [total, rows, format] = await Promise.all([
    head(partition),
    query(partition, "EV#", Number(parameters.limit), forward),
    snapshotFormat(org),
  ]);
  const body = JSON.stringify({ orderAuditEvents: rows.map((row) => view(row, orderId, format === "wrapped")), totalItems: total });
  return { statusCode: 200, headers: { "content-type": "application/json" }, body, isBase64Encoded: false };
}

await run(handler);
