"""Reading profile files: text into plain data with the place of every part."""

from __future__ import annotations

from authweave.documents.reading import MAX_BYTES, MAX_DEPTH, parse_document, read_document

__all__ = ["MAX_BYTES", "MAX_DEPTH", "parse_document", "read_document"]
