"""`har`: HAR 1.2 that other tools open, with no secret in it."""

from __future__ import annotations

import gzip
import json
from datetime import datetime

import pytest
from haralyzer import HarParser

from authweave.redaction import fingerprint
from authweave.report import Report
from authweave.reports.har import HarReport
from certificates import Authority, server_context
from every_report import every_kind, hostile
from probing import INPUTS, refuse_leaks, report_of, wire
from sockets import answers, says


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One of each kind."""
    return every_kind(tmp_path_factory.mktemp("profiles"))


def log_of(*reports):
    """The log, as JSON says it."""
    return json.loads(HarReport().render_many(reports) if len(reports) != 1 else HarReport().render(reports[0]))["log"]


def test_another_reader_opens_it(reports):
    """haralyzer finds the pages, the requests, their fields and the answers."""
    parser = HarParser({"log": log_of(reports["accepted"])})
    [page] = parser.pages
    token, check = page.entries

    assert ("1.2", "authweave", "acme@0.0.0") == (parser.version, parser.creator["name"], page.title)
    assert ("POST", "GET") == (token.request.method, check.request.method)
    assert (200, 200) == (token.response.status, check.response.status)
    assert check.request.get_header_value("Authorization").startswith("Bearer ‹secret access_token: 33 chars, #")
    assert ("127.0.0.1", "application/x-www-form-urlencoded") == (token.serverAddress, token.request.mimeType)
    assert '{"me": "someone"}' == check.response.text
    assert page.get_total_size(page.entries) == sum(entry.response.bodySize for entry in page.entries)


@pytest.mark.parametrize("kind", ["accepted", "refused", "inconclusive", "unreachable"])
def test_times_add_up(reports, kind):
    """`time` is the sum of the phases; `connect` holds `ssl`; what did not happen is -1; entries begin one after another, in the run."""
    log = log_of(reports[kind])
    assert log["entries"]

    for entry, exchange in zip(log["entries"], reports[kind].exchanges, strict=True):
        timings = entry["timings"]
        assert pytest.approx(sum(ms for name, ms in timings.items() if name != "ssl" and ms >= 0), abs=0.002) == entry["time"]
        assert entry["time"] <= exchange.ms + 0.1
        assert (-1, -1) == (timings["ssl"], timings["blocked"])
        assert all(ms >= 0 for name, ms in timings.items() if name in ("send", "wait", "receive"))
    moments = [datetime.fromisoformat(text) for text in (log["pages"][0]["startedDateTime"], *(entry["startedDateTime"] for entry in log["entries"]))]
    assert sorted(moments) == moments


def test_tls_is_part_of_connecting(tmp_path):
    """`ssl` has its time, and `connect` is not shorter."""
    authority = Authority()
    report = report_of(tmp_path, tls=server_context(authority.issue("127.0.0.1")), wire_=wire(ca=authority.pem))

    timings = log_of(report)["entries"][0]["timings"]
    assert 0 < timings["ssl"] <= timings["connect"]


def test_a_call_without_an_answer(reports):
    """Status 0 and why, in the entry and in its answer."""
    [entry] = log_of(reports["unreachable"])["entries"]

    assert (0, -1, "") == (entry["response"]["status"], entry["response"]["bodySize"], entry["response"]["statusText"])
    assert "nothing listens" in entry["_error"].lower() or "refused" in entry["_error"].lower()
    assert entry["_error"] == entry["response"]["_error"]


def test_sizes_are_honest(tmp_path):
    """A packed answer has its size on the wire and its size unpacked; one without a length has -1."""
    packed = gzip.compress(b'{"a": "' + b"x" * 1000 + b'"}')
    report = report_of(tmp_path, api=answers(200, ("Content-Encoding", "gzip"), ("Content-Type", "application/json"), body=packed))
    unsized = report_of(tmp_path, api=says(b"HTTP/1.1 200 OK\r\n\r\nhello"))

    response = log_of(report)["entries"][1]["response"]
    assert (len(packed), 1009) == (response["bodySize"], response["content"]["size"])
    response = log_of(unsized)["entries"][1]["response"]
    assert (-1, 5, -1) == (response["bodySize"], response["content"]["size"], response["headersSize"])


def test_every_part_has_its_place(tmp_path):
    """Fields, parameters and cookies stand where HAR has them, each with the key that it comes from; secrets are marks everywhere."""
    secret = "key/planted+0123456789"
    fields = [{"in": place, "key": place[0], "value": "{{ inputs.api_key }}"} for place in ("header", "query", "cookie", "path")]
    profile = {"inputs": {"api_key": {"secret": True}}, "test": {"request": {"url": "/v1/{p}/me?page=2"}}}
    report = report_of(tmp_path, profile={**profile, "fields": fields}, inputs={**INPUTS, "api_key": secret})
    text = HarReport().render(report)
    request = json.loads(text)["log"]["entries"][1]["request"]

    assert [("page", "2"), ("q", f"‹secret api_key: {len(secret)} chars, {fingerprint(secret)}›")] == [(one["name"], one["value"]) for one in request["queryString"]]
    assert ["c"] == [one["name"] for one in request["cookies"]]
    assert ["fields[3]"] == [one["_origin"] for one in request["_path"]]
    assert "fields[0]" == next(one["_origin"] for one in request["headers"] if one["name"] == "h")
    assert request["url"].isascii()
    assert " " not in request["url"]
    assert text.isascii()
    refuse_leaks(report, secret)


def test_bodies(tmp_path):
    """A form as parameters; JSON as text; HTML as a note, with no text."""
    test = {"request": {"method": "POST", "url": "/v1/me", "encoding": "json", "fields": [{"in": "payload", "key": "own", "value": 1}]}}
    report = report_of(tmp_path, api=answers(200, ("Content-Type", "text/html"), body=b"<html><title>Hi</title>"), profile={"test": test})
    token, check = log_of(report)["entries"]

    assert {"grant_type": "client_credentials", "scope": "read write"} == {one["name"]: one["value"] for one in token["request"]["postData"]["params"]}
    assert {"own": "1"} == json.loads(check["request"]["postData"]["text"])
    assert "text" not in check["response"]["content"]
    assert "titled 'Hi'" in check["response"]["content"]["comment"]
    assert "postData" not in log_of(report_of(tmp_path))["entries"][1]["request"]


def test_many_reports(reports):
    """A page each, and every entry on its page."""
    log = log_of(reports["accepted"], reports["missing"], reports["refused"])

    assert ["page_1", "page_2", "page_3"] == [page["id"] for page in log["pages"]]
    assert ["page_1", "page_1", "page_3"] == [entry["pageref"] for entry in log["entries"]]
    assert ["invalid_client"] == [found["code"] for found in log["pages"][2]["_diagnoses"]]
    assert [] == log_of(Report())["entries"]


def test_nothing_breaks_out(reports):
    """Hostile texts stay texts, in ASCII."""
    text = HarReport().render(hostile(reports["refused"]))

    assert text.isascii()
    assert 1 == len(json.loads(text)["log"]["entries"])
    assert not set(text) & set("\x00\x1b\r")


def test_a_foreign_schema_takes_it(reports, har_problems):
    """Every kind of report, a hostile one and all of them together are HAR 1.2 as npm har-schema has it; and it refuses what is none."""
    logs = [log_of(report) for report in reports.values()]

    assert [har_problems({"log": log}) for log in (*logs, log_of(hostile(reports["accepted"])), log_of(*reports.values()))] == [[]] * (len(logs) + 2)
    del logs[0]["entries"][0]["request"]["headersSize"]
    assert any("headersSize" in problem for problem in har_problems({"log": logs[0]}))
