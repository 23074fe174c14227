"""Apache httpd as a fixture: an API behind Digest, checked by mod_auth_digest."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from parts.catalogue import APACHE, PARTS
from parts.identity import OPENER
from parts.not_run import need
from parts.process import PartFailed, started

USERNAME, PASSWORD = "mix-user", "pa:ss wörd/+%"
REALM = "parts, digest"

HEAD = """
ServerName 127.0.0.1
ServerRoot {folder}
Listen 127.0.0.1:{port}
PidFile {folder}/pid
DefaultRuntimeDir {folder}
ErrorLog /dev/stderr
LogLevel warn
{modules}
{user}
DocumentRoot {folder}/files
ErrorDocument 401 "{{}}"
"""
CONFIG = """
<Location /digest/>
  AuthType Digest
  AuthName "{realm}"
  AuthDigestDomain /digest/
  AuthDigestProvider file
  AuthUserFile {folder}/users
  Require valid-user
</Location>
<Location /short/>
  AuthType Digest
  AuthName "{realm}"
  AuthDigestProvider file
  AuthUserFile {folder}/users
  AuthDigestNonceLifetime 1
  Require valid-user
</Location>
"""
MODULES = ("mpm_prefork", "authn_core", "authn_file", "authz_core", "authz_user", "auth_digest")
PLACES = Path("/usr/lib/apache2/modules"), Path("/usr/lib64/httpd/modules"), Path("/usr/libexec/apache2")


@dataclass(frozen=True)
class Apache:
    """A running Apache. Each place has one file, `me.json`, that only `apache.USERNAME`, `apache.PASSWORD` open; else 401.

    The digest is MD5 with a UTF-8 password and a realm with a comma. `uri` must be the target that was asked for.
    """

    origin: str

    @property
    def digest_url(self) -> str:
        """`qop="auth"`, a domain, and `Authentication-Info` with the answer."""
        return f"{self.origin}/digest/me.json"

    @property
    def short_url(self) -> str:
        """A nonce lives for one second; then the challenge says `stale=true`."""
        return f"{self.origin}/short/me.json"


@pytest.fixture(scope="session")
def apache() -> Iterator[Apache]:
    """Apache httpd, not as the system's service but with a configuration of its own: see `Apache`."""
    need(PARTS["apache"])
    with ExitStack() as stack:
        # Its children run as nobody, who cannot look into pytest's folders.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authweave-apache-")))
        folder.chmod(0o755)
        _write_files(folder)
        yield _started(stack, folder)


def _started(stack: ExitStack, folder: Path, *, tries: int = 3) -> Apache:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = HEAD.format(folder=folder, port=port, modules=loaded(*MODULES), user=user())
    (folder / "httpd.conf").write_text(text + CONFIG.format(folder=folder, realm=REALM))
    origin = f"http://127.0.0.1:{port}"
    command = [str(APACHE.path()), "-D", "FOREGROUND", "-f", str(folder / "httpd.conf")]
    try:
        stack.enter_context(started(command, folder, answered=lambda: _answer(origin), own_group=True))
    except PartFailed:
        if tries == 1:
            raise
        return _started(stack, folder, tries=tries - 1)
    return Apache(origin)


def loaded(*modules: str) -> str:
    """The lines that load modules; what is not there as a file is built in."""
    place = next(place for place in PLACES if place.is_dir())
    files = {name: place / f"mod_{name}.so" for name in modules}
    return "\n".join(f"LoadModule {name}_module {file}" for name, file in files.items() if file.exists())


def user() -> str:
    """Apache's children are nobody, where we are root."""
    return "User nobody\nGroup nogroup" if os.geteuid() == 0 else ""


def _write_files(folder: Path) -> None:
    for name in ("digest", "short"):
        (folder / "files" / name).mkdir(parents=True)
        (folder / "files" / name / "me.json").write_text('{"user": "me"}')
    (folder / "files" / "ready.json").write_text("{}")
    digest = hashlib.md5(f"{USERNAME}:{REALM}:{PASSWORD}".encode(), usedforsecurity=False).hexdigest()
    (folder / "users").write_text(f"{USERNAME}:{REALM}:{digest}\n", encoding="utf-8")


def _answer(origin: str) -> dict[str, str] | None:
    try:
        with OPENER.open(f"{origin}/ready.json", timeout=1) as answer:
            return {"http": origin} if answer.status == 200 else None
    except urllib.error.URLError:
        return None
