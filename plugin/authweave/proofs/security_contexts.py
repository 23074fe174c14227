"""Kerberos and NTLM, by pyspnego: contexts that make tokens for a server and check its own. RFC 4559, MS-NTHT."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from authweave.answers.challenges import challenges
from authweave.errors import ApplyError
from authweave.machine.forks import Lock
from authweave.values import TaskRequest, TaskResponse

MOST_KEPT: Final = 1000


class Kept:
    """Contexts whose token is on its way, found again by that token; of very many the oldest are let go of. Safe for threads."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Any] = OrderedDict()
        self._lock = Lock()

    def hold(self, token: str, context: Any) -> None:
        """Keep a context until its answer comes."""
        with self._lock:
            self._held[token] = context
            if len(self._held) > MOST_KEPT:
                self._held.popitem(last=False)

    def take(self, token: str | None) -> Any:
        """The context that made this token, once; None for none."""
        with self._lock:
            return self._held.pop(token, None) if token else None


def kerberos(service: str, host: str, *, delegate: bool, mutual: bool, extra: str) -> Any:
    """A context with the process's own ticket. Asks the KDC where there is no ticket for the service yet. Raises ApplyError."""
    spnego = _library(extra)
    wanted = spnego.ContextReq.integrity | spnego.ContextReq.replay_detect
    wanted |= spnego.ContextReq.mutual_auth if mutual else spnego.ContextReq.none
    wanted |= spnego.ContextReq.delegate if delegate else spnego.ContextReq.none
    failure = ""
    try:
        with _unlogged():
            return spnego.client(hostname=host, service=service, context_req=wanted, protocol="kerberos")
    except ImportError:
        failure = _missing("the Kerberos library of this system is", extra)
    except (spnego.exceptions.SpnegoError, ValueError) as error:
        failure = f"no ticket for {service}@{host}: {_words(error)}; {TICKETS}"
    raise ApplyError(failure)


def ntlm(username: str, password: str, host: str, extra: str) -> Any:
    """A context for a user, who may be written `DOMAIN\\user` or `user@domain`. No network. Raises ApplyError."""
    spnego = _library(extra)
    failure = ""
    try:
        with _unlogged():
            return spnego.client(username, password, hostname=host, service="HTTP", protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    except (spnego.exceptions.SpnegoError, ValueError) as error:
        failure = f"no NTLM message for this user: {_words(error)}"
    raise ApplyError(failure)


TICKETS: Final = "sign in to the realm (kinit), or name the ticket cache (KRB5CCNAME) or a keytab (KRB5_CLIENT_KTNAME)"


def stepped(context: Any, token: bytes | None, certificate: bytes | None = None) -> bytes | None:
    """The next token of a context, after the server's. It is bound to the TLS connection where its certificate (DER) is
    known (RFC 5929 §4.1). Raises ApplyError in the library's words."""
    import spnego

    failure = ""
    try:
        with _unlogged():
            made: bytes | None = context.step(token, channel_bindings=_bindings(certificate) if certificate else None)
            return made
    except (spnego.exceptions.SpnegoError, ValueError) as error:
        failure = _words(error)
    raise ApplyError(failure)


def token_in(request: TaskRequest, scheme: str) -> str | None:
    """The token (base64) of a request's credential in this scheme."""
    said, _, token = (request.header("authorization") or "").partition(" ")
    return token.strip() if said.lower() == scheme else None


def offered(response: TaskResponse, scheme: str) -> tuple[bool, bytes | None]:
    """Does the server name the scheme, and with which token?"""
    lines = [value for name, value in response.headers if name.lower() == "www-authenticate"]
    found = [one for one in challenges(lines) if one.scheme == scheme]
    token68 = next((one.token68 for one in found if one.token68), None)
    try:
        return bool(found), base64.b64decode(token68, validate=True) if token68 else None
    except ValueError:
        return bool(found), None


def _bindings(certificate: bytes) -> Any:
    """`tls-server-end-point`: the hash of the server's certificate, by the hash of its signature but never less than SHA-256."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from spnego.channel_bindings import GssChannelBindings

    name = "sha256"
    try:
        found = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
        name = found.name if found is not None and found.name in ("sha384", "sha512") else name
    except (ValueError, UnsupportedAlgorithm):
        pass
    return GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.new(name, certificate).digest())


def _library(extra: str) -> Any:
    found: Any = None
    with contextlib.suppress(ImportError):
        found = importlib.import_module("spnego")
        importlib.import_module("spnego.exceptions")
    if found is None:
        raise ApplyError(_missing("the package pyspnego is", extra))
    return found


def _missing(what: str, extra: str) -> str:
    return f"{what} not installed: pip install 'authweave[{extra}]'"


def _words(error: Exception) -> str:
    """The library's own words, in one line: they name principals and files, never a password."""
    return " ".join(str(error).partition(", Context:")[0].split())[:300] or type(error).__name__


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """pyspnego writes tokens into its debug log, and they are credentials: in this thread it stays silent meanwhile."""
    _here.silent = True
    try:
        yield
    finally:
        _here.silent = False


def _is_loud(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or not getattr(_here, "silent", False)


_here: Final = threading.local()
for _name in ("spnego._ntlm", "spnego._gss", "spnego._negotiate", "spnego._sspi"):
    logging.getLogger(_name).addFilter(_is_loud)
