"""nginx as a fixture: an API behind Basic and API keys, checked by nginx itself."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from parts.catalogue import NGINX, PARTS
from parts.not_run import need
from parts.process import PartFailed, started

USERNAME, PASSWORD = "mix-üser", "pa:ss wörd/+%"
API_KEY = "k3y-Of.the~API_1"
ODD_KEY = "k3y/+=&% odd"

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
  access_log off;
  default_type application/json;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_x_api_key $by_header {{ default ""; "{key}" "me"; "{odd}" "me"; }}
  map $arg_api_key $by_query {{ default ""; "{key}" "me"; "{odd_encoded}" "me"; }}
  map $cookie_api_key $by_cookie {{ default ""; "{key}" "me"; }}
  map $key_in_path $by_path {{ default ""; "{key}" "me"; "{odd}" "me"; }}
  server {{
    listen 127.0.0.1:{port};
    root {folder}/files;
    error_page 401 /401.json;
    location = /ready {{ return 204; }}
    location /basic/ {{ auth_basic "parts"; auth_basic_user_file {folder}/htpasswd; }}
    location /header/ {{ if ($by_header = "") {{ return 401; }} }}
    location /query/ {{ if ($by_query = "") {{ return 401; }} }}
    location /cookie/ {{ if ($by_cookie = "") {{ return 401; }} }}
    location ~ ^/path/bot(?<key_in_path>.+)/me.json$ {{
      if ($by_path = "") {{ return 401; }}
      rewrite ^ /header/me.json break;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx. Each place has one file, `me.json`, that only the right credential opens; else 401."""

    origin: str

    @property
    def basic_url(self) -> str:
        """Behind Basic: `nginx.USERNAME`, `nginx.PASSWORD` (UTF-8, with a colon in the password)."""
        return f"{self.origin}/basic/me.json"

    @property
    def header_url(self) -> str:
        """Wants `X-API-Key`: `nginx.API_KEY` or `nginx.ODD_KEY`."""
        return f"{self.origin}/header/me.json"

    @property
    def query_url(self) -> str:
        """Wants the query field `api_key`: API_KEY, or ODD_KEY with everything but RFC 3986's unreserved encoded."""
        return f"{self.origin}/query/me.json"

    @property
    def cookie_url(self) -> str:
        """Wants the cookie `api_key`: API_KEY."""
        return f"{self.origin}/cookie/me.json"

    def path_url(self, key: str = "{api_key}") -> str:
        """Wants the key in its path: API_KEY, or ODD_KEY as one encoded segment. Without `key`, the template."""
        return f"{self.origin}/path/bot{key}/me.json"


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """nginx, not as root's service but with a configuration of its own: see `Nginx`. 401 answers are JSON."""
    need(PARTS["nginx"])
    folder = tmp_path_factory.mktemp("nginx")
    _write_files(folder)
    with ExitStack() as stack:
        yield _started(stack, folder)


def _started(stack: ExitStack, folder: Path, *, tries: int = 3) -> Nginx:
    """nginx has to be told its port; should somebody take the free one first, take another."""
    port = _free_port()
    text = CONFIG.format(folder=folder, port=port, key=API_KEY, odd=ODD_KEY, odd_encoded=quote(ODD_KEY, safe=""))
    (folder / "nginx.conf").write_text(text)
    command = [str(NGINX.path()), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    origin = f"http://127.0.0.1:{port}"
    try:
        stack.enter_context(started(command, folder, answered=lambda: _answer(origin)))
    except PartFailed:
        if tries == 1:
            raise
        return _started(stack, folder, tries=tries - 1)
    return Nginx(origin)


def _write_files(folder: Path) -> None:
    for place in ("basic", "header", "query", "cookie"):
        (folder / "files" / place).mkdir(parents=True)
        (folder / "files" / place / "me.json").write_text('{"user": "me"}')
    (folder / "files" / "401.json").write_text('{"error": "credential missing or wrong"}')
    (folder / "htpasswd").write_text(f"{USERNAME}:{_salted(PASSWORD)}\n", encoding="utf-8")


def _salted(password: str) -> str:
    salt = os.urandom(8)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _answer(origin: str) -> dict[str, str] | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{origin}/ready", timeout=1) as answer:
            return {"http": origin} if answer.status == 204 else None
    except urllib.error.URLError:
        return None
