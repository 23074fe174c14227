"""The `Authorization` of Digest access authentication: RFC 7616."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from authweave.answers.challenges import challenges
from authweave.contracts import Sealed, Signing
from authweave.drafts.draft import Placed, with_header
from authweave.errors import MissingInput, ServerUnproven
from authweave.hookspecs import Register, hookimpl
from authweave.proofs.digest_access.authorization import Turn, authorization, is_proven, parameters_of
from authweave.proofs.digest_access.challenge import DigestChallenge, can_go_back, strongest
from authweave.proofs.digest_access.spaces import Spaces
from authweave.values import TaskRequest, TaskResponse

_NAME: Final = "Authorization"


class Digest:
    """Answers what the server asked for. The very first request to a server goes without a credential: only its refusal
    holds the nonce that the proof is made over. From then on the proof goes along, with the count of the nonce's uses.

    Nothing but Digest is ever answered, so no server gets the password by asking for Basic; a proxy's challenge (407) is
    none of ours.
    """

    name: ClassVar[str] = "digest"
    reads_body: ClassVar[bool] = True  # for qop auth-int; and because the first request is always sent twice

    def __init__(self) -> None:
        self._spaces = Spaces()

    def sign(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request with its proof, or as it is where nothing was learned yet. Raises InputError, PlacementError, TemplateError."""
        _refuse_nobody(signing)
        turn = self._spaces.turn(request.url)
        if turn is None:
            return Sealed(request)
        return _with_proof(request, authorization(turn, request, signing.text("username"), signing.text("password")), signing)

    def foretold(self, request: TaskRequest, signing: Signing) -> Sealed:
        """The request as it is once the server has asked: with a proof over a nonce that is made up."""
        turn = Turn(DigestChallenge("the server's realm", "the-server-s-nonce", "SHA-256", "auth"), 1, "ours")
        return _with_proof(request, authorization(turn, request, signing.text("username"), signing.text("password")), signing)

    def learned(self, request: TaskRequest, response: TaskResponse, signing: Signing) -> str:
        """`challenge`: there is one to answer now. `stale`: only the nonce was too old. Raises ServerUnproven."""
        sent = parameters_of(request)
        if response.status == 401:
            return self._challenged(request, response, sent.get("nonce", "") if sent else None)
        if sent is not None:
            self._spaces.accepted(request.url, sent.get("nonce", ""))
            self._informed(request, response, signing)
        return ""

    def _challenged(self, request: TaskRequest, response: TaskResponse, nonce: str | None) -> str:
        offered = strongest(_lines(response, "www-authenticate"))
        if nonce is None:
            if offered is not None:
                self._spaces.learn(request.url, offered)
            return "challenge" if offered is not None else ""
        is_worth_another = self._spaces.refused(request.url, nonce, offered.realm if offered else "")
        if offered is None:
            return ""
        if offered.stale or is_worth_another:
            self._spaces.learn(request.url, offered)
            return "stale" if offered.stale else "challenge"
        return ""

    def _informed(self, request: TaskRequest, response: TaskResponse, signing: Signing) -> None:
        """What `Authentication-Info` says (§3.5): the server's own proof, and the nonce to go on with."""
        said = _information(response)
        sent = parameters_of(request) or {}
        challenge = self._spaces.known(request.url, sent.get("nonce", ""))
        if challenge is None:
            return
        rspauth = said.get("rspauth")
        if rspauth is not None and _can_be_checked(challenge.qop, response):
            turn = Turn(challenge, int(sent.get("nc", "0"), 16), sent.get("cnonce", ""))
            if not is_proven(rspauth, turn, request, response.body or b"", signing.text("username"), signing.text("password")):
                self._spaces.refused(request.url, challenge.nonce, challenge.realm)
                raise ServerUnproven("the server's rspauth is wrong: whoever answered does not know the password (RFC 7616 §3.5)", status=response.status)
        if (following := said.get("nextnonce")) and can_go_back(following):
            self._spaces.next_nonce(request.url, challenge.nonce, following)


def _with_proof(request: TaskRequest, value: str, signing: Signing) -> Sealed:
    headers = tuple(with_header(list(request.headers), _NAME, value))
    return Sealed(replace(request, headers=headers), (Placed("header", _NAME, signing.origin, True),))


def _refuse_nobody(signing: Signing) -> None:
    """A name or password that was not supplied is missing; one that is written empty is one."""
    for name in ("username", "password"):
        if signing.value(name) is None:
            raise MissingInput(name, f"{name} is not there; supply it, or write auth.{name}")


def _can_be_checked(qop: str, response: TaskResponse) -> bool:
    """With auth-int the proof is over the body as it was sent, which is not always at hand."""
    return qop != "auth-int" or (response.body is not None and response.header("content-encoding") is None)


def _information(response: TaskResponse) -> dict[str, str]:
    """The parameters of `Authentication-Info`: a list like that of a challenge, without a scheme."""
    lines = ", ".join(_lines(response, "authentication-info"))
    found = challenges([f"Info {lines}"]) if lines else ()
    return dict(found[0].parameters) if found else {}


def _lines(response: TaskResponse, name: str) -> list[str]:
    return [value for key, value in response.headers if key.lower() == name]


@hookimpl
def register_seals(register: Register) -> None:
    """Add the seal `digest`."""
    register(Digest)
