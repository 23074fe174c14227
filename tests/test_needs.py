"""Every need of real connectors that is data by nature has its proof."""

from __future__ import annotations

from documentation.needs import PROOFS, ROWS, Proof, proofs
from thorough import every


def test_every_mark_names_a_row() -> None:
    """A mark with a row that does not exist proves nothing."""
    assert set() == proofs().keys() - ROWS.keys()


@every("row", [name for name, row in ROWS.items() if not row.is_outside])
def test_a_need_has_a_proof(row: str) -> None:
    """A test is marked with the row."""
    assert row in proofs()


@every("proof", sorted({proof for tests in proofs().values() for proof in tests}, key=str), ids=str)
def test_a_proof_is_judged_by_somebody_else(proof: Proof) -> None:
    """Proofs stand where a foreign part is asked for."""
    assert proof.file.parent == PROOFS


def test_what_is_outside_is_code_by_nature() -> None:
    """Only what one vendor's own code does is left out, and nobody claims to prove it."""
    outside = {name for name, row in ROWS.items() if row.is_outside}

    assert {"named vendor flow (code)", "vendor SDK", "vendor token code"} == {name.partition(": ")[2] for name in outside}
    assert not outside & proofs().keys()
