"""MiniStack on a free port of loopback, and a client of it, for as long as standard input is open.

The first line written is the port. Each line read is a call, {"as": [key, secret, token?], "region", "service", "operation",
"parameters"}, and each further line written its answer, {"ok": …} or {"error": code}. When whoever started this ends, however
that comes about, standard input is closed and this process ends too.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
import threading

# A group of its own, so that it can end together with the functions that it starts.
os.setpgid(0, 0)
# Before the import: MiniStack reads its environment then. What is not listed here must not come from the developer's own.
for name in list(os.environ):
    if name.startswith(("AWS_", "MINISTACK_", "S3_", "LOCALSTACK_")):
        del os.environ[name]
# Bound here and handed over: its own start would listen on every interface and leave time for another to take the port.
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
endpoint = f"http://127.0.0.1:{port}"
# Deployed functions inherit this environment: where they find what Lambda's own network has.
for service in ("DYNAMODB", "S3", "STS", "LAMBDA", "SQS", "KMS"):
    os.environ[f"AWS_ENDPOINT_URL_{service}"] = endpoint
# MiniStack unpacks the functions' code into the temporary directory and leaves it there.
unpacked = tempfile.TemporaryDirectory()
tempfile.tempdir = unpacked.name
# Whoever calls an HTTP API has no AWS account, and MiniStack looks for the API in this one only.
os.environ.update(AUTH="true", GATEWAY_PORT=str(port), LOG_LEVEL="ERROR", MINISTACK_ACCOUNT_ID=sys.argv[1])

import botocore.session
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app
from ministack.services import apigateway, lambda_svc

session = botocore.session.Session()


def answer(call):
    key, secret, *token = call["as"]
    client = session.create_client(
        call["service"],
        region_name=call["region"],
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token[0] if token else None,
        config=ClientConfig(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )
    try:
        return {"ok": getattr(client, call["operation"])(**call["parameters"])}
    except ClientError as error:
        return {"error": error.response["Error"]["Code"]}


def talk():
    print(port, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)), default=str), flush=True)
    unpacked.cleanup()
    # With every function that runs.
    os.killpg(0, signal.SIGKILL)


class Unauthorized(Exception):
    """What the authorizer failed with."""


# MiniStack answers every failure of an authorizer with 500 (services/apigateway.py, _invoke_request_authorizer_lambda). API Gateway
# answers 401 if the message is "Unauthorized".
execute, authorize = lambda_svc._execute_function_with_config_scope, apigateway._authorize_request_v2


def execute_or_refuse(function, event):
    result = execute(function, event)
    body = result.get("body") if isinstance(result, dict) and result.get("error") else None
    if event.get("type") == "REQUEST" and isinstance(body, dict) and body.get("errorMessage") == "Unauthorized":
        raise Unauthorized
    return result


async def authorize_or_refuse(*arguments, **named):
    try:
        return await authorize(*arguments, **named)
    except Unauthorized:
        return (401, {"Content-Type": "application/json"}, b'{"message":"Unauthorized"}'), None


lambda_svc._execute_function_with_config_scope = execute_or_refuse
apigateway._authorize_request_v2 = authorize_or_refuse
threading.Thread(target=talk, daemon=True).start()
config = Config()
config.bind = [f"fd://{listener.fileno()}"]
config.loglevel = "ERROR"
asyncio.run(serve(app, config))
