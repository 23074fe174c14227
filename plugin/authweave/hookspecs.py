"""What plugins add (`register_*`) and what platforms call. Version 1.

A package offers its hooks under the entry-point group `authweave`; the built-ins come in through the
same hooks. What platforms call stands in `HostSpecs`; packages that answer such calls, authweave first of all, are under the
group `authweave.host`. No hook ever gains a required argument, loses one, or changes what one means: a call that is written
today stays a call. An implementation names the arguments it reads, each with the default that stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pluggy

if TYPE_CHECKING:
    from authweave.pending import Pending
    from authweave.report import Report
    from authweave.values import Authorization, Judgement, Problem, SignIn

PROJECT = "authweave"
VERSION = 1
ENTRY_POINTS = "authweave"
HOST_ENTRY_POINTS = "authweave.host"
"""The group of those who answer a platform's calls: `manager.load_setuptools_entrypoints(HOST_ENTRY_POINTS)`."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Answer = TypeVar("Answer", bound=Callable[..., Any])
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
    """What a platform calls, in a manager of its own (see `add_host_specs`) or without one, on an `AuthweavePlugin`.

    Every call answers a `Pending`: `.result(timeout)` in any thread, or `await` in any event loop; already done when nothing
    has to be waited for. With `firstresult` a plugin that does not know the profile answers None, and so does the call where
    no plugin does. What goes wrong is raised by the Pending, as an error of `authweave.errors`.

    A `profile` is a reference: `acme-crm`, `acme-crm@1`, `acme-crm@1.2.0`. `tenant` and `subject` say for whom (the customer, and
    the user where a profile acts for one), `inputs` are values that the engine's sources do not have, `servers` replace the
    profile's. In the examples `host` is `manager.hook`, or an AuthweavePlugin.
    """

    @hookspec
    def list_auth_profiles(self, tenant: str = "") -> Pending[list[Mapping[str, Any]]]:
        """Profiles on offer: name, version, identity_provider, description, documentation, subject, types, and the form to fill
        in (inputs: name, title, description, example, visibility, type, required, secret, supplied_by, default, enum).

        Each plugin gives its own list; one that cannot be loaded is left out, and so is one that a tenant's profiles may not be (docs/limits.md).

        >>> on_offer = [profile for pending in host.list_auth_profiles() for profile in pending.result()]
        >>> for profile in on_offer:
        ...     if profile["name"].startswith("acme-"):
        ...         print(profile["name"], profile["version"], [asked["name"] for asked in profile["inputs"]])
        acme-crm 1.2.0 ['client_id', 'client_secret']
        acme-mail 1.0.0 ['client_id', 'client_secret', 'redirect_uri']
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def validate_auth_profile(self, source: str, text: str | bytes, tenant: str = "") -> Pending[Sequence[Problem]] | None:
        """Every problem of a profile text, with place and fix; `source` is its file name, used in messages. None of severity
        "error": it is valid. What the limits of the tenant do not name (docs/limits.md) is told alone, and what the
        egress policy in force refuses (docs/egress.md) where nothing else is wrong.

        >>> for problem in host.validate_auth_profile(source="acme.yaml", text="format: 1\\nname: acme\\naut: {}").result():
        ...     print(problem)
        acme.yaml:1:1: identity_provider: is missing; add identity_provider: Acme, who checks the credential [schema.required]
        acme.yaml:3:1: aut: not known here; did you mean `auth`? [schema.unknown_key]
        """

    @hookspec(firstresult=True)
    def authorize_request(
        self, profile: str, request: Any, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None,
        servers: Sequence[str] = (),
    ) -> Pending[Any] | None:  # fmt: skip
        """The request with its credential and fields, ready to send: a TaskRequest for a TaskRequest, a new httpx (httpx2) request
        for one of theirs. Raises ApplyError, InputError, TokenError (AuthorizationRequired: see `list_authorizations`), WireError.

        >>> finished = host.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/v1/me"), tenant="blue").result(30)
        >>> finished.url, finished.header("authorization")
        ('https://api.acme.example/v1/me', 'Bearer T1')
        """

    @hookspec(firstresult=True)
    def handle_response(
        self, profile: str, request: Any, response: Any, tenant: str = "", subject: str | None = None,
        inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = (),
    ) -> Pending[Judgement] | None:  # fmt: skip
        """What to do with an API's answer (a TaskResponse, or a response of httpx or httpx2), by its verdict: accepted or
        inconclusive: use it; send_again: the Judgement's `request` holds the credential renewed; sign_in_needed: `sign_in` says
        where; refused or forbidden: `reason` says why. `request` is the one that was sent.

        >>> request = host.authorize_request(profile="acme-crm", request=TaskRequest("GET", "/v1/me"), tenant="blue").result(30)
        >>> judgement = host.handle_response(profile="acme-crm", request=request, response=TaskResponse(401), tenant="blue").result(30)
        >>> judgement.verdict, judgement.request.header("authorization")
        ('send_again', 'Bearer T2')
        """

    @hookspec
    def list_authorizations(
        self, profiles: Sequence[str], tenant: str = "", subject: str | None = None, inputs: Mapping[str, Mapping[str, Any]] | None = None,
        session: str = "", redirect_uri: str | None = None,
    ) -> Pending[list[SignIn]]:  # fmt: skip
        """For each profile that a workflow needs: has this user signed in, and if not, where do they? `SignIn.as_dict` is what a bot
        forwards. `inputs` are by profile; `session` and `redirect_uri` as in `begin_authorization`. Each plugin answers for the
        profiles it knows. Raises as `begin_authorization`.

        >>> step = host.list_authorizations(profiles=["acme-crm", "acme-mail"], subject="anna")
        >>> for sign_in in [each for pending in step for each in pending.result(30)]:
        ...     print(sign_in.profile, sign_in.is_authorized, sign_in.url.partition("?")[0])
        acme-crm True
        acme-mail False https://login.acme.example/authorize
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    def begin_authorization(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, session: str = "",
        redirect_uri: str | None = None, servers: Sequence[str] = (),
    ) -> Pending[Authorization] | None:  # fmt: skip
        """Where a person signs in: a link, or a code for another device. `session` binds it to a session of their browser,
        `redirect_uri` is where the browser comes back to. Raises UsageError, UrlRefused, InputError, TokenError, WireError.

        >>> begun = host.begin_authorization(profile="acme-mail", subject="anna", session="the id of anna's session").result(30)
        >>> begun.kind, begun.redirect_uri
        ('browser', 'https://bot.example/callback')
        """

    @hookspec(firstresult=True)
    def complete_authorization(
        self, answer: str | Mapping[str, str], session: str = "", profile: str = "", inputs: Mapping[str, Any] | None = None
    ) -> Pending[SignIn] | None:
        """Complete a sign-in with what came back: the URL of the redirect, or its parameters. Its state says whose it is, and so
        does the result: whatever waits for this profile, tenant and subject can go on. Where several plugins have profiles, name
        the profile, so that the others keep out. Raises CallbackRefused, AuthorizationDenied, TokenError, WireError, InputError.

        >>> begun = host.begin_authorization(profile="acme-mail", subject="anna", session="s").result(30)
        >>> answer = browser(begun.url)  # "https://bot.example/callback?code=…&state=…"
        >>> sign_in = host.complete_authorization(answer=answer, session="s").result(30)
        >>> sign_in.profile, sign_in.subject, sign_in.is_authorized
        ('acme-mail', 'anna', True)
        """

    @hookspec(firstresult=True)
    def await_authorization(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = ()
    ) -> Pending[SignIn] | None:
        """Done once the person has answered, in whichever process that is. Raises AuthorizationDenied, SignInFailed (expired,
        cancelled), UsageError (nobody signs in for it), TokenError, WireError.

        >>> begun = host.begin_authorization(profile="acme-mail", subject="anna").result(30)
        >>> waiting = host.await_authorization(profile="acme-mail", subject="anna")
        >>> _ = host.complete_authorization(answer=browser(begun.url)).result(30)
        >>> waiting.result(30).is_authorized
        True
        """

    @hookspec(firstresult=True)
    def cancel_authorization(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = ()
    ) -> Pending[bool] | None:
        """Call off the sign-in under way: its link is of no more use, and whoever waits for it hears so (SignInFailed). False: there was
        none. Raises UsageError (nobody signs in for it), InputError, StoreUnavailable.

        >>> begun = host.begin_authorization(profile="acme-mail", subject="anna").result(30)
        >>> host.cancel_authorization(profile="acme-mail", subject="anna").result(30)
        True
        """

    @hookspec(firstresult=True)
    def revoke(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = ()
    ) -> Pending[bool] | None:
        """End the token: at the provider, as the profile says (RFC 7009), then forget it here. False: it was only forgotten here.
        Raises TokenError, WireError, StoreUnavailable, InputError; the token then stays where it is, for another try.

        >>> host.revoke(profile="acme-crm", tenant="blue").result(30)
        False
        """

    @hookspec(firstresult=True)
    def test_auth_profile(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = (),
        control: bool = False, refresh: bool = False,
    ) -> Pending[Report] | None:  # fmt: skip
        """Run "test auth" at the real servers and answer its report (`authweave.reports` renders it). `control` sends each accepted check
        once more without the credential; `refresh` also tries the renewal. Raises UsageError for what cannot be asked.

        >>> report = host.test_auth_profile(profile="acme-crm", tenant="blue").result(60)
        >>> report.token.word, report.credential.word
        ('obtained', 'accepted')
        """


