"""moto's server with its users, made through its own IAM API; from then on it verifies signatures and policies. See `moto.py`."""

import json
import threading

import boto3  # type: ignore[import-not-found]  # lives in the part's own virtual environment
import requests  # type: ignore[import-untyped]  # the same
from moto.server import ThreadedMotoServer  # type: ignore[import-not-found]  # the same
from serving import ready

BUCKET, ROLE = "parts-bucket", "parts-reader"


def allowing(*actions: str) -> str:
    """A policy that allows these and nothing else."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def made_at(origin: str) -> dict[str, str]:
    """The user and the role."""
    known = {"endpoint_url": origin, "region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    iam = boto3.client("iam", **known)
    user = iam.create_user(UserName="robot")["User"]["Arn"]
    iam.put_user_policy(
        UserName="robot",
        PolicyName="may",
        PolicyDocument=allowing("sts:AssumeRole", "dynamodb:ListTables", "s3:*", "execute-api:*"),
    )
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=ROLE, PolicyName="may", PolicyDocument=allowing("sqs:ListQueues"))
    key = iam.create_access_key(UserName="robot")["AccessKey"]
    boto3.client("s3", **known).create_bucket(Bucket=BUCKET)
    return {
        "access_key_id": key["AccessKeyId"],
        "secret_access_key": key["SecretAccessKey"],
        "role_arn": role,
        "bucket": BUCKET,
    }


server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
facts = made_at(f"http://{host}:{port}")
requests.post(f"http://{host}:{port}/moto-api/reset-auth", data="0", timeout=10).raise_for_status()
ready({"http": f"http://{host}:{port}", **facts})
threading.Event().wait()
