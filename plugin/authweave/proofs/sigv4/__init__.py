"""AWS Signature Version 4, by the rules of AWS alone: what is signed, and the signature. Pure; no profile, no request of ours."""

from authweave.proofs.sigv4.canonical import (
    EMPTY_PAYLOAD,
    UNSIGNED_PAYLOAD,
    canonical_path,
    canonical_query,
    canonical_request,
    payload_hash,
    signed_headers,
)
from authweave.proofs.sigv4.services import Service, service_of
from authweave.proofs.sigv4.signing import (
    ALGORITHM,
    CredentialScope,
    Keys,
    authorization,
    presigned,
    signature,
    signing_key,
    string_to_sign,
)
from authweave.proofs.sigv4.writing import sent_path, sent_query

__all__ = [
    "ALGORITHM", "EMPTY_PAYLOAD", "UNSIGNED_PAYLOAD", "CredentialScope", "Keys", "Service", "authorization", "canonical_path", "canonical_query",
    "canonical_request", "payload_hash", "presigned", "sent_path", "sent_query", "service_of", "signature", "signed_headers", "signing_key", "string_to_sign",
]  # fmt: skip
