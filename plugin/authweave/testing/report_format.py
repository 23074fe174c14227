"""What every format of the test report promises (`contracts.ReportFormat`). The least:

    class TestMarkdown(ReportFormatContract):
        extension = Markdown
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest

from authweave.report import Answered, Asked, Body, Diagnosis, Exchange, Fix, Part, Report, Stage, Timing, Verdict
from authweave.testing.extension import ExtensionContract
from authweave.testing.trial import in_a_crowd
from authweave.values import Mark, Problem

HOSTILE = "]]><x a='1'>&amp;\"$(touch x)`id`\\'; -->|*_#{{ 7 }}"
"""What XML, HTML, JSON, a shell and a page would each like to read. Nothing in a Report moves a cursor: that is taken out before."""


def reports() -> dict[str, Report]:
    """Reports of several ends: accepted, refused, not valid, with texts that attack, and one that says nothing at all."""
    asked = Asked(
        "POST", "https://idp.example/token", "/token", (Part("Authorization", "Basic ‹18 characters #ab12›", "auth.client_secret", "header"),),
        Body("form", 29, (Part("grant_type", "client_credentials", "auth.grant_type", "payload"),)), origin="auth.token_url",
    )  # fmt: skip
    answered = Answered(200, "OK", "HTTP/1.1", (Part("Content-Type", "application/json"),), Body("json", 40, text='{"token_type": "Bearer"}'))
    call = Exchange("token", "token request", asked, answered, "", 12.5, "192.0.2.1:443", (Timing("connect", 3.0, "to 192.0.2.1"),), "2026-01-01T00:00:00Z")
    good = Report(
        profile="acme", version="1.2.0", identity_provider="Acme", source="profiles/acme.yaml", tenant="blue", started="2026-01-01T00:00:00Z", ms=40.0,
        token=Verdict("obtained", "a token for 900 s"), credential=Verdict("accepted", "the API answered 200"),
        stages=(Stage("load", "ok", 1.0, "valid"), Stage("token_call", "ok", 12.5, "200"), Stage("verdict", "ok")), exchanges=(call,), again="authweave test acme",
    )  # fmt: skip
    diagnosis = Diagnosis("invalid_client", "error", "token_call", "The client is not known.", ("error: invalid_client",), (Fix("auth.client_id", "acme.yaml:7", "look at it"),))
    silent = replace(call, answered=None, error="nothing listens there")
    refused = replace(good, token=Verdict("refused", "invalid_client"), credential=Verdict("not_tested"), diagnoses=(diagnosis,), exchanges=(silent,))
    problem = Problem("grant.name", "acme.yaml", Mark(7, 3), "auth.grant_typ", "is not known here", "did you mean grant_type?")
    invalid = Report(profile="acme", source="acme.yaml", problems=(problem,), stages=(Stage("load", "failed", 1.0, "1 problem"),))
    return {"accepted": good, "refused": refused, "invalid": invalid, "hostile": _hostile(refused), "empty": Report()}


def _hostile(report: Report) -> Report:
    parts: Any = (Part(HOSTILE, HOSTILE, HOSTILE, "header"),)
    stages = tuple(replace(one, text=HOSTILE, about=HOSTILE) for one in report.stages)
    exchanges = tuple(replace(one, title=HOSTILE, error=HOSTILE, asked=replace(one.asked, headers=parts, url=f"https://idp.example/{HOSTILE}")) for one in report.exchanges)
    diagnoses = tuple(replace(one, sentence=HOSTILE, evidence=(HOSTILE,), fixes=(Fix(HOSTILE, HOSTILE, HOSTILE),)) for one in report.diagnoses)
    return replace(report, profile=HOSTILE, identity_provider=HOSTILE, tenant=HOSTILE, stages=stages, exchanges=exchanges, diagnoses=diagnoses, messages=(HOSTILE,))


class ReportFormatContract(ExtensionContract):
    """`extension` is the class; it is made without arguments, or with `for_stream`."""

    kind = "reports"

    @pytest.mark.parametrize("name", reports())
    def test_every_report_is_rendered(self, name: str) -> None:
        """As text, without what moves a cursor; the same again, and nothing of another report."""
        report = reports()[name]
        first, other = self.extension().render(report), self.extension().render(reports()["accepted"])
        again = self.extension().render(reports()[name])

        assert isinstance(first, str)
        assert first
        assert [hex(ord(one)) for one in set(first) if unicodedata.category(one) == "Cc" and one not in "\n\t\r"] == []
        assert first == again
        assert name == "accepted" or first != other

    def test_it_says_what_came_of_it(self) -> None:
        """A report of a refusal is another one than that of a success, whatever else the format leaves out."""
        made = {name: self.extension().render(report) for name, report in reports().items()}

        assert len(set(made.values())) == len(made)

    def test_one_object_renders_many(self) -> None:
        """It keeps nothing between reports, nor between threads."""
        renderer, report = self.extension(), reports()["refused"]
        alone = self.extension().render(report)
        renderer.render(reports()["accepted"])

        assert {alone} == set(in_a_crowd(lambda: renderer.render(report), 8))

    def test_for_a_stream(self) -> None:
        """`for_stream`, where there is one, makes a renderer for a terminal or a file."""
        if hasattr(self.extension, "for_stream"):
            assert isinstance(self.extension.for_stream(StringIO()).render(reports()["accepted"]), str)

    def test_many_in_one(self) -> None:
        """`render_many`, where there is one, holds every report; of none it is a text, too."""
        if hasattr(self.extension, "render_many"):
            many = tuple(replace(one, profile=f"acme-{number}") for number, one in enumerate([reports()["accepted"], reports()["refused"]]))
            text = self.extension().render_many(many)
            assert isinstance(text, str)
            assert text != self.extension().render_many(many[:1])
            assert isinstance(self.extension().render_many(()), str)

    def test_it_prints_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        """Who asked decides where the text goes."""
        self.extension().render(reports()["accepted"])

        assert ("", "") == capfd.readouterr()
