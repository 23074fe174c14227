"""What stands for Kerberos in the sandbox, which has no realm: a made-up token in the place of a ticket, and a made-up one back.

Only the token's place and the service that it names are looked at. It teaches, and proves nothing.
"""

from __future__ import annotations

import base64

from authweave.sandbox.verifiers.case import Case, Passed, Refused

_TICKET = "ticket for "


def verify(case: Case) -> Passed | Refused:
    """Is there a token in the header, and is it for the service that the profile names?"""
    lines = case.arrived.header_lines("authorization")
    if not lines:
        return Refused("the credential belongs in header Authorization: Negotiate …; nothing came", "Negotiate", is_missing=True)
    scheme, _, token = lines[0].partition(" ")
    try:
        said = base64.b64decode(token.strip(), validate=True).decode("utf-8", "replace")
    except ValueError:
        said = ""
    if len(lines) > 1 or scheme.lower() != "negotiate" or not said:
        return Refused("the credential belongs in one header Authorization: Negotiate …", "Negotiate")
    if not said.startswith(_TICKET):
        return Refused("this is the token of a real realm, and the sandbox has none: it takes what `authweave test --sandbox` sends", "Negotiate")
    service = str(case.own("service"))
    if said.removeprefix(_TICKET) != service:
        return Refused(f"the ticket is not for {service}", "Negotiate")
    proof = base64.b64encode(f"proof of {service}".encode()).decode()
    return Passed(("header Authorization",), (("WWW-Authenticate", f"Negotiate {proof}"),))
