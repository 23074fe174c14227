"""OAuth 1.0 (RFC 5849), by its own rules alone: the base string, the signature, and how parameters are written. Pure."""

from authweave.proofs.oauth1.base_string import base_string, base_string_uri, form_parameters
from authweave.proofs.oauth1.methods import METHODS, BadKey, rsa_key, signature, uses_rsa
from authweave.proofs.oauth1.protocol import authorization, protocol_parameters, written

__all__ = [
    "METHODS",
    "BadKey",
    "authorization",
    "base_string",
    "base_string_uri",
    "form_parameters",
    "protocol_parameters",
    "rsa_key",
    "signature",
    "uses_rsa",
    "written",
]
