"""A browser for BROWSER: goes to the page, follows its redirects, and puts down the last page: `python browser_process.py FILE URL`."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    with opener.open(sys.argv[2], timeout=20) as page:
        seen = {"status": page.status, "url": page.url, "headers": dict(page.headers), "text": page.read().decode()}
except urllib.error.HTTPError as error:
    seen = {"status": error.code, "url": error.url, "headers": dict(error.headers), "text": error.read().decode()}
Path(sys.argv[1]).write_text(json.dumps(seen))
