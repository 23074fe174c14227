"""What plugins add (`register_*`) and what platforms call. Version 1.

A package offers its hooks under the entry-point group `authweave`; the built-ins come in through the
same hooks. No hook ever gains a required argument: pluggy passes each implementation only what it names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from authweave.pending import Pending
    from authweave.report import Report
    from authweave.values import Authorization, Judgement, Problem, TaskRequest, TaskResponse, Token

PROJECT = "authweave"
VERSION = 1
ENTRY_POINTS = "authweave"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Register = Callable[[type], None]
"""Called once per class to add; raises ExtensionError when the name is taken or the class lacks what its kind promises."""


class ExtensionSpecs:
    """What a package can add. Each hook gets `register` and calls it once per class (see `contracts`)."""

    @hookspec
    def register_schemes(self, register: Register) -> None:
        """Add auth types (`contracts.Scheme`)."""

    @hookspec
    def register_grants(self, register: Register) -> None:
        """Add OAuth 2 grants (`contracts.Grant`)."""

    @hookspec
    def register_client_auth(self, register: Register) -> None:
        """Add client authentication methods (`contracts.ClientAuth`)."""

    @hookspec
    def register_seals(self, register: Register) -> None:
        """Add ways to sign finished requests (`contracts.Seal`)."""

    @hookspec
    def register_placements(self, register: Register) -> None:
        """Add places for fields (`contracts.Placement`)."""

    @hookspec
    def register_sources(self, register: Register) -> None:
        """Add sources of input values (`contracts.Source`)."""

    @hookspec
    def register_stores(self, register: Register) -> None:
        """Add token stores (`contracts.Store`)."""

    @hookspec
    def register_observers(self, register: Register) -> None:
        """Add those who can be told of events (`contracts.Observer`)."""

    @hookspec
    def register_reports(self, register: Register) -> None:
        """Add formats of the test report (`contracts.ReportFormat`)."""

    @hookspec
    def register_rules(self, register: Register) -> None:
        """Add rules of valid profiles (`contracts.Rule`)."""


class HostSpecs:
    """What a platform calls. `firstresult`: a plugin that does not know the profile answers None.

    The calls that may need the network answer a `Pending`: `.result(timeout)` in any thread, or `await` in any event
    loop; already done when the token is at hand.
    """

    @hookspec
    def list_auth_profiles(self) -> list[Mapping[str, Any]]:
        """Profiles on offer: name, version, identity_provider, description, inputs. The results of all plugins are joined."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    def validate_auth_profile(self, source: str, text: str | bytes) -> Sequence[Problem] | None:
        """Every problem of a profile text; `source` is its file name, used in messages. An empty list: it is valid."""

    @hookspec(firstresult=True)
    def authorize_request(
        self, profile: str, request: TaskRequest, tenant: str, subject: str | None, inputs: Mapping[str, Any] | None
    ) -> Pending[TaskRequest] | None:
        """The request with its credential and fields, ready to send. Raises ApplyError, InputError, TokenError, WireError."""

    @hookspec(firstresult=True)
    def handle_response(
        self, profile: str, request: TaskRequest, response: TaskResponse, tenant: str, subject: str | None,
        inputs: Mapping[str, Any] | None,
    ) -> Pending[Judgement] | None:  # fmt: skip
        """What to do with an API's answer: use it, send again (the Judgement holds the request), or it is refused."""

    @hookspec(firstresult=True)
    def begin_authorization(
        self, profile: str, tenant: str, subject: str | None, inputs: Mapping[str, Any] | None, session: str, redirect_uri: str | None
    ) -> Pending[Authorization] | None:
        """Where a person signs in: a link, or a code for another device. `session` binds it to a session of their browser,
        `redirect_uri` is where the browser comes back to. Raises UsageError, UrlRefused, InputError, TokenError, WireError."""

    @hookspec(firstresult=True)
    def complete_authorization(
        self, answer: str | Mapping[str, str], session: str, profile: str, inputs: Mapping[str, Any] | None
    ) -> Pending[Token] | None:
        """Complete a sign-in with what came back: the URL of the redirect, or its parameters. Its state says whose it is; a
        platform that knows the profile names it, so that plugins with other profiles keep out. Raises CallbackRefused,
        AuthorizationDenied, TokenError, WireError, InputError."""

    @hookspec(firstresult=True)
    def test_auth_profile(
        self, profile: str, tenant: str, subject: str | None, inputs: Mapping[str, Any] | None
    ) -> Report | None:
        """Run "test auth" and answer its report. Blocking; takes as long as the real servers do."""
