"""Values at a server that we did not write: httpbin says back what it read in header, query, path and body."""

from __future__ import annotations

from urllib.parse import unquote

import httpx
import httpx2
import pytest

from authweave.errors import AuthweaveError
from hostile import EXACT, HOSTILE, MARK, spoken
from services import engine, profile
from test_injection_outside import NO_TLS, in_header, is_text

VALUES = [value for number, value in enumerate(dict.fromkeys([*EXACT, *HOSTILE])) if len(value) < 4096 and (value in EXACT or number % 9 == 0)]  # gunicorn reads 8 KiB of a line
INPUTS = {"v": {"secret": True, "required": False, "default": ""}}
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
PLACES = {
    "header": ({"in": "header", "key": "X-Probe"}, {}, lambda said: said["headers"].get("X-Probe", ""), lambda value: value == "" or in_header(value)),
    "query": ({"in": "query", "key": "probe"}, {}, lambda said: said["args"]["probe"], is_text),
    "form": ({"in": "payload", "key": "probe"}, {"content": b"a=1", "headers": HEADERS}, lambda said: said["form"]["probe"], is_text),
    "json": ({"in": "payload", "key": "probe"}, {"json": {"a": 1}}, lambda said: said["json"]["probe"], is_text),
    "multipart": ({"in": "payload", "key": "probe"}, {"content": b'--b0und\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b0und--\r\n', "headers": {"Content-Type": "multipart/form-data; boundary=b0und"}}, lambda said: said["form"]["probe"], is_text),
}  # fmt: skip


@pytest.mark.parametrize("package", [httpx, httpx2], ids=lambda package: package.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_what_the_server_says_back(httpbin: str, place: str, package: object) -> None:
    """The value, one of it; or an error of ours that holds nothing of it."""
    where, request, said, carries = PLACES[place]
    made, run = profile({"type": "custom", "fields": [{**where, "value": "{{ inputs.v }}"}]}, httpbin, inputs=INPUTS), engine(inputs={})
    wrong = []
    for value in VALUES:
        connection = run.connect(made, inputs={"v": value} if value else {})
        got, failure = None, None
        try:
            with package.Client(auth=connection.auth, trust_env=False, verify=NO_TLS) as client:  # type: ignore[attr-defined]  # one of two packages
                got = said(client.post(f"{httpbin}/anything", **request).json())
        except AuthweaveError as error:
            failure = spoken(error)
        if got != (value if carries(value) else None) or (failure and MARK in failure):
            wrong.append((value[:60], got, failure and failure[:100]))
    assert not wrong, "\n".join(map(repr, wrong))


def test_the_path(httpbin: str) -> None:
    """httpbin tells the URL it was asked for, as it reads it: behind the prefix stands one segment, which is the value."""
    made = profile({"type": "none"}, httpbin, inputs=INPUTS, fields=[{"in": "path", "key": "probe", "value": "{{ inputs.v }}", "optional": True}])
    for value in ("0012", "a{{b}}c", "é", "p:w%+ x", "%2e%2e", "..;", "a;b=c", "e\u0301", "😀"):
        connection = engine(inputs={"v": value}).connect(made)
        with httpx.Client(auth=connection.auth, trust_env=False, verify=NO_TLS) as client:
            response = client.get(httpbin, extensions={"authweave": {"path": "/anything/{probe}"}})
        assert unquote(response.request.url.raw_path.decode().removeprefix("/anything/")) == value
        assert response.json()["url"].partition("/anything/")[2].replace("%20", " ") in (value, unquote(value))  # it escapes blanks again, and no percent sign