def add_host_specs(manager: pluggy.PluginManager) -> None:
    """Make a manager of any project know the specs. Where another plugin of the same platform has done so, nothing is left to do."""
    known = getattr(manager.hook, "authorize_request", None)
    if known is None or known.spec is None or known.spec.namespace is not HostSpecs:
        manager.add_hookspecs(host_specs(manager.project_name))


_PROJECTS: Final[set[str]] = {PROJECT}
_ANSWERS: Final[list[Callable[..., Any]]] = []


def host_specs(project: str) -> type[HostSpecs]:
    """The specs for a manager of another project: `manager.add_hookspecs(host_specs(manager.project_name))`, which pluggy takes once.

    pluggy tells the hooks of projects apart by a mark on each function; this puts that project's mark on the specs, and on all that
    `host_hookimpl` has marked or will mark, so that what is loaded from HOST_ENTRY_POINTS is found there.
    """
    _PROJECTS.add(project)
    for name, spec in vars(HostSpecs).items():
        if (options := getattr(spec, f"{PROJECT}_spec", None)) is not None:
            setattr(vars(HostSpecs)[name], f"{project}_spec", options)
    for function in _ANSWERS:
        pluggy.HookimplMarker(project)(function)
    return HostSpecs


def host_hookimpl(function: Answer) -> Answer:
    """Mark a function that answers one of the `HostSpecs`, for every project that takes them up."""
    _ANSWERS.append(function)
    for project in _PROJECTS:
        pluggy.HookimplMarker(project)(function)
    return function
