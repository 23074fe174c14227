"""Profiles of real providers: those whose types are built load, the others are refused by the name of what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from authweave import load
from authweave.errors import ProfileError
from authweave.loading import check_file
from parts.not_run import missing
from parts.vectors import shared

EXAMPLES = shared().parent / "examples"
LOADS = frozenset({
    "audiocodes-voiceai-connect", "by-host", "emarsys", "expired-in-200", "kore-basic", "kore-client-credentials", "microsoft-graph",
    "nuance-mix-runtime", "telegram", "zoom",
})  # fmt: skip
NOT_BUILT = {
    "aws": "auth type aws_sigv4", "azure-storage": "auth type signature", "docuware": "grant type password",
    "dpop": "client authentication type private_key_jwt", "facebook": "grant type authorization_code", "github-app": "auth type session",
    "google-service-account": "grant type jwt_bearer", "kore-password": "grant type password", "mcp": "grant type authorization_code",
    "netsuite-tba": "auth type oauth1", "nuance-mix-api-user": "grant type authorization_code",
    "quickbooks": "grant type authorization_code", "sage-intacct": "auth type session", "salesforce-jwt": "grant type jwt_bearer",
    "salesforce-web": "grant type authorization_code", "sap-business-one": "auth type session", "slack": "grant type authorization_code",
    "snowflake": "auth type jwt", "square": "grant type authorization_code", "stripe-app": "grant type authorization_code",
    "tableau": "auth type session", "tiktok": "grant type authorization_code", "zoho": "grant type authorization_code",
}  # fmt: skip


@pytest.fixture
def examples() -> Path:
    if not EXAMPLES.is_dir():
        missing(f"there are no examples at {EXAMPLES}", "AUTHWEAVE_VECTORS=<the folder of vectors beside them>")
    return EXAMPLES


def test_every_example_is_known(examples: Path) -> None:
    """The two lists name all of them, so that none is forgotten."""
    assert LOADS | NOT_BUILT.keys() == {file.stem for file in examples.glob("*.yaml")}


@pytest.mark.parametrize("name", sorted(LOADS))
def test_an_example_loads(name: str, examples: Path) -> None:
    """It becomes a profile, and there is nothing to say about it."""
    file = examples / f"{name}.yaml"

    assert name == load(file).name
    assert [] == check_file(file).problems


@pytest.mark.parametrize("name", sorted(NOT_BUILT))
def test_an_example_is_refused_by_the_name_of_what_is_missing(name: str, examples: Path) -> None:
    """`… is not built yet`, and nothing that follows from it."""
    with pytest.raises(ProfileError) as refused:
        load(examples / f"{name}.yaml")

    problems = refused.value.problems
    assert f"{NOT_BUILT[name]} is not built yet" in [problem.message for problem in problems]
    assert {"not_built"} == {problem.rule for problem in problems}
