"""A person's browser for BROWSER, at the test's identity providers: logs in, agrees, and goes where it is sent: `FILE [refuse] URL`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import httpx

from parts.browsing import sign_in

*words, first = sys.argv[1:]
with httpx.Client(trust_env=False, timeout=30) as browser:
    link = browser.get(first).headers["Location"]  # the page of ours that leads to the provider
    back = sign_in(link, refuse="refuse" in words)
    Path(words[0]).write_text(browser.get(back).text)
