"""Device authorization grant: RFC 8628. A person consents at another device, which has a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authweave.hookspecs import Register, hookimpl
from authweave.values import JsonSchema

if TYPE_CHECKING:
    from authweave.call import TokenCall


class DeviceCode:
    """Ask with the device code until the person has answered; every later token comes by refresh, or by signing in again."""

    name: ClassVar[str] = "device_code"
    title: ClassVar[str] = "a person signs in at another device (RFC 8628)"
    urn: ClassVar[str] = "urn:ietf:params:oauth:grant-type:device_code"
    schema: ClassVar[JsonSchema] = {}
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    attended: ClassVar[bool] = True
    signs_in: ClassVar[bool] = True
    at_device: ClassVar[bool] = True

    @staticmethod
    def filled(auth: Mapping[str, Any]) -> dict[str, Any]:
        """What differs in the device authorization request: nothing."""
        return {"authorization_request": {}}

    def parameters(self, call: TokenCall) -> Mapping[str, Any]:
        """The device code. Raises SignInNeeded without a sign-in."""
        consent = call.consent()
        return {"device_code": consent.code}


@hookimpl
def register_grants(register: Register) -> None:
    """Add the grant `device_code`."""
    register(DeviceCode)
