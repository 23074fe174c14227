"""What a profile would send, made offline by the code that sends it: the token request and a task request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from authweave.applying.flow import placed
from authweave.applying.signing_string import SIGNED, signed_string
from authweave.call import step_draft, token_call
from authweave.connections.connection import Connection
from authweave.contracts import Sealed
from authweave.drafts.draft import Draft, Placed
from authweave.drafts.sound import refuse_unsound
from authweave.errors import AuthweaveError
from authweave.foreign import asked
from authweave.net.values import Call
from authweave.preview.assertions import stand_ins_for, told
from authweave.preview.found import offline_settings
from authweave.preview.stand_ins import Offline, OfflineInputs, offline_consent, offline_token
from authweave.preview.values import Preview, PreviewedInput, PreviewedPart, PreviewedRequest
from authweave.probe.asserted import members_of
from authweave.probe.check import check_request
from authweave.probe.recorder import Recorded
from authweave.probe.views import exchange_view, learn_placed
from authweave.profile import Step, Test, TokenSettings, Variant
from authweave.redaction.forms import SHORTEST
from authweave.report import Asked
from authweave.sign_in.devices import device_request
from authweave.sign_in.links import authorization_request
from authweave.sign_in.three_legs import link
from authweave.token_calls.proving import proof_key, put_proof
from authweave.token_calls.steps import is_due
from authweave.values import Consent, Secret, TaskRequest, Token

SHOWN_BODY: Final = 8192
GIVEN: Final = "given"
TOO_SHORT: Final = "a secret is too short to be hidden in a text: only the parts are shown"


def preview(connection: Connection, request: TaskRequest | None = None, *, refresh: bool = False) -> Preview:
    """The request of a person's browser where one signs in, the token request with its steps, and the task request (without one: that of the profile's first test).

    `refresh`: the request that renews a token instead of the first one. Blocking where a source of inputs is. What
    cannot be made says why in its place.
    """
    return _Maker(connection).preview(request, refresh=refresh)


class _OfflineConnection(Connection):
    """The same connection with stand-ins for what is not at hand."""

    offline: Any = None
    known: Any = None
    assertions: Mapping[str, str] = MappingProxyType({})

    def inputs(self) -> Any:
        return self.offline

    def scope(self, inputs: Mapping[str, Any], token: Token | None) -> dict[str, Any]:
        """With stand-ins for assertions whose keys are not at hand."""
        return {**super().scope(inputs, token), **self.assertions}

    def signature(self, variant: Variant, scope: dict[str, Any], draft: Draft) -> Secret:
        """A stand-in where the key is not at hand."""
        reads = getattr(variant.own.get("signing_key"), "reads", ())
        if any(read[0] == "inputs" and read[1] in self.offline.missing for read in reads):
            scope[SIGNED] = variant.own["string_to_sign"].as_bytes(scope)
            return Secret(self.known.stand_in("signature", "signature: no key supplied"), "preview")
        return super().signature(variant, scope, draft)


class _Maker:
    """Carries what one preview knows."""

    def __init__(self, connection: Connection) -> None:
        self.known = Offline()
        self.settings: TokenSettings | None = None
        self.resolved = connection.inputs()
        self.inputs = OfflineInputs(self.resolved, connection.profile.inputs, self.known)
        self.known.learn_inputs({name: value for name, value in self.inputs.items() if name not in self.inputs.missing})
        for name, secret in self.resolved.secrets:
            self.known.learn(name, secret)
        self.connection = _OfflineConnection(
            connection.engine, connection.profile, tenant=connection.tenant, subject=connection.subject,
            inputs=connection.given, servers=connection.given_servers,
        )  # fmt: skip
        self.connection.offline, self.connection.known = self.inputs, self.known
        self.now = connection.engine.clock()
        self.string = ""
        self.origin = "auth"

    def preview(self, request: TaskRequest | None, *, refresh: bool) -> Preview:
        made: list[PreviewedRequest] = []
        tested: tuple[Placed, ...] = ()
        variant: Variant | None = None
        try:
            if request is None:
                request, tested = self.test_request()
            variant = self.connection.variant_for(request)
        except AuthweaveError as error:
            made.append(self.failed("task", error))
        if variant is not None:
            self.origin = variant.origin
            self.connection.assertions = stand_ins_for(self.connection.profile, variant, self.inputs.missing, self.known)
            token = offline_token(variant, self.known, self.now) if self.needs_token(variant) else None
            if token is not None:
                made += self.token_call(variant, token, refresh=refresh)
            if request is not None:
                task = self.shown("task", lambda: self.task_request(request, variant, token, tested))
                made.append(replace(task, signs=self.known.text(self.string)))
        return Preview(self.connection.profile.reference, variant.name if variant else "", tuple(made), self.told_inputs())

    def needs_token(self, variant: Variant) -> bool:
        """Does a token call come first, with what is supplied?"""
        settings = variant.tokens
        return settings is not None and (settings.when is None or settings.when.is_true(self.connection.scope(self.inputs, None)))

    def test_request(self) -> tuple[TaskRequest | None, tuple[Placed, ...]]:
        """What the first test would ask."""
        tests = self.connection.profile.tests
        test = tests[0] if isinstance(tests, tuple) and tests else None
        return check_request(test, self.connection.scope(self.inputs, None)) if isinstance(test, Test) else (None, ())

    def token_call(self, variant: Variant, token: Token, *, refresh: bool) -> Iterator[PreviewedRequest]:
        """The token request, and the steps that belong to it. What they keep is `token.kept`, stand-ins."""
        settings, old = variant.tokens, token if refresh else None
        assert settings is not None  # noqa: S101 - asked only for types with tokens
        scope = self.connection.scope(self.inputs, old)
        scope["kept"] = dict(token.kept)
        settings = offline_settings(settings, self.known, scope)
        self.settings = settings
        if settings.signs_in and not refresh:
            consent = offline_consent(settings, self.known, scope)
            scope.update(consent=consent, callback=consent.callback)
            yield self.shown("sign_in", lambda: self.sign_in_request(variant, consent, scope), is_of_browser=not settings.at_device)
        yield from self.steps("before", settings.before, variant, old, scope)
        yield self.shown("token", lambda: self.token_request(variant, old, scope))
        scope["token"] = token.as_scope()
        yield from self.steps("after", settings.after, variant, old, scope)

    def steps(self, purpose: str, steps: tuple[Step, ...], variant: Variant, old: Token | None, scope: Mapping[str, Any]) -> Iterator[PreviewedRequest]:
        for step in steps:
            try:
                if not is_due(step, old, scope):
                    continue
            except AuthweaveError as error:
                yield replace(self.failed(purpose, error), step=step.name)
                continue
            yield replace(self.shown(purpose, partial(self.step_request, variant, step, scope)), step=step.name)

    def token_request(self, variant: Variant, old: Token | None, scope: Mapping[str, Any]) -> tuple[TaskRequest, tuple[Placed, ...]]:
        assert self.settings is not None  # noqa: S101 - as above
        draft = token_call(self.settings, scope, old, variant.origin).draft()
        if (key := proof_key(self.settings, old)) is not None:
            put_proof(draft, key, self.now, "", f"{variant.origin}.dpop")
        return self.signed(variant, draft)

    def sign_in_request(self, variant: Variant, consent: Consent, scope: Mapping[str, Any]) -> tuple[TaskRequest, tuple[Placed, ...]]:
        """What the person's browser asks, or what is asked for another device."""
        settings = self.settings
        assert settings is not None  # noqa: S101 - as above
        if settings.at_device:
            draft, key = device_request(settings, scope, variant.origin), "device_authorization_url"
        elif "request_token_url" in variant.own:
            token = self.known.stand_in("oauth_token", "oauth_token, new for each sign-in")
            draft, key = link(settings, scope, variant.origin, token), "authorization_url"
        else:
            state, challenge = (self.known.stand_in(name, f"{name}, new for each sign-in") for name in ("state", "code_challenge"))
            draft = authorization_request(settings, scope, variant.origin, state=state, redirect_uri=consent.redirect_uri, challenge=challenge if consent.verifier else "")
            key = "authorization_url"
        placed = [one for one in draft.placed if settings.at_device or one.place != "header"]
        return draft.finish(), (Placed("url", "", f"{variant.origin}.{key}", secret=False), *placed)

    def step_request(self, variant: Variant, step: Step, scope: Mapping[str, Any]) -> tuple[TaskRequest, tuple[Placed, ...]]:
        assert self.settings is not None  # noqa: S101 - as above
        return self.signed(variant, step_draft(self.settings, step, scope, variant.origin))

    def signed(self, variant: Variant, draft: Draft) -> tuple[TaskRequest, tuple[Placed, ...]]:
        """The finished request, signed where the type's seal signs token calls, too."""
        credential = self.connection.credential(variant)
        if credential.seal is None or not credential.signs_token_calls:
            return draft.finish(), tuple(draft.placed)
        sealed = asked(credential.seal, credential.seal.sign, draft.finish(), credential.token_signing(), of=Sealed)
        return sealed.request, (*draft.placed, *sealed.placed)

    def task_request(
        self, request: TaskRequest, variant: Variant, token: Token | None, tested: tuple[Placed, ...]
    ) -> tuple[TaskRequest, tuple[Placed, ...]]:
        refuse_unsound(request)
        request = self.connection.as_we_send(request)
        sent = placed(self.connection, self.connection.credential(variant), request, token, foretold=True)
        self.string = signed_string(sent.scope)
        return sent.request, (*sent.placed, *tested)

    def shown(self, purpose: str, make: Callable[[], tuple[TaskRequest, tuple[Placed, ...]]], *, is_of_browser: bool = False) -> PreviewedRequest:
        """One request; the header fields of a browser are its own."""
        try:
            request, parts = make()
            request = replace(request, headers=()) if is_of_browser else request
            headers = request.headers if purpose == "task" or is_of_browser else self.sent_headers(request)
        except AuthweaveError as error:
            return self.failed(purpose, error)
        url_key = next((one.origin for one in parts if one.place == "url"), "")
        parts = tuple(one for one in parts if one.place != "url")
        record = Recorded("check" if purpose == "task" else "token", request, parts, url_key=url_key, headers=headers)
        learn_placed(record, self.known)
        asked = self.measured(exchange_view(record, self.known, self.connection.profile).asked, request)
        note = asked.body.note or (TOO_SHORT if request.body and self.has_short_secret() else "")
        return PreviewedRequest(
            purpose, asked.method, asked.url, tuple((part.name, part.value) for part in asked.headers),
            "" if note else self.body(request), note, (*self.parts(purpose, asked, parts), *self.asserted(parts, record)),
            recipe=asked.recipe,
        )  # fmt: skip

    def parts(self, purpose: str, asked: Asked, placed: tuple[Placed, ...]) -> Iterator[PreviewedPart]:
        """Each with its origin; what nobody put there comes from the standard, or from the request that was given."""
        ours = {(one.place, one.key.lower()) for one in placed} | {("header", "content-length")}
        ours |= {("header", "cookie") for one in placed if one.place == "cookie"}
        if asked.origin:
            yield PreviewedPart("url", "", asked.url, asked.origin, asked.place)
        for one in placed:
            if one.place in ("path", "query"):
                yield PreviewedPart(one.place, one.key, "", one.origin, self.connection.profile.place(one.origin))
        for place, several in (("header", asked.headers), ("payload", asked.body.parts)):
            for part in several:
                is_ours = purpose != "task" or (place, part.name.lower()) in ours
                yield PreviewedPart(place, part.name, part.value, part.origin if is_ours else GIVEN, part.place)

    def asserted(self, placed: tuple[Placed, ...], record: Recorded) -> Iterator[PreviewedPart]:
        """What the assertions in it say: they are signed, not secret, but for what they are made from."""
        for says, origin in told(placed, record, self.origin, members_of(self.resolved.secrets)):
            yield PreviewedPart("assertion", "says", self.known.text(says), origin, self.connection.profile.place(origin))

    def sent_headers(self, request: TaskRequest) -> tuple[tuple[str, str], ...]:
        """Those of the transport among them: it is authweave that sends a token request."""
        return self.connection.engine.wire.headers(Call(request.method, request.url, request.headers, request.body))

    def measured(self, asked: Asked, request: TaskRequest) -> Asked:
        """Without the length of a body that holds stand-ins."""
        if not self.known.stand_ins_in(_text(request)):
            return asked
        headers = tuple(replace(part, value="‹the body's›") if part.name.lower() == "content-length" else part for part in asked.headers)
        return replace(asked, headers=headers)

    def body(self, request: TaskRequest) -> str:
        text = self.known.text(_text(request), lines=True)
        return text if len(text) <= SHOWN_BODY else f"{text[:SHOWN_BODY]}…"

    def has_short_secret(self) -> bool:
        """A secret of a few characters cannot be found in a text: only parts are shown then."""
        return any(isinstance(value, Secret) and 0 < value.length < SHORTEST for value in self.inputs.values())

    def failed(self, purpose: str, error: AuthweaveError) -> PreviewedRequest:
        return PreviewedRequest(purpose, error=self.known.text(str(error)))

    def told_inputs(self) -> tuple[PreviewedInput, ...]:
        return tuple(self.told_input(name) for name in self.inputs)

    def told_input(self, name: str) -> PreviewedInput:
        supplied = name not in self.inputs.missing
        origin = self.resolved.origins.get(name, "") if supplied else self.inputs.missing[name]
        return PreviewedInput(name, self.connection.profile.inputs[name].secret, supplied, self.known.text(origin))


def _text(request: TaskRequest) -> str:
    return (request.body or b"").decode("utf-8", "replace")
