"""Which tenant has which limits: as a host says, or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from authweave.errors import AuthweaveError, SettingsError
from authweave.limits.value import DEFAULT, Limits

NOTHING: Final = Limits(origin="no limits are given for this tenant")
LimitsOf = Callable[[str], Limits]


def limits_of(given: Any, file: Path | None) -> LimitsOf | None:
    """What says the limits of a tenant: a Limits for all, a map from tenants to Limits (`*`: all others), a function of the tenant,
    or the file. None where nobody gave any. Whoever is not provided for may use nothing. Raises SettingsError."""
    if given is None:
        if file is None:
            return None
        from authweave.limits.reading import read_limits

        given = read_limits(file)
    if isinstance(given, Limits):
        alone = given
        return lambda tenant: alone
    if isinstance(given, Mapping):
        return _of_map(given)
    if callable(given) and not isinstance(given, type):
        return _of_function(given)
    raise SettingsError(f"Engine(limits=…): must be a Limits, a map from tenants to Limits, a function of a tenant, or a file; not {type(given).__name__}")


def _of_map(given: Mapping[Any, Any]) -> LimitsOf:
    named: dict[str, Limits] = {}
    for tenant, limits in given.items():
        if not isinstance(tenant, str) or not isinstance(limits, Limits):
            raise SettingsError(f"Engine(limits=…): must be a map from names of tenants (text) to Limits; {type(tenant).__name__} to {type(limits).__name__} is none")
        named[tenant] = limits
    return lambda tenant: named.get(tenant, named.get(DEFAULT, NOTHING))


def _of_function(given: Callable[[str], Any]) -> LimitsOf:
    def found(tenant: str) -> Limits:
        failure: AuthweaveError
        try:
            limits = given(tenant)
        except AuthweaveError as error:
            failure = error.fresh()
        except Exception as error:  # noqa: BLE001 - a host's own code: what fails allows nothing
            failure = SettingsError(f"Engine(limits=…): the function failed with {type(error).__name__}")
        else:
            if limits is None:
                return NOTHING
            if isinstance(limits, Limits):
                return limits
            failure = SettingsError(f"Engine(limits=…): the function answered {type(limits).__name__}, which is neither Limits nor None")
        raise failure

    return found
