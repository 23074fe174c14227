"""What a failed run, the profile and the server's metadata say of what else could be tried."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from authweave.answers.challenges import challenges
from authweave.diagnosis.sent import header_in
from authweave.errors import AuthweaveError
from authweave.profile import Profile, TokenSettings, Variant
from authweave.report import Diagnosis, Exchange, Report
from authweave.values import Path, path_of

if TYPE_CHECKING:
    from authweave.connections.connection import Connection

_READ_DIFFERENTLY: Final = re.compile(r"[^A-Za-z0-9_.~*-]")
"""Characters that form-encoding changes."""


_SPELLED: Final = {"apikey": "ApiKey", "api-key": "Api-Key"}
"""How people write a scheme; a careless server reads no other way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """`code` is the diagnosis, `said` what was quoted for it, `header` the one that it names for a key; `fixes` the keys that it names, likeliest first.

    `listed` are the client authentications that metadata name, None where there are no metadata; `token_urls` what metadata or a redirect
    name as token endpoint, by who said so. `schemes` are what the API's challenge asks for. `token_url` and `issuer` are those in
    force, as they are called. `odd_characters`: id or secret reads differently in the two Basic encodings.
    """

    profile: Profile
    variant: Variant
    code: str
    stage: str
    said: str = ""
    header: str = ""
    fixes: tuple[str, ...] = ()
    token_url: str = ""
    issuer: str = ""
    schemes: tuple[str, ...] = ()
    odd_characters: bool = False
    has_secret: bool = False
    listed: tuple[str, ...] | None = None
    token_urls: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the variant stands."""
        return path_of(self.variant.origin)

    @property
    def tokens(self) -> TokenSettings | None:
        """How the variant gets tokens, if it does."""
        return self.variant.tokens

    @property
    def auth(self) -> Mapping[str, Any]:
        """The variant with every default."""
        found: Any = self.profile.resolved
        for part in self.path:
            found = found[part]
        return found  # type: ignore[no-any-return]  # a map, or it would be no variant

    @property
    def written(self) -> Mapping[str, Any]:
        """The variant as it is written, here or in a parent."""
        found: Any = self.profile.merged.data
        for part in self.path:
            found = found[part]
        return found  # type: ignore[no-any-return]  # as above

    def at(self, *keys: str | int) -> Path:
        """The path of a key of the variant."""
        return (*self.path, *keys)

    def is_own(self, *keys: str | int) -> bool:
        """Does it stand in this very file?"""
        return self.profile.merged.is_own(self.at(*keys))


def failure_of(report: Report) -> Diagnosis | None:
    """The diagnosis that says why the token or the credential was refused; None where neither was judged."""
    is_refused = report.token.word == "refused" or report.credential.word in ("refused", "forbidden")
    if not is_refused and not _may_be_elsewhere(report):
        return None
    return next((found for found in report.diagnoses if found.severity == "error"), None)


ELSEWHERE: Final = frozenset({"token_404", "token_405", "html_instead_of_json", "redirect_to_login", "wrong_content_type"})
"""Codes of answers that no token endpoint gives: the client was not judged, but the call may be another one."""


def _may_be_elsewhere(report: Report) -> bool:
    return any(found.code in ELSEWHERE for found in report.diagnoses if found.severity == "error")


def clues_of(report: Report, profile: Profile, connection: Connection) -> Clues | None:
    """What is known before anything is asked; None where nothing was refused. Blocking where a source of inputs is."""
    failure = failure_of(report)
    variant = next((one for one in profile.variants if one.name == report.variant), profile.variants[0] if len(profile.variants) == 1 else None)
    if failure is None or variant is None:
        return None
    tokens = variant.tokens
    rendered = _Rendered(connection)
    client = (rendered.text(tokens.client_id), rendered.text(tokens.client_secret)) if tokens is not None else ("", "")
    return Clues(
        profile=profile,
        variant=variant,
        code=failure.code,
        stage=failure.stage,
        said=" ".join((failure.sentence, *failure.evidence)).lower(),
        header=next((name for line in failure.evidence if line.startswith("the answer says") and (name := header_in(line))), ""),
        fixes=tuple(fix.key for fix in failure.fixes),
        token_url=rendered.text(tokens.token_url) if tokens is not None else "",
        issuer=rendered.text(tokens.discovery.issuer) if tokens is not None else "",
        schemes=tuple(_schemes(report.exchanges)),
        odd_characters=any(_READ_DIFFERENTLY.search(part) for part in client),
        has_secret=bool(client[1]),
        token_urls=_redirected(report.exchanges),
    )


class _Rendered:
    """Texts of the profile with this connection's inputs in them."""

    def __init__(self, connection: Connection) -> None:
        self._scope: dict[str, Any] = {}
        self._failed = False
        try:
            self._scope = connection.scope(connection.inputs(), None)
        except AuthweaveError:
            self._failed = True

    def text(self, template: Any) -> str:
        """What it gives; '' if that is nothing."""
        try:
            return str(template.render(self._scope)) if template is not None and not self._failed else ""
        except AuthweaveError:
            return ""


def _schemes(exchanges: tuple[Exchange, ...]) -> list[str]:
    """The schemes that the last answer asks for."""
    answered = exchanges[-1].answered if exchanges else None
    values = [part.value for part in answered.headers if part.name.lower() == "www-authenticate"] if answered else []
    return [_SPELLED.get(one.scheme, one.scheme.capitalize()) for one in challenges(values)]


def _redirected(exchanges: tuple[Exchange, ...]) -> dict[str, str]:
    """Where the token call was sent on to."""
    last = exchanges[-1] if exchanges else None
    if last is None or last.purpose != "token" or last.answered is None or not 300 <= last.answered.status < 400:
        return {}
    location = next((part.value for part in last.answered.headers if part.name.lower() == "location"), "")
    return {"the redirect": location.partition("?")[0]} if location else {}
