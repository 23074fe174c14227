"""URLs of profiles, and the origins that may receive a credential."""

from __future__ import annotations

from authweave.urls.origins import Origin, ServerPattern
from authweave.urls.url import UrlTemplate, compile_url, fill, is_literal, join, literal_url, placeholders_in

__all__ = ["Origin", "ServerPattern", "UrlTemplate", "compile_url", "fill", "is_literal", "join", "literal_url", "placeholders_in"]
