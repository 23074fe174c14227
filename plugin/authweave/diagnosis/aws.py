"""What AWS says of signed requests: its error codes, in bodies of XML or JSON, with 400 or 403 for nearly everything."""

from __future__ import annotations

import re
from typing import Final

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table
from authweave.times import parse_http_date

_READ: Final = 8192
_SAID: Final = (
    ("aws_clock", r"RequestTimeTooSkewed|RequestExpired|RequestInTheFuture|Signature expired|Signature not yet current"),
    ("aws_scope", r"Credential should be scoped|AuthorizationHeaderMalformed|AuthorizationQueryParametersError|region '[a-z0-9-]+' is wrong"),
    ("aws_session_token", r"ExpiredToken|InvalidToken|security token included in the request is expired"),
    ("aws_access_key", r"InvalidAccessKeyId|InvalidClientTokenId|UnrecognizedClient|AuthFailure"),
    ("aws_signature", r"SignatureDoesNotMatch|InvalidSignature|IncompleteSignature|MissingAuthenticationToken|XAmzContentSHA256Mismatch"),
    ("aws_denied", r"AccessDenied|UnauthorizedOperation|AccessDeniedException|not authorized to perform"),
)  # fmt: skip
"""In this order: one word of AWS's may stand for several causes, and its message tells which."""
_STAMP: Final = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z")


def is_aws(case: Case) -> bool:
    """Is the request signed for AWS?"""
    return case.variant is not None and case.variant.scheme.name == "aws_sigv4"


def aws_code(case: Case) -> str:
    """The code of AWS's refusal; '' where it says nothing of the signature.

    Of temporary keys AWS says that it does not know them, also where it is the session token that is wrong.
    """
    body = case.response.body if case.response is not None else None
    said = f"{case.word} {case.description} {(body or b'')[:_READ].decode('utf-8', 'replace')}"
    code = next((code for code, pattern in _SAID if re.search(pattern, said)), "")
    is_temporary = case.request is not None and bool(case.request.header("x-amz-security-token"))
    return "aws_session_token" if code == "aws_access_key" and is_temporary else code


def skew(case: Case) -> float | None:
    """Seconds that this machine's clock is ahead of AWS's, by the time that was signed; None where it cannot be told."""
    signed = _STAMP.search((case.request.header("x-amz-date") or case.request.url) if case.request else "")
    date = case.response.header("date") if case.response else None
    if signed is None or not date:
        return None
    year, month, day, hour, minute, second = signed.groups()
    try:
        from datetime import UTC, datetime

        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
        return moment.timestamp() - parse_http_date(date)
    except (ValueError, ArithmeticError):
        return None


def _clock(case: Case) -> str:
    ahead = skew(case)
    by = f" {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} AWS's" if ahead is not None and abs(ahead) >= 1 else " not that of AWS"
    return f"AWS does not take the time of the signature: this machine's clock is{by} ({case.status})."


_SECRET: Final = Remedy("auth.secret_access_key", "supply the secret that belongs to this access key, whole: it was shown once when the key was made")
_SESSION: Final = Remedy("auth.session_token", "supply all three parts of the temporary keys anew, from the same answer")

ENTRIES = table(
    Entry("aws_signature", "AWS computes another signature for this request ({status}).", (
        _SECRET,
        Remedy("auth.service", "write the service as its signatures name it: often not as its host does (bedrock for bedrock-runtime, execute-api)"),
        Remedy("servers", "is there a proxy between that changes path, query or headers?"),
    ), verdict="refused"),
    Entry("aws_scope", "The request is signed for another region or service than the one that was called ({status}).", (
        Remedy("auth.region", "write the region that the endpoint is in"),
        Remedy("auth.service", "write the service as its signatures name it"),
    ), verdict="refused"),
    Entry("aws_clock", _clock, (
        Remedy("auth.type", "set the clock of this machine (NTP): a signature is good for five minutes, at S3 for fifteen"),
    ), retry="yes, with the right time", verdict="refused"),
    Entry("aws_access_key", "AWS does not know this access key ({status}).", (
        Remedy("auth.access_key_id", "supply one that exists and is active, of this partition: China and GovCloud have keys of their own"),
        Remedy("auth.session_token", "supply it, if the keys are temporary: AWS says the same where it is missing"),
    ), verdict="refused"),
    Entry("aws_session_token", "The temporary keys have ended, or the session token is that of others ({status}).", (
        _SESSION,
        Remedy("auth.role_arn", "let the role be assumed here: its keys are then renewed in time", lambda case: case.settings is None),
    ), verdict="refused"),
    Entry("aws_denied", "AWS knows who calls, and no policy allows it ({status}).", (
        Remedy("auth.role_arn", "may the access key assume this role? The role has to trust it, and its own policy to allow sts:AssumeRole", lambda case: case.settings is not None),
        Remedy("auth.external_id", "write what the role's owner asks for, if its trust wants an ExternalId", lambda case: case.settings is not None),
        Remedy("test.request.url", "ask for something that the policy of this user or role allows"),
    ), verdict="forbidden"),
)  # fmt: skip
