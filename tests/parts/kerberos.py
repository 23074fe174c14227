"""A Kerberos realm as a fixture: MIT's KDC, and an API behind Negotiate, checked by Apache's mod_auth_gssapi."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from parts import apache
from parts.catalogue import APACHE, KERBEROS, PARTS
from parts.identity import OPENER
from parts.not_run import need
from parts.process import PartFailed, started

REALM = "PARTS.EXAMPLE"
USERNAME, PASSWORD = "robot", "robot-password"

CLIENT = """
[libdefaults]
  default_realm = {realm}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
[realms]
  {realm} = {{
    kdc = 127.0.0.1:{port}
  }}
[domain_realm]
  localhost = {realm}
"""
KDC = """
[kdcdefaults]
  kdc_listen = 127.0.0.1:{port}
  kdc_tcp_listen = 127.0.0.1:{port}
[realms]
  {realm} = {{
    database_name = {folder}/principal
    key_stash_file = {folder}/stash
    max_life = 1h
  }}
"""
LOCATION = """
<Location /negotiate/>
  AuthType GSSAPI
  AuthName "parts"
  GssapiCredStore keytab:{folder}/keytab
  GssapiAllowedMech krb5
  Require valid-user
</Location>
"""
SERVICE = "HTTP/localhost"


@dataclass(frozen=True)
class Kerberos:
    """An API behind `WWW-Authenticate: Negotiate`, and tickets for it.

    `environment` (KRB5_CONFIG, KRB5CCNAME) makes a process the user `robot` of PARTS.EXAMPLE, with a ticket; with
    `nobody` it knows the realm and has none. The service's name is `HTTP@localhost`: it must be asked as localhost.
    """

    url: str
    environment: dict[str, str]
    nobody: dict[str, str]


@pytest.fixture(scope="session")
def kerberos() -> Iterator[Kerberos]:
    """A realm with a user and a service: see `Kerberos`. 401 without a ticket for it."""
    for part in ("apache", "kerberos"):
        need(PARTS[part])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="authweave-kerberos-")))
        folder.chmod(0o755)
        environment = _realm(stack, folder)
        origin = _api(stack, folder, environment)
        nobody = {**environment, "KRB5CCNAME": f"FILE:{folder}/nothing"}
        yield Kerberos(f"{origin}/negotiate/me.json", environment, nobody)


def _realm(stack: ExitStack, folder: Path) -> dict[str, str]:
    """The KDC with its principals; what a process needs to know to be the user."""
    port = _free_port()
    (folder / "krb5.conf").write_text(CLIENT.format(realm=REALM, port=port))
    (folder / "kdc.conf").write_text(KDC.format(realm=REALM, port=port, folder=folder))
    environment = {
        "KRB5_CONFIG": str(folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        "KRB5CCNAME": f"FILE:{folder}/tickets",
    }  # fmt: skip
    known = {**os.environ, **environment}

    def run(program: str, *words: str, said: str | None = None) -> None:
        done = subprocess.run([str(KERBEROS.path(program)), *words], env=known, input=said, text=True, capture_output=True, check=False)
        if done.returncode:
            raise PartFailed(f"{program} {words[0]}: {done.stderr}")

    run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master-password")
    run("kadmin.local", "-q", f"addprinc -pw {PASSWORD} {USERNAME}@{REALM}")
    run("kadmin.local", "-q", f"addprinc -randkey {SERVICE}@{REALM}")
    run("kadmin.local", "-q", f"ktadd -k {folder}/keytab {SERVICE}@{REALM}")
    (folder / "keytab").chmod(0o644)  # Apache's children are nobody
    command = [str(KERBEROS.path()), "-n", "-P", str(folder / "kdc.pid")]
    (folder / "kdc").mkdir()
    stack.enter_context(started(command, folder / "kdc", answered=lambda: _listens(port), environment=environment))
    run("kinit", f"{USERNAME}@{REALM}", said=f"{PASSWORD}\n")
    return {name: environment[name] for name in ("KRB5_CONFIG", "KRB5CCNAME")}


def _api(stack: ExitStack, folder: Path, environment: dict[str, str]) -> str:
    (folder / "files" / "negotiate").mkdir(parents=True)
    (folder / "files" / "negotiate" / "me.json").write_text('{"user": "me"}')
    (folder / "files" / "ready.json").write_text("{}")
    port = _free_port()
    modules = apache.loaded("mpm_prefork", "authn_core", "authz_core", "authz_user", "auth_gssapi")
    text = apache.HEAD.format(folder=folder, port=port, modules=modules, user=apache.user())
    (folder / "httpd.conf").write_text(text + LOCATION.format(folder=folder))
    (folder / "httpd").mkdir()
    command = [str(APACHE.path()), "-D", "FOREGROUND", "-f", str(folder / "httpd.conf")]
    stack.enter_context(
        started(command, folder / "httpd", answered=lambda: _answers(port), environment=environment, own_group=True)
    )
    return f"http://localhost:{port}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _listens(port: int) -> dict[str, int] | None:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return None
    return {"port": port}


def _answers(port: int) -> dict[str, int] | None:
    try:
        with OPENER.open(f"http://127.0.0.1:{port}/ready.json", timeout=1) as answer:
            return {"port": port} if answer.status == 200 else None
    except OSError:
        return None
