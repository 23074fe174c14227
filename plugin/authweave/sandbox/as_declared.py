"""Is a call to the provider as the profile declares it: where it goes, its form, its fields, its content?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl

from authweave.drafts.contents import content_text
from authweave.profile import Profile, Request
from authweave.sandbox.account import Address
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.listener import Reply, json_reply
from authweave.sandbox.wanted import Wanted, wanted_fields

_MEDIA_TYPES: Final = {
    "form": "application/x-www-form-urlencoded", "json": "application/json", "multipart": "multipart/form-data",
    "xml": "application/xml", "text": "text/plain",
}  # fmt: skip


def declared(request: Request, scope: Mapping[str, Any], profile: Profile) -> list[Wanted]:
    """The fields of a call; those that `encoding: query` puts into the URL are wanted there."""
    fields = wanted_fields(request.fields, scope, profile)
    return [replace(field, place="query") if request.encoding == "query" and field.place == "payload" else field for field in fields]


def leads_to(address: Address, arrived: Arrived) -> bool:
    """Is the request for this endpoint, its written query included?"""
    written = parse_qsl(address.query, keep_blank_values=True)
    return (address.scheme, address.host, address.port, address.path) == (
        arrived.scheme,
        arrived.host,
        arrived.port,
        arrived.path,
    ) and all(pair in arrived.query for pair in written)


def pairs(arrived: Arrived, request: Request) -> list[tuple[str, str]]:
    """The parameters, from where this request carries them."""
    if request.encoding == "query":
        return list(arrived.query)
    if request.encoding == "json":
        return [(name, str(value)) for name, value in arrived.json.items()] if isinstance(arrived.json, dict) else []
    if request.encoding == "xml" and arrived.xml is not None:
        return [(node.tag.rpartition("}")[2], node.text or "") for node in arrived.xml]
    return list((arrived.parts if request.encoding == "multipart" else arrived.form) or ())


def wrong_form(arrived: Arrived, request: Request, scope: Mapping[str, Any]) -> Reply | None:
    """A refusal of another method or media type than the declared one."""
    method = request.method_in(scope)
    if arrived.method != method:
        refusal = {
            "error": "invalid_request",
            "error_description": f"this endpoint takes {method}, not {arrived.method}",
        }
        return json_reply(405, refusal, ("Allow", method))
    wanted = (request.content_type_in(scope) or "").partition(";")[0].strip().lower() or _MEDIA_TYPES.get(request.encoding, "")
    if wanted and arrived.media_type != wanted:
        return _invalid(f"the body is {arrived.media_type or 'without a media type'}, and should be {wanted}")
    return None


def missing(fields: list[Wanted], arrived: Arrived) -> Reply | None:
    """A refusal of a request that lacks a declared field."""
    for field in fields:
        if not field.is_met(arrived):
            state = "is not as declared" if field.found(arrived) else "is missing"
            return _invalid(f"{field.words} {state}")
    return None


def wrong_content(arrived: Arrived, request: Request, scope: Mapping[str, Any]) -> Reply | None:
    """A body that the profile writes out must be that body, as far as it can be foreseen."""
    if request.content is None or request.content.functions & {"now", "uuid", "random"}:
        return None
    wanted = content_text(request.content, request.encoding, request.content_type_in(scope), scope)
    return None if wanted.encode() == arrived.body else _invalid("the body is not the declared one")


def authorization_of(arrived: Arrived) -> dict[str, str]:
    """The header field with the client's credentials, as oauthlib takes it; none where there is none."""
    lines = arrived.header_lines("authorization")
    return {"Authorization": lines[0]} if lines else {}


def _invalid(why: str) -> Reply:
    return json_reply(400, {"error": "invalid_request", "error_description": why})
