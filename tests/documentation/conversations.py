"""Profiles of the documentation with what they put onto the wire.

A conversation is a YAML block with the HTTP blocks after it; a JSON block between them is what the token endpoint answers,
and a comment `<!-- task: METHOD URL BODY -->` before an HTTP block the task request, where it is not `GET /v1/me`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from authweave.loading import loads
from authweave.values import TaskRequest
from documentation.markdown import Block, Page
from documentation.profiles import profile_text
from provider import Says, provider
from sockets import Asked

HOSTS = ("login.acme.example", "api.acme.example")
TOKEN = {"access_token": "T0k3n", "token_type": "Bearer", "expires_in": 900}
INPUTS = {
    "client_id": "bot", "client_secret": "s3cr3t", "username": "ada", "password": "open sesame", "token": "T0k3n", "api_key": "k3y",
    "tenant": "acme", "refresh_token": "c0ns3nt", "session": "s3ss10n", "device": "d-17", "account_id": "1042", "gateway_key": "gw-5", "signing_key": "s1gn",
    "consumer_key": "bot-7", "consumer_secret": "c0nsum3r", "token_secret": "t0k3ns3cr3t", "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "subject_token": "subj3ct", "shared_secret": "correct horse battery staple",
}  # fmt: skip
"""What somebody supplied in the examples."""
SENDERS_OWN = frozenset({"accept", "accept-encoding", "connection", "content-length", "user-agent"})
"""Header fields that are not the profile's: shown only where they matter."""


@dataclass
class Conversation:
    """A profile, the answer of its token endpoint, the task request, and the requests that are shown."""

    profile: Block
    answer: dict[str, Any] = field(default_factory=lambda: TOKEN)
    task: str = "GET /v1/me"
    shown: list[Block] = field(default_factory=list)

    def __str__(self) -> str:
        return str(self.profile)

    def played(self) -> list[str]:
        """What goes onto the wire: a first task, one after the token has ended, and what ends it for good."""
        profile = loads(profile_text(self.profile), source=f"<{self.profile}>")
        says = [self.answer, {}] if profile.variants[0].tokens else [{}]
        hosts = {*HOSTS, *(line.removeprefix("Host: ") for block in self.shown for line in block.text.splitlines() if line.startswith("Host: "))}
        with provider(hosts, [Says(200, content) for content in [*says, *says, {}]]) as at:
            connection = at.engine.connect(profile, inputs={name: value for name, value in INPUTS.items() if name in profile.inputs})
            for _ in range(2):
                at.send(connection.authorize(self.request()).result(10))
                at.clock.now += 1_000_000
            connection.revoke().result(10)
            return [as_text(asked) for asked in at.asked]

    def request(self) -> TaskRequest:
        method, url, *body = self.task.split(" ", 2)
        return TaskRequest(method, url, (("Content-Type", "application/json"),) if body else (), body[0].encode() if body else None)


def conversations(page: Page) -> list[Conversation]:
    """Every profile of a page that is followed by requests."""
    found: list[Conversation] = []
    for block in page.blocks:
        if block.language == "yaml":
            found.append(Conversation(block))
        elif block.language == "json":
            found[-1].answer = json.loads(block.text)
        elif block.language == "http":
            found[-1].task = block.task or found[-1].task
            found[-1].shown.append(block)
    return [each for each in found if each.shown]


def as_text(asked: Asked) -> str:
    """A request as the pages show it."""
    headers = [f"{name}: {value}\n" for name, value in asked.headers if name.lower() not in SENDERS_OWN]
    body = f"\n{asked.body.decode()}\n" if asked.body else ""
    return f"{asked.line}\n{''.join(headers)}{body}"
