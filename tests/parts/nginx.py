"""nginx as a fixture: an API behind Basic, API keys and client certificates, checked by nginx itself."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import pytest

from certificates import self_signed
from parts.catalogue import NGINX, PARTS
from parts.certificates import LOOPBACK, Authority, Certificate
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
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {tls.certificate};
    ssl_certificate_key {tls.key};
    ssl_client_certificate {ca};
    ssl_verify_client optional;
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
    location /certificate/ {{
      if ($ssl_client_verify != SUCCESS) {{ return 403; }}
      add_header X-Subject $ssl_client_s_dn;
    }}
    location /certificate-and-key/ {{
      if ($ssl_client_verify != SUCCESS) {{ return 403; }}
      if ($by_header = "") {{ return 401; }}
    }}
    location /two/ {{
      if ($by_header = "") {{ return 401; }}
      if ($by_query = "") {{ return 401; }}
    }}
    location /open/ {{ if ($http_authorization) {{ return 400; }} }}
    location /version/ {{ if ($http_x_api_version != "2024-01-18") {{ return 401; }} }}
  }}
  server {{
    listen 127.0.0.1:{strict_port} ssl;
    root {folder}/files;
    ssl_certificate {tls.certificate};
    ssl_certificate_key {tls.key};
    ssl_client_certificate {ca};
    ssl_verify_client on;
  }}
  server {{
    listen 127.0.0.1:{unknown_port} ssl;
    root {folder}/files;
    ssl_certificate {unknown.certificate};
    ssl_certificate_key {unknown.key};
    location / {{ if ($by_header = "") {{ return 401; }} }}
  }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx. Each place has one file, `me.json`, that only the right credential opens; else 401."""

    origin: str
    https: str
    strict: str
    unknown: str
    ca: Path

    def over_https(self) -> Nginx:
        """The same places over https; `ca` is the file to trust."""
        return replace(self, origin=self.https)

    @property
    def certificate_url(self) -> str:
        """https: wants a client certificate of the tests' authority, else 403; says in `X-Subject` whose it was."""
        return f"{self.https}/certificate/me.json"

    @property
    def certificate_and_key_url(self) -> str:
        """https: such a certificate (else 403), and `X-API-Key` (else 401)."""
        return f"{self.https}/certificate-and-key/me.json"

    @property
    def strict_url(self) -> str:
        """https: nobody without such a certificate gets further than 400 "No required SSL certificate was sent"."""
        return f"{self.strict}/certificate/me.json"

    @property
    def unknown_url(self) -> str:
        """https with a certificate that signs itself, in nobody's trust; wants `X-API-Key`."""
        return f"{self.unknown}/header/me.json"

    @property
    def two_url(self) -> str:
        """Wants `X-API-Key` and the query field `api_key`."""
        return f"{self.origin}/two/me.json"

    @property
    def version_url(self) -> str:
        """Wants `X-API-Version: 2024-01-18`."""
        return f"{self.origin}/version/me.json"

    @property
    def open_url(self) -> str:
        """For everybody, but 400 for a request with `Authorization`, as at links that are signed already."""
        return f"{self.origin}/open/me.json"

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
def nginx(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Nginx]:
    """nginx, not as root's service but with a configuration of its own: see `Nginx`. 401 answers are JSON."""
    need(PARTS["nginx"])
    folder = tmp_path_factory.mktemp("nginx")
    _write_files(folder)
    with ExitStack() as stack:
        yield _started(stack, folder, authority)


def _started(stack: ExitStack, folder: Path, authority: Authority, *, tries: int = 3) -> Nginx:
    """nginx has to be told its ports; should somebody take a free one first, take others."""
    port, tls_port, strict_port, unknown_port = _free_ports(4)
    text = CONFIG.format(
        folder=folder, port=port, key=API_KEY, odd=ODD_KEY, odd_encoded=quote(ODD_KEY, safe=""), tls_port=tls_port,
        strict_port=strict_port, unknown_port=unknown_port, tls=authority.issue(), ca=authority.ca,
        unknown=_self_signed(folder),
    )  # fmt: skip
    (folder / "nginx.conf").write_text(text)
    command = [str(NGINX.path()), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    origin = f"http://127.0.0.1:{port}"
    try:
        stack.enter_context(started(command, folder, answered=lambda: _answer(origin)))
    except PartFailed:
        if tries == 1:
            raise
        return _started(stack, folder, authority, tries=tries - 1)
    https, strict, unknown = (f"https://127.0.0.1:{each}" for each in (tls_port, strict_port, unknown_port))
    return Nginx(origin, https, strict, unknown, authority.ca)


def _self_signed(folder: Path) -> Certificate:
    """A certificate that vouches for itself."""
    issued = self_signed(*LOOPBACK)
    files = Certificate(folder / "unknown.pem", folder / "unknown.key")
    files.certificate.write_text(issued.certificate)
    files.key.write_text(issued.key)
    return files


def _write_files(folder: Path) -> None:
    for place in ("basic", "header", "query", "cookie", "certificate", "certificate-and-key", "two", "version", "open"):
        (folder / "files" / place).mkdir(parents=True)
        (folder / "files" / place / "me.json").write_text('{"user": "me"}')
    (folder / "files" / "401.json").write_text('{"error": "credential missing or wrong"}')
    (folder / "htpasswd").write_text(f"{USERNAME}:{_salted(PASSWORD)}\n", encoding="utf-8")


def _salted(password: str) -> str:
    salt = os.urandom(8)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [listener.getsockname()[1] for listener in listeners]


def _answer(origin: str) -> dict[str, str] | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{origin}/ready", timeout=1) as answer:
            return {"http": origin} if answer.status == 204 else None
    except urllib.error.URLError:
        return None
