"""A local system with two organizations that look alike, each with something of everything."""

import re
import subprocess
import threading
import time
import uuid
from pathlib import Path

import requests

SPORLOG = Path("target/debug/sporlog")
ENTITIES = {
    "order": "orderId",
    "order-line": "orderLineId",
    "piece": "pieceId",
    "invoice": "invoiceId",
    "invoice-line": "invoiceLineId",
    "organization": "organizationId",
}
# Both organizations know this entity and these cases: the same id is not the same thing.
SHARED_ENTITY = "7b1f6a52-6f0e-4d0c-9d0f-6a5f5b3f0001"
SHARED_CASES = [1, 2]


class Server:
    """`sporlog serve` on free ports, stopped at the end of the `with`."""

    def __enter__(self):
        command = [SPORLOG, "serve", "--ephemeral", "--no-demo", "--settle-seconds", "0"]
        command += [f"--{name}=0" for name in ("port", "invoke-port", "dynamodb-port", "s3-port")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.log = []
        # Read all the time, or the pipe is full one day and the server waits.
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stderr), daemon=True)
        self.reader.start()
        said = ""
        for line in self.process.stdout:
            said += line
            if line == "ready\n":
                break
        else:
            raise SystemExit("the server has ended: " + "".join(self.log))
        address = lambda name: re.search(rf"^{name} +(?:http://)?(\S+)$", said, re.MULTILINE)[1]
        self.api, self.invoke = "http://" + address("HTTP API"), "http://" + address("Lambda, SQS")
        self.dynamodb_port = address("DynamoDB").rsplit(":", 1)[1]
        self.data = address("data")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)

    def sporlog(self, *arguments):
        done = subprocess.run([SPORLOG, *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def token(self, org, *scopes, role="admin"):
        scopes = [word for scope in scopes for word in ("--scope", scope)]
        return self.sporlog("token", "--data-dir", self.data, "--org", org, "--role", role, *scopes)

    def call(self, method, path, expected, token=None, body=None, **headers):
        """What the API answers to what sets the scene: anything unexpected ends it all."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = requests.request(method, self.api + path, json=body, headers=headers, timeout=30)
        if answer.status_code not in expected:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None


class Organization:
    """One of the two. `canary` is in each of its texts, and nobody ever sends it: who is told it was told of this organization."""

    def __init__(self, server, org, canary, first_case, entity):
        self.org, self.canary, self.entity = org, canary, entity
        self.cases = list(range(first_case, first_case + 5))
        self.audits, self.audits_with_file, self.keys, self.runs = [], [], [], []
        self.token = server.token(org, "audit.all", "audit.config.all")
        self.operator = server.token(org, "platform:admin")
        server.call("PUT", f"/orgs/{org}", [201], self.operator, {"name": f"Library {canary}"})
        self.key = server.sporlog(
            "api-key", "--dynamodb-port", server.dynamodb_port, "--org", org, "--scope", "kyc:read", "--scope", "kyc:write"
        )
        # Whoever revokes this one sees nothing but 401 from then on.
        self.key_in_use = server.call("GET", f"/orgs/{org}/api-keys", [200], self.token)[0]["id"]
        for number in range(4):
            body = {"name": f"{canary} {number}", "scopes": ["kyc:read"]}
            self.keys.append(server.call("POST", f"/orgs/{org}/api-keys", [201], self.token, body)["id"])
        self.fill_cases(server)
        self.fill_audits(server)
        self.fill_acquisition(server)
        self.fill_settings(server)
        self.fill_export(server)

    def fill_cases(self, server):
        for case in SHARED_CASES + self.cases:
            entry = {"user": self.canary, "entity_type": "kyc_case", "reason": f"reason {self.canary}"}
            entries = [
                {**entry, "action": "STATUS_CHANGED", "field": "status", "new_value": f"{status} {self.canary}"}
                for status in ("OPEN", "CLOSED")
            ] + [{**entry, "action": "NOTE"}]
            path = f"/api/v1/kyc/cases/{case}/audit-log"
            server.call("POST", path, [201], body={"entries": entries}, X_API_Key=self.key)

    def fill_audits(self, server):
        path = "/api/v1/bufdir-export-audit"
        for number in range(30):
            body = {
                "export_id": f"{self.canary}-{number}",
                "org_id": self.org,
                "triggered_by_user_id": self.canary,
                "format": "pdf",
                "period_from": "2025-01-01",
                "period_to": "2025-12-31",
            }
            audit = server.call("POST", path, [201], self.token, body)["audit_id"]
            self.audits.append(audit)
            if number % 3 == 1:
                body = {"status": "failed", "error_message": self.canary}
                server.call("PUT", f"{path}/{audit}/status", [200], self.token, body)
            if number % 3 == 2:
                server.call("PUT", f"{path}/{audit}/status", [200], self.token, {"status": "processing"})
                body = {"file_url": f"https://files.example/{self.canary}.pdf"}
                server.call("PUT", f"{path}/{audit}/file", [200], self.token, body)
                self.audits_with_file.append(audit)

    def fill_acquisition(self, server):
        events = []
        for kind, member in ENTITIES.items():
            snapshot = member.removesuffix("Id") + "Snapshot"
            for entity in (self.entity, SHARED_ENTITY):
                for number in range(3):
                    payload = {
                        "id": str(uuid.uuid4()),
                        "action": "Edit",
                        member: entity,
                        "userId": str(uuid.uuid4()),
                        "actionDate": f"2026-01-0{number + 1}T10:00:00.000Z",
                        "eventDate": f"2026-01-0{number + 1}T10:00:00.000Z",
                        snapshot: {"id": entity, "note": self.canary, "receivingStatus": f"{self.canary} {number}"},
                    }
                    for line, parent in (("order-line", "orderId"), ("invoice-line", "invoiceId")):
                        if kind == line:
                            payload[parent] = entity
                    events.append({"orgId": self.org, "type": kind, "payload": payload})
        path = f"{server.invoke}/2015-03-31/functions/IngestFunction/invocations"
        answer = requests.post(path, json={"events": events}, timeout=60).json()
        if answer.get("stored") != len(events):
            raise SystemExit(f"ingest: {answer}")

    def fill_settings(self, server):
        path = "/audit/config/groups/audit.acquisition/settings/snapshot.format"
        body = {"key": "snapshot.format", "value": "plain", "type": "STRING", "description": self.canary}
        server.call("PUT", path, [204], body=body, X_Okapi_Token=self.token, X_Okapi_Tenant=self.org)

    def fill_export(self, server):
        path, bucket = f"/orgs/{self.org}/audit-export", f"bucket-{self.canary}"
        external_id = server.call("GET", f"{path}/setup?bucket={bucket}", [200], self.token)["externalId"]
        arn = server.sporlog(
            "role", f"{self.org}-export", "--data-dir", server.data, "--bucket", bucket, "--external-id", external_id
        )
        body = {"bucket": bucket, "region": "eu-north-1", "roleArn": arn, "prefix": self.canary}
        server.call("POST", f"{path}/config", [201], self.token, body)
        # Switching it on starts a run. Whoever waits for a second one has one that is over.
        until = time.monotonic() + 60
        while not any(run["status"] == "succeeded" for run in self.listed_runs(server)):
            if time.monotonic() > until:
                raise SystemExit(f"no run of {self.org} has succeeded")
            time.sleep(0.2)
            server.call("POST", f"{path}/runs", [202, 409], self.token)
        self.runs = [run["id"] for run in self.listed_runs(server)]

    def listed_runs(self, server):
        return server.call("GET", f"/orgs/{self.org}/audit-export/runs", [200], self.token)


def two_organizations(server):
    """Their names differ by a digit that looks like a letter; ids of the one are known to the other's requests."""
    one = Organization(server, "fuzz-one", "kanarie5f0c1a", 101, "7b1f6a52-6f0e-4d0c-9d0f-6a5f5b3f000a")
    other = Organization(server, "fuzz-0ne", "kanarie9d27eb", 201, "7b1f6a52-6f0e-4d0c-9d0f-6a5f5b3f000b")
    return one, other
