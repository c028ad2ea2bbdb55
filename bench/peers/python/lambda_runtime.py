"""The loop of Lambda's Runtime API (2018-06-01), with the standard library only: less to import than awslambdaric, which helps this side."""

import http.client
import json
import os


def run(handler):
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        api.request("GET", "/2018-06-01/runtime/invocation/next")
        event = api.getresponse()
        request_id = event.headers["lambda-runtime-aws-request-id"]
        path = f"/2018-06-01/runtime/invocation/{request_id}"
        body = event.read()
        try:
            answer = json.dumps(handler(json.loads(body)), separators=(",", ":"), ensure_ascii=False).encode()
            api.request("POST", f"{path}/response", answer, {"content-type": "application/json"})
        except Exception as error:
            fault = json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()
            api.request("POST", f"{path}/error", fault)
        api.getresponse().read()
