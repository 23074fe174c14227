"""The JSON Schema of profiles: made, published, and asked."""

from __future__ import annotations

from authweave.schema.profile import EDITOR_LINE, installed, profile_schema, published, validator

__all__ = ["EDITOR_LINE", "installed", "profile_schema", "published", "validator"]
