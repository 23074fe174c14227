"""What the first bytes of a body say of it, where it is not shown: who expects JSON and gets a picture wants to know."""

from __future__ import annotations

from typing import Final

_KINDS: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG image"), (b"\xff\xd8\xff", "JPEG image"), (b"GIF8", "GIF image"), (b"%PDF-", "PDF"), (b"PK\x03\x04", "ZIP archive"),
    (b"\x1f\x8b", "gzip, not unpacked"), (b"\x28\xb5\x2f\xfd", "Zstandard, not unpacked"), (b"BZh", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\x7fELF", "ELF program"),
    (b"SQLite format 3\x00", "SQLite database"), (b"\xef\xbb\xbf", "UTF-8 with a byte order mark"), (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"), (b"OggS", "Ogg media"), (b"ID3", "MP3 audio"),
)  # fmt: skip
_INSIDE: Final = ((8, b"WEBP", "WebP image"), (8, b"WAVE", "WAV audio"), (4, b"ftyp", "MP4 media"))


def file_kind(body: bytes) -> str:
    """`PNG image`; '' for what is not known by its first bytes."""
    for start, words in _KINDS:
        if body.startswith(start):
            return words
    return next((words for offset, mark, words in _INSIDE if body[offset : offset + len(mark)] == mark), "")
