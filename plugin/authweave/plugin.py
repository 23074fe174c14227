"""The host contract, kept by an engine: what a platform's own pluggy manager registers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from authweave.connection import Connection
from authweave.engine import Engine
from authweave.errors import ProfileError, UsageError
from authweave.hookspecs import hookimpl
from authweave.loading import check_text
from authweave.pending import Pending
from authweave.report import Report
from authweave.values import Authorization, Judgement, Problem, TaskRequest, TaskResponse, Token


class AuthweavePlugin:
    """Register it with a manager that has `hookspecs.HostSpecs`, or call its methods directly.

    Answers None for a profile that its engine does not know, so that another plugin may.
    """

    def __init__(self, engine: Engine | None = None, **options: Any) -> None:
        self.engine = engine or Engine(**options)

    @hookimpl
    def list_auth_profiles(self) -> list[Mapping[str, Any]]:
        """Every profile of the engine that loads, with its form."""
        return [described for reference in self.engine.names() if (described := self._described(reference))]

    @hookimpl
    def validate_auth_profile(self, source: str, text: str | bytes) -> Sequence[Problem]:
        """Every problem of a profile text."""
        return check_text(text, source, catalog=self.engine.catalog, folders=self.engine.folders).problems

    @hookimpl
    def authorize_request(
        self, profile: str, request: TaskRequest, tenant: str = "", subject: str | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Pending[TaskRequest] | None:  # fmt: skip
        """The request with its credential."""
        connection = self._connection(profile, tenant, subject, inputs)
        return connection.authorize(request) if connection else None

    @hookimpl
    def handle_response(
        self, profile: str, request: TaskRequest, response: TaskResponse, tenant: str = "", subject: str | None = None,
        inputs: Mapping[str, Any] | None = None,
    ) -> Pending[Judgement] | None:  # fmt: skip
        """What to do with the answer; `request` is the one before it was authorized."""
        connection = self._connection(profile, tenant, subject, inputs)
        return connection.handle_response(request, response) if connection else None

    @hookimpl
    def begin_authorization(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None,
        session: str = "", redirect_uri: str | None = None,
    ) -> Pending[Authorization] | None:  # fmt: skip
        """Where a person signs in."""
        connection = self._connection(profile, tenant, subject, inputs)
        return connection.begin_authorization(session=session, redirect_uri=redirect_uri) if connection else None

    @hookimpl
    def complete_authorization(
        self, answer: str | Mapping[str, str], session: str = "", profile: str = "", inputs: Mapping[str, Any] | None = None
    ) -> Pending[Token] | None:
        """The token for what came back; with a profile that is not known here, nothing."""
        if profile and not self._knows(profile):
            return None
        return self.engine.complete_authorization(answer, session, inputs=inputs)

    @hookimpl
    def test_auth_profile(
        self, profile: str, tenant: str = "", subject: str | None = None, inputs: Mapping[str, Any] | None = None
    ) -> Report | None:
        """The report of "test auth"."""
        if not self._knows(profile):
            return None
        from authweave.probe import test_profile

        return test_profile(self.engine, profile, tenant=tenant, subject=subject, inputs=inputs)

    def _connection(self, profile: str, tenant: str, subject: str | None, inputs: Mapping[str, Any] | None) -> Connection | None:
        return self.engine.connect(profile, tenant=tenant, subject=subject, inputs=inputs) if self._knows(profile) else None

    def _knows(self, profile: str) -> bool:
        return profile.partition("@")[0] in self.engine.names()

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            profile = self.engine.profile(name)
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
