"""How long the store keeps what is got: a person's consent for good, what can be had anew for a while after its end."""

from __future__ import annotations

import pytest

from authweave.errors import TokenEndpointError
from renewing import Bench

YEAR = 365 * 86_400.0


@pytest.mark.parametrize(("attended", "is_kept"), [(True, True), (False, False)])
def test_a_persons_refresh_token_outlives_its_access_token(attended, is_kept):
    """A bot that nobody asked anything for a year still has the consent; also after a renewal that failed meanwhile."""
    for fails in (False, True):
        bench = Bench(attended=attended, refresh=True, given="R0" if attended else None)
        bench.renewed()
        if fails:
            bench.clock.ahead += 700
            bench.endpoint.errors = [TokenEndpointError(status=500, url="https://id.example/token", error=None)]
            with pytest.raises(TokenEndpointError):
                bench.renewed()
        bench.clock.ahead += YEAR
        assert is_kept == (bench.record().token is not None)
