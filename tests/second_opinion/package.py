"""What `sam package` makes of a template: the code of each function in a bucket, the template expanded by SAM's own translator.

    package.py TEMPLATE BINARIES ENDPOINT ACCOUNT REGION BUCKET

BINARIES is a folder with one executable per function, named as its `Metadata.BuildProperties.Binary`. Writes the expanded template to
standard output.
"""

import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile

import botocore.session
from botocore.config import Config

template, binaries, endpoint, account, region, bucket = sys.argv[1:]
os.environ["AWS_DEFAULT_REGION"] = region

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

s3 = botocore.session.Session().create_client(
    "s3",
    region_name=region,
    endpoint_url=endpoint,
    aws_access_key_id=account,
    aws_secret_access_key="test",
    config=Config(s3={"addressing_style": "path"}),
)
s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})


class NoManagedPolicies:
    """Policies are written out in the template; names of AWS's own would need IAM."""

    def load(self):
        return {}


def upload(binary):
    with tempfile.NamedTemporaryFile() as stripped, io.BytesIO() as archive:
        # Debug information is nine tenths of a debug build.
        subprocess.run(["strip", "-o", stripped.name, os.path.join(binaries, binary)], check=True)
        with zipfile.ZipFile(archive, "w") as files:
            bootstrap = zipfile.ZipInfo("bootstrap")
            bootstrap.external_attr = 0o755 << 16
            files.writestr(bootstrap, stripped.read())
        s3.put_object(Bucket=bucket, Key=f"{binary}.zip", Body=archive.getvalue())
    return {"Bucket": bucket, "Key": f"{binary}.zip"}


with open(template, encoding="utf-8") as source:
    document = yaml_parse(source.read())
for resource in document["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = upload(resource["Metadata"]["BuildProperties"]["Binary"])
json.dump(transform(copy.deepcopy(document), {}, NoManagedPolicies()), sys.stdout)
