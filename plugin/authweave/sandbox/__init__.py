"""The sandbox: an identity provider and a task API on this machine that really check what they get.

Profiles run against it byte for byte as they are shipped: a *route* (as curl's `--connect-to`) leads their hosts here,
so that URL, SNI, Host field and origin guard are the real ones. It checks the client's authentication as declared, the
grant, the scopes, refresh tokens, expiry, and where on a task request the credential and the fields arrive; it decodes
requests by itself, and can be told to do things wrong (`FAULTS`).

It is a teacher and never counts as proof: it was written by the same people as the client, from the same profile.
Proof comes from servers that are not ours.
"""

from __future__ import annotations

from authweave.sandbox.box import Sandbox, Seen
from authweave.sandbox.faults import EACH, FAULTS, Fault, fault_of
from authweave.sandbox.person import Person
from authweave.sandbox.trying import for_test, person_for_test, profile_for_test

__all__ = ["EACH", "FAULTS", "Fault", "Person", "Sandbox", "Seen", "fault_of", "for_test", "person_for_test", "profile_for_test"]
