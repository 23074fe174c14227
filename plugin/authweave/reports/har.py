"""The calls of a report as HTTP Archive 1.2, which browsers' tools and proxies open. Redacted as the report is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from authweave.hookspecs import Register, hookimpl
from authweave.reports.words import title_of

if TYPE_CHECKING:
    from authweave.report import Answered, Asked, Body, Exchange, Part, Report

_UNKNOWN: Final = -1
_IN_URLS: Final = "%!#$&'()*+,/:;=?@[]~"
"""What stays as it is: a mark of a secret is not."""
_MEDIA: Final[Mapping[str, str]] = {
    "none": "", "form": "application/x-www-form-urlencoded", "json": "application/json", "multipart": "multipart/form-data",
    "xml": "application/xml", "text": "text/plain", "html": "text/html", "binary": "application/octet-stream",
}  # fmt: skip
_NO_DATE: Final = "1970-01-01T00:00:00.000Z"
_CONNECTING: Final[Mapping[str, tuple[str, ...]]] = {"dns": ("dns",), "connect": ("connect", "proxy", "tls"), "ssl": ("tls",)}
_SECRETS: Final = "Secrets are marks: ‹secret name: length, fingerprint›. Sizes are those of what was sent; -1 is not known."


class HarReport:
    """`har`: an entry for each call, a page for each report. ASCII only. What HAR has no name for begins with `_`."""

    name: ClassVar[str] = "har"

    def render(self, report: Report) -> str:
        """The report as one HAR file."""
        return self.render_many((report,))

    def render_many(self, reports: Sequence[Report]) -> str:
        """All of them in one HAR file."""
        from authweave._version import __version__

        log = {
            "version": "1.2",
            "creator": {"name": "authweave", "version": __version__},
            "pages": [_page(report, f"page_{number}") for number, report in enumerate(reports, 1)],
            "entries": [entry for number, report in enumerate(reports, 1) for entry in _entries(report, f"page_{number}")],
            "comment": _SECRETS,
        }
        return json.dumps({"log": log}, indent=2) + "\n"


def _page(report: Report, name: str) -> dict[str, Any]:
    return {
        "startedDateTime": report.started or _NO_DATE,
        "id": name,
        "title": title_of(report),
        "pageTimings": {"onContentLoad": _UNKNOWN, "onLoad": _rounded(report.ms)},
        "comment": f"token {report.token.word}, credential {report.credential.word}",
        "_again": report.again,
        "_diagnoses": [{"code": found.code, "sentence": found.sentence} for found in report.diagnoses],
    }


def _entries(report: Report, page: str) -> Iterator[dict[str, Any]]:
    for exchange in report.exchanges:
        timings = _timings(exchange)
        entry = {
            "pageref": page,
            "startedDateTime": exchange.started or report.started or _NO_DATE,
            "time": _total(timings),
            "request": _request(exchange),
            "response": _response(exchange),
            "cache": {},
            "timings": timings,
            "comment": exchange.title,
            "_purpose": exchange.purpose,
        }
        if exchange.error:
            entry["_error"] = exchange.error
        yield entry | _address(exchange.address)


def _request(exchange: Exchange) -> dict[str, Any]:
    asked: Asked = exchange.asked
    request = {
        "method": asked.method,
        "url": quote(asked.url, _IN_URLS, errors="replace"),
        "httpVersion": exchange.answered.http_version if exchange.answered else "HTTP/1.1",
        "cookies": [pair for part in asked.headers if part.name.lower() == "cookie" for pair in _cookies(part.value)],
        "headers": _named(asked.headers),
        "queryString": _named(asked.query),
        "headersSize": _UNKNOWN,
        "bodySize": asked.body.size,
        "_origin": asked.origin,
        "_place": asked.place,
    }
    if asked.path:
        request["_path"] = _named(asked.path)
    if asked.body.kind != "none" or asked.body.note:
        request["postData"] = _post_data(asked)
    return request


def _post_data(asked: Asked) -> dict[str, Any]:
    body: Body = asked.body
    data: dict[str, Any] = {"mimeType": _media(asked.headers, body)}
    if body.kind in ("form", "multipart") and not body.note:
        data["params"] = _named(body.parts)
    else:
        data["text"] = _body_text(body)
    return data | _said(body)


def _response(exchange: Exchange) -> dict[str, Any]:
    answered: Answered | None = exchange.answered
    if answered is None:
        return {
            "status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [], "content": {"size": 0, "mimeType": "x-unknown"},
            "redirectURL": "", "headersSize": _UNKNOWN, "bodySize": _UNKNOWN, "_error": exchange.error,
        }  # fmt: skip
    return {
        "status": answered.status,
        "statusText": answered.reason,
        "httpVersion": answered.http_version,
        "cookies": [cookie for part in answered.headers if part.name.lower() == "set-cookie" for cookie in _cookies(part.value)[:1]],
        "headers": _named(answered.headers),
        "content": _content(answered),
        "redirectURL": next((part.value for part in answered.headers if part.name.lower() == "location"), ""),
        "headersSize": _UNKNOWN,
        "bodySize": _on_the_wire(answered),
    }


def _content(answered: Answered) -> dict[str, Any]:
    body: Body = answered.body
    content: dict[str, Any] = {"size": body.size, "mimeType": _media(answered.headers, body) or "x-unknown"}
    if text := _body_text(body):
        content["text"] = text
    return content | _said(body)


def _body_text(body: Body) -> str:
    """Its text, or one made from its fields: what is hidden there is hidden here."""
    if body.text or not body.parts:
        return body.text
    if body.kind == "form":
        return "&".join(f"{part.name}={part.value}" for part in body.parts)
    return json.dumps({part.name: part.value for part in body.parts}, ensure_ascii=False)


def _said(body: Body) -> dict[str, str]:
    said = [body.note, "cut" if body.truncated else "", "made from its fields" if body.parts and not body.text and body.kind == "json" else ""]
    return {"comment": "; ".join(filter(None, said))} if any(said) else {}


def _on_the_wire(answered: Answered) -> int:
    """How large the body was before it was decoded, where the answer says so."""
    if answered.body.truncated and answered.body.kind == "none":
        return _UNKNOWN
    headers = {part.name.lower(): part.value for part in answered.headers}
    if (length := headers.get("content-length", "")).isascii() and length.isdecimal():
        return int(length)
    return _UNKNOWN


def _timings(exchange: Exchange) -> dict[str, float]:
    """In milliseconds; `connect` holds `ssl`, as HAR wants it. What came after the last stage counts as waiting."""
    took: dict[str, float] = {}
    for one in exchange.timings:
        took[one.stage] = took.get(one.stage, 0.0) + one.ms
    timings: dict[str, float] = {"blocked": _UNKNOWN}
    for name, stages in _CONNECTING.items():
        timings[name] = _rounded(sum(took.get(stage, 0.0) for stage in stages)) if any(stage in took for stage in stages) else _UNKNOWN
    wait = took.get("headers", 0.0) if exchange.answered else max(exchange.ms - sum(took.values()), 0.0)
    return timings | {"send": _rounded(took.get("sent", 0.0)), "wait": _rounded(wait), "receive": _rounded(took.get("body", 0.0))}


def _total(timings: Mapping[str, float]) -> float:
    """The sum of all but `ssl`, which is part of `connect`."""
    return _rounded(sum(ms for name, ms in timings.items() if name != "ssl" and ms >= 0))


def _address(address: str) -> dict[str, str]:
    host, _, port = address.rpartition(":")
    return {"serverIPAddress": host, "connection": port} if host else {}


def _named(parts: Sequence[Part]) -> list[dict[str, str]]:
    return [{"name": part.name, "value": part.value} | ({"_origin": part.origin} if part.origin else {}) | ({"_place": part.place} if part.place else {}) for part in parts]


def _cookies(value: str) -> list[dict[str, str]]:
    """Pairs of a Cookie field, or the first of a Set-Cookie."""
    pairs = (pair.partition("=") for pair in value.split("; "))
    return [{"name": name, "value": text} for name, equals, text in pairs if equals]


def _media(headers: Sequence[Part], body: Body) -> str:
    return next((part.value for part in headers if part.name.lower() == "content-type"), _MEDIA[body.kind])


def _rounded(ms: float) -> float:
    return round(ms, 3)


@hookimpl
def register_reports(register: Register) -> None:
    """Add `har`."""
    register(HarReport)
