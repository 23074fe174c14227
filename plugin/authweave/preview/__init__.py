"""What a profile would send, made offline by the code that sends it."""

from __future__ import annotations

from authweave.preview.making import preview
from authweave.preview.values import Preview, PreviewedInput, PreviewedPart, PreviewedRequest

__all__ = ["Preview", "PreviewedInput", "PreviewedPart", "PreviewedRequest", "preview"]
