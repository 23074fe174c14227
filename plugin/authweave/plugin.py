"""The host contract, kept by an engine: what a platform's own pluggy manager loads, or a platform calls directly."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

import pluggy

from authweave.connections.connection import Connection
from authweave.engine import Engine
from authweave.errors import ProfileError, SettingsError, UsageError
from authweave.hookspecs import add_host_specs, host_hookimpl
from authweave.loading import check_egress, check_text
from authweave.pending import Pending
from authweave.report import Report
from authweave.shared_engine import share_engine, shared_engine
from authweave.sign_in import sign_in_of
from authweave.tokens.flights import Lane
from authweave.values import Authorization, Judgement, Problem, SignIn

T = TypeVar("T")
NAME: Final = "authweave.host"
"""What managers know the plugin by; as in HOST_ENTRY_POINTS. An adapter that the same platform loads has the name of the package."""


class AuthweavePlugin:
    """Register it with a manager that has `hookspecs.HostSpecs`, or call its methods directly: arguments and results are those of
    the specs, which have an example of each.

    Answers None for a profile that its engine does not know, so that another plugin may. `engine` (or `options`, an Engine's
    arguments) is the one it uses; without any it is the process's, made from the settings at first need.
    """

    __name__: str

    def __init__(self, engine: Engine | None = None, **options: Any) -> None:
        self._given = engine or (Engine(**options) if options else None)

    def __dir__(self) -> list[str]:
        """Without `engine`: pluggy (up to 1.7) looks at everything that is listed here, and would have it made before it is needed."""
        return [name for name in super().__dir__() if name != "engine"]

    @property
    def engine(self) -> Engine:
        """The engine in use. Raises SettingsError where it has to be made and cannot be."""
        return self._given or shared_engine()

    def close(self) -> None:
        """Close its engine, if there is one: at the end of a process, or of a worker that a pool ends by force. See `Engine.close`."""
        if self._given is not None:
            self._given.close()
        else:
            share_engine(None)

    @host_hookimpl
    def list_auth_profiles(self, tenant: str = "") -> Pending[list[Mapping[str, Any]]]:
        """Every profile of the engine that loads, with its form."""
        return Pending.at_once(lambda: [described for name in self.engine.names(tenant) if (described := self._described(name, tenant))])

    @host_hookimpl
    def validate_auth_profile(self, source: str, text: str | bytes, tenant: str = "") -> Pending[Sequence[Problem]]:
        """Every problem of a profile text."""

        def problems() -> Sequence[Problem]:
            engine = self.engine
            checked = check_text(text, source, catalog=engine.catalog, folders=engine.folders, within=engine.within(tenant))
            return check_egress(checked, engine.guard).problems

        return Pending.at_once(problems)

    @host_hookimpl
    def authorize_request(
        self, profile: str, request: Any, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None,
        servers: Sequence[str] = (),
    ) -> Pending[Any] | None:  # fmt: skip
        """The request with its credential."""
        return self._with(profile, tenant, subject, inputs, servers, lambda connection: connection.flows.authorizing(request))

    @host_hookimpl
    def handle_response(
        self, profile: str, request: Any, response: Any, tenant: str = "", subject: str | None = None,
        inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = (),
    ) -> Pending[Judgement] | None:  # fmt: skip
        """What to do with the answer."""
        return self._with(profile, tenant, subject, inputs, servers, lambda connection: connection.flows.handling(request, response))

    @host_hookimpl
    def list_authorizations(
        self, profiles: Sequence[str], tenant: str = "", subject: str | None = None, inputs: Mapping[str, Mapping[str, Any]] | None = None,
        session: str = "", redirect_uri: str | None = None,
    ) -> Pending[list[SignIn]]:  # fmt: skip
        """How the user stands with each profile that is known here."""

        def each() -> Generator[Future[Any], Any, list[SignIn]]:
            if isinstance(profiles, str) or not isinstance(inputs, Mapping | None):
                raise UsageError("profiles is a list of references, and inputs a map from profile to its inputs")
            found = []
            for profile in [each for each in profiles if self.engine.knows(each, tenant)]:
                connection = self.engine.connect(profile, tenant=tenant, subject=subject, inputs=(inputs or {}).get(profile))
                found.append((yield from connection.signing_in.standing(session, redirect_uri)))
            return found

        return Pending.of(each())

    @host_hookimpl
    def begin_authorization(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, session: str = "",
        redirect_uri: str | None = None, servers: Sequence[str] = (),
    ) -> Pending[Authorization] | None:  # fmt: skip
        """Where a person signs in."""
        return self._with(profile, tenant, subject, inputs, servers, lambda connection: connection.signing_in.beginning(session, redirect_uri))

    @host_hookimpl
    def complete_authorization(
        self, answer: str | Mapping[str, str], session: str = "", profile: str = "", inputs: Mapping[str, Any] | None = None
    ) -> Pending[SignIn] | None:
        """Whose sign-in is complete now; with a profile that is not known here, nothing."""
        if profile and not self._knows(profile):
            return None

        def completed() -> Generator[Future[Any], Any, SignIn]:
            return (yield from self.engine.completing(answer, session, inputs))

        return Pending.of(completed())

    @host_hookimpl
    def await_authorization(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = ()
    ) -> Pending[SignIn] | None:
        """Done once the person has answered."""
        return self._with(profile, tenant, subject, inputs, servers, _awaited)

    @host_hookimpl
    def cancel_authorization(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = ()
    ) -> Pending[bool] | None:
        """Call off the sign-in under way."""
        return self._with(profile, tenant, subject, inputs, servers, lambda connection: connection.signing_in.cancelling())

    @host_hookimpl
    def revoke(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = ()
    ) -> Pending[bool] | None:
        """End the token."""
        return self._with(profile, tenant, subject, inputs, servers, lambda connection: connection.revoking())

    @host_hookimpl
    def test_auth_profile(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None, servers: Sequence[str] = (),
        control: bool = False, refresh: bool = False,
    ) -> Pending[Report] | None:  # fmt: skip
        """The report of "test auth"; a worker runs it, and nobody else waits for that one."""
        if not self._knows(profile, tenant):
            return None

        def run() -> Report:
            from authweave.probe import test_profile

            how: dict[str, Any] = {"tenant": tenant, "subject": subject, "inputs": inputs, "servers": servers}
            return test_profile(self.engine, profile, **how, control=control, refresh=refresh)

        def ran() -> Generator[Future[Any], Any, Report]:
            return (yield self.engine.flights.run((object(), "test"), Lane(tenant or "", ("test", profile)), run))  # type: ignore[no-any-return]  # what it runs

        return Pending.of(ran())

    def _with(
        self, profile: str, tenant: str, subject: str | None, inputs: Mapping[str, Any] | None, servers: Iterable[str],
        flow: Callable[[Connection], Generator[Future[Any], Any, T]],
    ) -> Pending[T] | None:  # fmt: skip
        """A flow of the connection that is meant, what is wrong with that one included; None for a profile of somebody else."""
        if not self._knows(profile, tenant):
            return None

        def connected() -> Generator[Future[Any], Any, T]:
            return (yield from flow(self.engine.connect(profile, tenant=tenant, subject=subject, inputs=inputs, servers=servers)))

        return Pending.of(connected())

    def _knows(self, profile: str, tenant: str | None = None) -> bool:
        """Is it ours to answer for? So it is where the settings are wrong: the Pending says so then, and no other plugin is asked."""
        try:
            return self.engine.knows(profile, tenant)
        except (SettingsError, UsageError):
            return True

    def _described(self, name: str, tenant: str) -> dict[str, Any] | None:
        try:
            profile = self.engine.profile(name, tenant)
        except (ProfileError, UsageError):
            return None
        if profile.abstract:
            return None
        return {
            "name": profile.name, "version": profile.version, "identity_provider": profile.identity_provider,
            "description": profile.description, "documentation": profile.documentation, "subject": profile.subject,
            "types": [variant.scheme.name for variant in profile.variants],
            "inputs": [
                {
                    "name": given.name, "title": given.title, "description": given.description, "example": given.example,
                    "visibility": given.visibility, "type": given.type, "required": given.required, "secret": given.secret,
                    "supplied_by": given.supplied_by, "default": given.default, "enum": list(given.enum) if given.enum else None,
                }
                for given in profile.inputs.values()
            ],
        }  # fmt: skip


def _awaited(connection: Connection) -> Generator[Future[Any], Any, SignIn]:
    return sign_in_of(connection).done((yield from connection.signing_in.awaiting()))


def _listed(plugin: AuthweavePlugin) -> AuthweavePlugin:
    """With a name as of a module: hosts list what they have loaded by that. Only one of a manager may have it."""
    plugin.__name__ = __name__
    return plugin


of_process: Final = _listed(AuthweavePlugin())
"""What HOST_ENTRY_POINTS names: the contract kept by the process's engine, which is made at the first call."""


def join(manager: pluggy.PluginManager, plugin: AuthweavePlugin | None = None) -> AuthweavePlugin:
    """Make a manager of any project able to call us: adds the specs under its project's name, and registers `plugin`, or the one
    that uses the process's engine. Other packages' plugins come by `manager.load_setuptools_entrypoints(HOST_ENTRY_POINTS)`,
    which then finds this one there already. Where the manager has joined before, without a plugin nothing is left to do; with
    another one it raises what pluggy raises.
    """
    add_host_specs(manager)
    known = manager.get_plugin(NAME)
    if isinstance(known, AuthweavePlugin) and plugin in (None, known):
        return known
    joined = _listed(plugin) if plugin is not None else of_process
    manager.register(joined, name=NAME)
    return joined
