"""Writes the pages that are made from the code: `python tests/generate_docs.py`. A test says when they drifted."""

from __future__ import annotations

from documentation.generated import write

if __name__ == "__main__":
    write()
