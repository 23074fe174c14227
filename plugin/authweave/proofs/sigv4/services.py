"""What differs between the services of AWS. Every other service follows the common rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Service:
    """How a service wants to be signed.

    `is_key`: its path is the key of an object, encoded once and never resolved. `states_hash`: it wants the hash of the
    body in `x-amz-content-sha256`. `takes_unsigned`: over TLS it takes a body that is not signed. `never_signs`: it takes no
    other. `token_after`: in a signed URL the session token is added after signing.
    """

    is_key: bool = False
    states_hash: bool = False
    takes_unsigned: bool = False
    never_signs: bool = False
    token_after: bool = False


_S3: Final = Service(is_key=True, states_hash=True, takes_unsigned=True)
_SERVICES: Final = {
    "s3": _S3,
    "s3express": _S3,
    "s3-object-lambda": _S3,
    "s3-outposts": _S3,
    "aoss": Service(states_hash=True),
    "glacier": Service(states_hash=True),
    "vpc-lattice-svcs": Service(states_hash=True, takes_unsigned=True, never_signs=True),
    "iotdevicegateway": Service(token_after=True),
}
_COMMON: Final = Service()


def service_of(name: str) -> Service:
    """The rules of a service by the name it has in the credential scope (`s3`, `execute-api`)."""
    return _SERVICES.get(name, _COMMON)
