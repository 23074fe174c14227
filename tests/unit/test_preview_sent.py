"""What a preview shows is what is then sent: for every profile that ships, and every one of the sandbox's."""

from __future__ import annotations

from pathlib import Path

import pytest

from authweave.engine import Engine
from authweave.preview import preview
from authweave.probe import test_profile as probe_profile
from authweave.resources import profiles_folder
from authweave.sandbox import Person, for_test
from thorough import few

IN_CONVERSATION = {"kore-kerberos"}
"""Its credential is made by a library of the system, in a conversation: nobody can foretell it."""
FOLDERS = (profiles_folder(), Path(__file__).parent.parent / "sandbox_profiles")
FILES = sorted(path for folder in FOLDERS for path in folder.glob("*.yaml") if path.stem not in IN_CONVERSATION)
OF_TRANSPORT = {"host", "user-agent", "accept-encoding", "accept", "connection", "content-length"}
PURPOSES = {"token": "token", "check": "task", "before": "before", "after": "after"}


def names(headers):
    return [name.lower() for name, _ in headers if name.lower() not in OF_TRANSPORT]


def shown(text):
    """A text that both can know: without what is new for each request, or not at hand offline."""
    return "‹" not in text


@pytest.mark.parametrize("path", few(FILES, every=10), ids=lambda path: path.stem)
def test_previewed_is_sent(path):
    """Method, URL, the order of header fields, and every part whose value both can show."""
    with Engine() as outside:
        profile = outside.profile(path)
    with for_test(profile, {}) as (inside, inputs):
        subject = "somebody" if profile.subject == "user" else None
        report = probe_profile(inside, profile, subject=subject, inputs=inputs, sandbox=True, person=Person(inside.wire))
        made = preview(inside.connect(profile, subject=subject, inputs=inputs))

    sent = {}
    for exchange in report.exchanges:
        if exchange.purpose in PURPOSES:
            sent.setdefault((PURPOSES[exchange.purpose], exchange.title.partition(" ")[2] if exchange.purpose in ("before", "after") else ""), exchange.asked)
    compared = 0
    for one in made.requests:
        asked = sent.get((one.purpose, one.step))
        if asked is None:
            continue
        compared += 1
        assert "" == one.error
        assert asked.method == one.method
        assert asked.url.partition("?")[0] == one.url.partition("?")[0] or not (shown(asked.url) and shown(one.url))
        assert [pair.partition("=")[0] for pair in asked.url.partition("?")[2].split("&")] == [pair.partition("=")[0] for pair in one.url.partition("?")[2].split("&")]
        assert names((part.name, part.value) for part in asked.headers) == names(one.headers)
        told = dict(one.headers)
        for part in asked.headers:
            if part.name in told and shown(part.value) and shown(told[part.name]) and part.name.lower() not in ("date", "x-ms-date", "x-amz-date"):
                assert part.value == told[part.name]
        assert [part.name for part in asked.body.parts] == [part.key for part in one.parts if part.place == "payload"]
        for part, other in zip(asked.body.parts, (part for part in one.parts if part.place == "payload"), strict=True):
            assert part.value == other.value or not (shown(part.value) and shown(other.value)), part.name
    assert compared or not report.exchanges
