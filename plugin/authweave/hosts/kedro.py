"""The door for Kedro: an `api.APIDataset` whose `credentials` are `{authweave: "acme-crm,tenant=blue"}`.

The map may stand in credentials.yml, or in the catalogue itself: the name of a profile is no secret. Without this plugin
such an entry fails at its first request; it is never sent without its credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from click import ClickException
from kedro.framework.hooks import hook_impl  # type: ignore[import-not-found]  # Kedro lives in an environment of its own

from authweave.errors import AuthweaveError, UsageError

KEY: Final = "authweave"


class ProfileHooks:
    """Gives datasets their auth: when the catalogue is made, and, for those that a pattern makes, when a run begins."""

    @hook_impl  # type: ignore[untyped-decorator]  # Kedro's marker has no types
    def after_catalog_created(self, catalog: Any, conf_catalog: Mapping[str, Any], conf_creds: Mapping[str, Any]) -> None:
        """For every entry of the catalogue that asks for a profile. Raises ClickException for a text that names none."""
        for name, config in conf_catalog.items():
            if "{" not in name and _asks(config, conf_creds):
                _give(name, catalog.get(name))

    @hook_impl  # type: ignore[untyped-decorator]  # Kedro's marker has no types
    def before_pipeline_run(self, pipeline: Any, catalog: Any) -> None:
        """For every dataset of the run. Raises ClickException if a profile cannot be loaded: before anything is run."""
        for name in sorted(pipeline.datasets()):
            for auth in _give(name, catalog.get(name)) if name in catalog else ():
                _check(name, auth)


def _asks(config: Any, credentials: Mapping[str, Any]) -> bool:
    """Does an entry of the catalogue ask for a profile, itself or by the name of its credentials?"""
    if not isinstance(config, Mapping):
        return False
    named = config.get("credentials")
    if KEY in config or (isinstance(named, str) and _asks(credentials.get(named), {})):
        return True
    return any(_asks(value, credentials) for value in config.values())


def _give(name: str, dataset: Any) -> list[Any]:
    """Put auths into a dataset, and into one inside it, where maps ask for them. Those that are in it now."""
    from authweave.hosts.requests import ProfileAuth

    own = getattr(dataset, "__dict__", {})
    inside = _give(name, own["_dataset"]) if own.get("_dataset") is not None else []
    request = own.get("_request_args")
    if not isinstance(request, dict):
        return inside
    asked = request.get("auth")
    if isinstance(asked, Mapping) and KEY in asked:
        request["auth"] = _auth_of(name, asked)
    return [*inside, request["auth"]] if isinstance(request.get("auth"), ProfileAuth) else inside


def _auth_of(name: str, asked: Mapping[str, Any]) -> Any:
    from authweave.hosts.requests import ProfileAuth

    try:
        if also := sorted(set(map(str, asked)) - {KEY}):
            raise UsageError(f"{KEY} stands alone in credentials, without {', '.join(also)}")
        return ProfileAuth(asked[KEY])
    except AuthweaveError as error:
        told = f"{name}: {error}"
    raise ClickException(told)


def _check(name: str, auth: Any) -> None:
    from authweave.hosts.telling import failure

    try:
        auth.connection()
    except AuthweaveError as error:
        told = failure(auth.named, error)
    else:
        return
    raise ClickException(f"{name}: {told}")


hooks: Final = ProfileHooks()
"""What Kedro's entry point registers."""
