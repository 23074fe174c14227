"""NTLM as a server checks it: MS-NLMP §2.2.1 and §3.3.2 (NTLMv2), written from the server's side. A challenge is good for the
connection that it was given on, and once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable, Iterable
from typing import Final

from authweave.sandbox.verifiers.case import Case, Passed, Refused

_SIGNATURE: Final = b"NTLMSSP\0"
_UNICODE, _TARGET, _NTLM, _EXTENDED, _TARGET_INFO, _STRONG = 0x1, 0x4, 0x200, 0x80000, 0x800000, 0x20000000
_FLAGS: Final = _UNICODE | _TARGET | _NTLM | _EXTENDED | _TARGET_INFO | _STRONG | 0x10000
_END, _COMPUTER, _DOMAIN = 0, 1, 2
_NAME: Final = "SANDBOX"


def verify(case: Case) -> Passed | Refused:
    """Does the proof over this connection show that the caller knows the password?"""
    lines = case.arrived.header_lines("authorization")
    if not lines:
        return Refused("the credential belongs in header Authorization: NTLM …; nothing came", "NTLM", is_missing=True)
    scheme, _, token = lines[0].partition(" ")
    try:
        message = base64.b64decode(token.strip(), validate=True)
    except ValueError:
        message = b""
    if len(lines) > 1 or scheme.lower() != "ntlm" or message[:8] != _SIGNATURE or len(message) < 12:
        return Refused("the credential belongs in one header Authorization: NTLM …", "NTLM")
    if message[8] == 1:
        return _challenged(case)
    with case.memory.lock:
        challenge = case.memory.facts.pop(str(case.arrived.connection), None)
    if challenge is None:
        return Refused("the proof came over another connection than the challenge went", "NTLM")
    why = _wrong(case, message, challenge)
    return Refused(why, "NTLM") if why else Passed(("header Authorization",))


def _challenged(case: Case) -> Refused:
    challenge = secrets.token_bytes(8)
    with case.memory.lock:
        case.memory.facts[str(case.arrived.connection)] = challenge
        while len(case.memory.facts) > 1000:
            del case.memory.facts[next(iter(case.memory.facts))]
    name = _NAME.encode("utf-16-le")
    pairs = [(_DOMAIN, name), (_COMPUTER, name), (_END, b"")]
    target_info = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs)
    head = _SIGNATURE + struct.pack("<I", 2) + struct.pack("<HHI", len(name), len(name), 48) + struct.pack("<I", _FLAGS)
    message = head + challenge + bytes(8) + struct.pack("<HHI", len(target_info), len(target_info), 48 + len(name)) + name + target_info
    return Refused("NTLM begins with a challenge, and this is it", f"NTLM {base64.b64encode(message).decode()}", is_missing=True)


def _wrong(case: Case, message: bytes, challenge: bytes) -> str:
    if len(message) < 64 or message[8] != 3:
        return "this is none of the messages of NTLM"
    try:
        nt_response, domain, user = (_field(message, place) for place in (20, 28, 36))
        said = (domain.decode("utf-16-le"), user.decode("utf-16-le"))
    except (struct.error, UnicodeDecodeError):
        return "the proof cannot be read"
    if _account(str(case.own("username"))) != said:
        return "username is not the customer's"
    if len(nt_response) < 44:
        return "only NTLMv2 is taken"
    proof, blob = nt_response[:16], nt_response[16:]
    key = _hmac(md4(str(case.own("password")).encode("utf-16-le")), (said[1].upper() + said[0]).encode("utf-16-le"))
    return "" if hmac.compare_digest(_hmac(key, challenge + blob), proof) else "the proof is not what the password makes of the challenge"


def _account(written: str) -> tuple[str, str]:
    r"""Domain and user of `DOMAIN\user`; `user@domain` has none of its own."""
    domain, slash, user = written.partition("\\")
    return (domain, user) if slash else ("", written)


def _field(message: bytes, place: int) -> bytes:
    length, _, offset = struct.unpack_from("<HHI", message, place)
    return message[offset : offset + length]


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.md5).digest()


def md4(data: bytes) -> bytes:
    """RFC 1320; the TLS libraries of today do not have it any more."""

    def turned(value: int, by: int) -> int:
        value &= 0xFFFFFFFF
        return ((value << by) | (value >> (32 - by))) & 0xFFFFFFFF

    rounds: tuple[tuple[Callable[[int, int, int], int], int, Iterable[int], tuple[int, ...]], ...] = (
        (lambda x, y, z: (x & y) | (~x & z), 0x0, range(16), (3, 7, 11, 19)),
        (lambda x, y, z: (x & y) | (x & z) | (y & z), 0x5A827999, [k + 4 * j for k in range(4) for j in range(4)], (3, 5, 9, 13)),
        (lambda x, y, z: x ^ y ^ z, 0x6ED9EBA1, (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
    )
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for start in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, start)
        a, b, c, d = state
        for mix, constant, order, shifts in rounds:
            for step, index in enumerate(order):
                a, b, c, d = d, turned(a + mix(b, c, d) + words[index] + constant, shifts[step % 4]), b, c
        state = [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)
