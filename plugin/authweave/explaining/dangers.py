"""What a try could harm: accounts that lock, and what is good once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from authweave.profile import Profile, Variant

_PASSWORD: Final = re.compile(r"(?i)passw|passcode")
_OF_A_KEY: Final = re.compile(r"(?i)key|certificate|keystore|pfx|p12")
"""A password that opens a file, and no account."""
_ONE_TIME: Final = re.compile(r"(?i)(?:^|_)(?:otp|totp|mfa|pin|tan|passcode|one_?time\w*|authorization_code|device_code)(?:_|$)")


def warnings_for(profile: Profile, variant: Variant) -> tuple[str, ...]:
    """What has to be said before anything is tried with this variant; nothing where a try can do no harm."""
    return tuple(_warnings(profile, variant))


def _warnings(profile: Profile, variant: Variant) -> Iterator[str]:
    tokens = variant.tokens
    if tokens is not None and (tokens.attended or tokens.refresh_token is not None):
        yield (
            "each try presents the refresh token, or what a person consented to: many servers take it once, and a try that fails may "
            "spend it, so that the person has to sign in again"
        )
    passwords = [name for name in sorted(_read(profile, variant)) if _PASSWORD.search(name) and not _OF_A_KEY.search(name)]
    if passwords:
        yield f"each try signs in with {' and '.join(f'inputs.{name}' for name in passwords)}: some servers lock an account after a few wrong attempts"
    codes = [name for name in sorted(_read(profile, variant)) if _ONE_TIME.search(name)]
    if codes:
        yield f"each try presents {' and '.join(f'inputs.{name}' for name in codes)}: a code that is good once is spent by the first try"


def _read(profile: Profile, variant: Variant) -> frozenset[str]:
    """The inputs behind every request of the variant."""
    return frozenset(name for name in variant.needs | variant.key_inputs if name in profile.inputs)
