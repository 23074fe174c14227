"""Reports of every kind, for the tests of the formats: what came of it, and texts that attack a syntax."""

from __future__ import annotations

from dataclasses import replace

import sockets
from probing import oauth, report_of, run, says_json, written
from sockets import answers

HOSTILE = "]]><x a='1'>&amp;\"$(touch x)`id`\\\x00\x1b[2J\x85\r\n\t\ufffe\ud800\u202e'; rm -rf ~ #"
"""What XML, HTML, JSON, a shell and a terminal would each like to read."""


def every_kind(folder):
    """A report for each way that a run may end."""
    busy = ("Retry-After", "7")
    return {
        "accepted": report_of(folder),
        "refused": report_of(folder, says_json({"error": "invalid_client"}, 401)),
        "busy": report_of(folder, says_json({"error": "temporarily_unavailable"}, 503, busy)),
        "forbidden": report_of(folder, api=answers(403, body=b"{}")),
        "refused by the api": report_of(folder, api=answers(401, ("WWW-Authenticate", 'Bearer error="invalid_token"'), body=b"no")),
        "inconclusive": report_of(folder, api=answers(404, ("Set-Cookie", "a=b; Path=/"), body=b"<html>gone")),
        "narrowed": report_of(folder, says_json({"access_token": "t0ken-Planted_0123456789.abcdefgh", "token_type": "Bearer", "scope": "read"})),
        "unreachable": run(written(folder, oauth(f"http://127.0.0.1:{sockets.free_port()}/t"))),
        "invalid": run(written(folder, {"type": "oauth2", "wrong": 1})),
        "missing": run(written(folder, oauth("https://a.invalid/t")), inputs={}),
        "no servers": run(written(folder, {"type": "bearer"}, servers=()), inputs={"token": "t0ken-Planted_0123456789.abcdefgh"}),
    }


def hostile(report):
    """The report with the hostile text wherever a server, a file or an author may put one."""
    diagnoses = tuple(replace(one, sentence=HOSTILE, evidence=(HOSTILE,), fixes=tuple(replace(fix, text=HOSTILE, place=HOSTILE) for fix in one.fixes)) for one in report.diagnoses)
    return replace(
        report, profile=HOSTILE, version=HOSTILE, identity_provider=HOSTILE, source=HOSTILE, tenant=HOSTILE, subject=HOSTILE, variant=HOSTILE,
        again=HOSTILE, messages=(HOSTILE,), not_tested=(HOSTILE,), compared=(HOSTILE,), stale=(HOSTILE,), diagnoses=diagnoses,
        stages=tuple(replace(one, text=HOSTILE, about=HOSTILE) for one in report.stages),
        exchanges=tuple(_hostile_exchange(one) for one in report.exchanges),
    )  # fmt: skip


def _hostile_exchange(exchange):
    parts = tuple(replace(part, name=HOSTILE, value=HOSTILE, origin=HOSTILE, place=HOSTILE) for part in exchange.asked.headers)
    body = replace(exchange.asked.body, text=HOSTILE, note=HOSTILE, parts=parts)
    asked = replace(exchange.asked, method=HOSTILE, url=HOSTILE, target=HOSTILE, headers=parts, query=parts, path=parts, body=body, origin=HOSTILE, place=HOSTILE)
    answered = replace(exchange.answered, reason=HOSTILE, headers=parts, body=body) if exchange.answered else None
    return replace(exchange, title=HOSTILE, error=HOSTILE, asked=asked, answered=answered)
