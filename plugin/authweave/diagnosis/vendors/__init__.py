"""Vendors' own words for what is wrong, where public documentation says what they mean. One file a vendor; a new one is a row there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from authweave.diagnosis.vendors import apis, auth0, entra, github, google, more, okta, salesforce, slack, zoom
from authweave.diagnosis.vendors.code import API, TOKEN, Code, Sample

__all__ = ["API", "CODES", "TOKEN", "Code", "Sample", "code_in"]

CODES: Final[Mapping[str, Code]] = {
    **entra.CODES, **salesforce.CODES, **google.CODES, **okta.CODES, **auth0.CODES, **slack.CODES, **github.CODES, **zoom.CODES, **more.CODES, **apis.CODES,
}  # fmt: skip
"""Every word of a vendor by its name."""


def code_in(lines: str, at: str) -> Code | None:
    """The vendor's word in these lines (`error=invalid_auth`), of a token server or an API; None for none."""
    return next((code for code in CODES.values() if code.at == at and code.is_in(lines)), None)
