"""moto's AWS as a fixture: every request's signature and policy is verified. The server itself: `wsgi/moto_server.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from parts.catalogue import MOTO, PARTS
from parts.not_run import need
from parts.part import HERE
from parts.process import running


@dataclass(frozen=True)
class Moto:
    """AWS on one origin (any region). The service is told by the signature's scope, and by path, query and body.

    The user's key may: list DynamoDB tables (`POST /` with `X-Amz-Target: DynamoDB_20120810.ListTables`,
    `Content-Type: application/x-amz-json-1.0`, body `{}`), do all with S3 (`GET /`; `PUT`, `GET /{bucket}/{key}`), ask
    STS `GetCallerIdentity` (`POST /`, form `Action=GetCallerIdentity&Version=2011-06-15`), and take `role_arn`
    (`Action=AssumeRole`). Only the role may list SQS queues (`POST /`, `X-Amz-Target: AmazonSQS.ListQueues`, body `{}`).

    A signature that does not fit is 403 SignatureDoesNotMatch, an unknown key 403 InvalidAccessKeyId or -ClientTokenId,
    what the policy does not allow 403 AccessDenied; always as XML.
    """

    http: str
    access_key_id: str
    secret_access_key: str
    role_arn: str
    bucket: str

    @property
    def origin(self) -> str:
        return self.http


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """moto's server, with a user and a role: see `Moto`."""
    need(PARTS["moto"])
    server = [MOTO.python, HERE / "wsgi" / "moto_server.py"]
    with running(server, tmp_path_factory.mktemp("moto"), config={}, patience=60) as facts:
        yield Moto(**facts)
