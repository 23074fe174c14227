"""`python -m authweave`: the same as the command `authweave`."""

from __future__ import annotations

from authweave.cli import main

main()
