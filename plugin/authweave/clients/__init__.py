"""The doors for httpx and httpx2, and what keeps secrets at home there."""
