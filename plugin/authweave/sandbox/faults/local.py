"""What goes wrong before anything is sent: the profile, its inputs, its templates and places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from authweave.sandbox.faults.fault import ABSENT, Fault, fits_every
from authweave.sandbox.faults.fitting import both, free_secret, has_test, in_header, of_type, secret_in_header, where
from authweave.sandbox.made_up import fits as has_its_pattern

if TYPE_CHECKING:
    from authweave.profile import Input, Profile

_PLACEHOLDER: Final = "vault:sandbox/not-resolved"
_MISFIT: Final = "not in the declared form, \u2603"

Patch = Callable[["Profile"], Mapping[str, Any]]


def _needed(profile: Profile) -> str:
    """The secret that is left out, or another input that has to be there; '' for none."""
    needs = sorted(profile.variants[0].needs, key=lambda name: not profile.inputs[name].secret)
    return next((name for name in needs if profile.inputs[name].required and profile.inputs[name].default in (None, "")), "")


def _emptied(profile: Profile, inputs: dict[str, Any]) -> dict[str, Any]:
    return {**inputs, _needed(profile): ""}


def _placeholder(profile: Profile) -> Mapping[str, Any]:
    wanted = free_secret(profile)
    return {wanted.name: _PLACEHOLDER} if wanted is not None else {}


def _formed(profile: Profile) -> Input | None:
    """An input whose form is declared, so that a value can miss it."""
    wanted = (one for name, one in profile.inputs.items() if name in profile.variants[0].needs)
    return next((one for one in wanted if one.enum or one.format or one.type in ("integer", "pem") or (one.pattern and not has_its_pattern(one, _MISFIT))), None)


def _misfitting(profile: Profile, inputs: dict[str, Any]) -> dict[str, Any]:
    wanted = _formed(profile)
    return {**inputs, wanted.name: _MISFIT} if wanted is not None else inputs


def _with_line_end(profile: Profile, inputs: dict[str, Any]) -> dict[str, Any]:
    name = secret_in_header(profile)
    return {**inputs, name: f"{inputs[name]}\n"}


def _one_more(field: Mapping[str, Any], **inputs: Any) -> Patch:
    """A field more, and the inputs that it reads."""

    def patch(profile: Profile) -> Mapping[str, Any]:
        written = profile.merged.data.get("fields") or []
        return {"fields": [*written, field], **{f"inputs.{name}": spec for name, spec in inputs.items()}}

    return patch


def _elsewhere(_: Profile) -> Mapping[str, Any]:
    url = "https://{{ inputs.sandbox_place }}.elsewhere.example/me"
    return {"test": {"request": {"url": url}}, "inputs.sandbox_place": {"default": "api"}}


def _not_a_host(_: Profile) -> Mapping[str, Any]:
    servers = ["https://{{ inputs.sandbox_host }}"]
    return {"servers": servers, "test": {"request": {"url": "/me"}}, "inputs.sandbox_host": {"pattern": ".*", "default": "api.example/../x"}}


def _never(profile: Profile) -> Mapping[str, Any]:
    """No variant is for any request."""
    written = profile.merged.data.get("auth")
    variants = written if isinstance(written, list) else [{**(written or {}), "name": "never"}]
    condition = "{{ inputs.sandbox_mode == 'on' }}"
    return {"auth": [{**variant, "when": condition} for variant in variants], "inputs.sandbox_mode": {"default": "off"}}


_GETS: Final = where(
    lambda profile: not isinstance(profile.tests, str) and all(test.request.method == "GET" for test in profile.tests),
    "a profile whose check request has no body",
)

FAULTS: Final = (
    Fault(
        name="profile_invalid", provokes="profile_invalid", profile=lambda _: {"auht": {"type": "bearer"}}, fits=fits_every,
        description="a key of the profile is misspelt",
    ),
    Fault(
        name="secret_unresolved", provokes="secret_unresolved", given=_emptied, fits=where(lambda profile: bool(_needed(profile)), "a profile with an input that somebody has to supply"),
        description="an input, rather a secret, is empty",
    ),
    Fault(
        name="secret_suspicious", provokes="secret_suspicious", agreed=_placeholder, fits=where(lambda profile: free_secret(profile) is not None, "a profile with a secret of any form"),
        description="a secret looks like a reference that nobody resolved",
    ),
    Fault(
        name="input_invalid", provokes="input_invalid", given=_misfitting, fits=where(lambda profile: _formed(profile) is not None, "a profile with an input of a declared form"),
        description="an input has another form than the profile declares",
    ),
    Fault(
        name="crlf_or_nonascii_in_header", provokes="crlf_or_nonascii_in_header", given=_with_line_end, fits=in_header,
        description="a secret ends with a line break, as one read from a file",
    ),
    Fault(
        name="placement", provokes="placement", profile=_one_more({"in": "payload", "key": "sandbox", "value": "x"}), fits=both(has_test, _GETS),
        description="the profile puts a field into a body that the check request does not have",
    ),
    Fault(
        name="template", provokes="template", fits=has_test,
        profile=_one_more({"in": "header", "key": "X-Sandbox", "value": "{{ inputs.sandbox_part }}"}, sandbox_part={"required": False}),
        description="a template of the profile reads an input that is empty",
    ),
    Fault(name="url_refused", provokes="url_refused", profile=_not_a_host, fits=has_test, description="an input makes a URL that is none"),
    Fault(name="no_servers", provokes="no_servers", profile=lambda _: {"servers": ABSENT}, fits=has_test, description="the profile does not say which origins may get the credential"),
    Fault(
        name="origin_refused", provokes="origin_refused", profile=_elsewhere, fits=has_test,
        description="the check request goes to an origin that is none of the servers",
    ),
    Fault(name="no_variant", provokes="no_variant", profile=_never, fits=has_test, description="no variant of the profile is for the check request"),
    Fault(
        name="not_applied", provokes="not_applied", asks_outside=True, fits=of_type("negotiate"),
        description="this machine has no ticket for the service",
    ),
)  # fmt: skip
