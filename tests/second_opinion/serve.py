"""MiniStack on a free port of loopback, and a client of it, for as long as standard input is open.

The first line written is the port. Each line read is a call, {"as": [key, secret, token?], "region", "service", "operation",
"parameters"}, and each further line written its answer, {"ok": …} or {"error": code}. When whoever started this ends, however
that comes about, standard input is closed and this process ends too.
"""

import asyncio
import json
import os
import socket
import sys
import threading

# Before the import: MiniStack reads its environment then. What is not listed here must not come from the developer's own.
for name in list(os.environ):
    if name.startswith(("AWS_", "MINISTACK_", "S3_", "LOCALSTACK_")):
        del os.environ[name]
# Bound here and handed over: its own start would listen on every interface and leave time for another to take the port.
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
os.environ.update(AUTH="true", GATEWAY_PORT=str(port), LOG_LEVEL="ERROR")

import botocore.session
from botocore.config import Config as ClientConfig
from botocore.exceptions import ClientError
from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app

session = botocore.session.Session()


def answer(call):
    key, secret, *token = call["as"]
    client = session.create_client(
        call["service"],
        region_name=call["region"],
        endpoint_url=f"http://127.0.0.1:{port}",
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
    os._exit(0)


threading.Thread(target=talk, daemon=True).start()
config = Config()
config.bind = [f"fd://{listener.fileno()}"]
config.loglevel = "ERROR"
asyncio.run(serve(app, config))
