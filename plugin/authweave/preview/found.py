"""What stands for endpoints and clients that only the network can tell: whose metadata name them."""

from __future__ import annotations

from typing import Any

from authweave.discovery.completer import is_supplied
from authweave.discovery.completing import Completed, filled, is_discovered
from authweave.discovery.metadata import Metadata
from authweave.errors import AuthweaveError
from authweave.preview.stand_ins import Offline
from authweave.profile import TokenSettings
from authweave.values import Secret

_ENDPOINTS = {"token_url": "token endpoint", "authorization_url": "authorization endpoint", "device_authorization_url": "device authorization endpoint"}


def offline_settings(settings: TokenSettings, known: Offline, scope: dict[str, Any]) -> TokenSettings:
    """The settings with a stand-in for each endpoint that metadata name; a registered client stands among the inputs of `scope`."""
    registered: dict[str, Any] = {}
    whose = _whose(settings, known, scope)
    if settings.discovery.registration is not None and not is_supplied(settings, scope):
        words = f"from the registration at {whose}"
        registered = {"client_id": known.stand_in("client_id", f"client_id {words}"), "client_secret": Secret(known.stand_in("client_secret", f"client_secret {words}"), "preview")}
    Completed(settings, registered=registered).into(scope)
    if not is_discovered(settings):
        return settings
    urls = {name: known.stand_in(name, f"{title} from the metadata of {whose}", form="https://{}.invalid") for name, title in _ENDPOINTS.items()}
    return filled(settings, Metadata(whose, "", urls))


def _whose(settings: TokenSettings, known: Offline, scope: dict[str, Any]) -> str:
    """The issuer, or the resource whose metadata name it, as far as the inputs say."""
    try:
        if settings.discovery.issuer is not None:
            return known.text(settings.discovery.issuer.render(scope))
        return f"the issuer of {known.text(settings.resource.render(scope))}" if settings.resource is not None else "the server"
    except AuthweaveError:
        return "the issuer"
