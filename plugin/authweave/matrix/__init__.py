"""Many tests of "test auth" at once: profiles × tenants, gently, each apart from the others.

    results = test_profiles(engine, [Run("acme.yaml", tenant="eu"), Run("acme.yaml", tenant="us")])
    for done in results:                # in the order in which they end
        print(done.run.tenant, done.report.credential.word)
    reports = results.reports()         # in the order in which they were asked for
"""

from __future__ import annotations

from authweave.matrix.changed import Changed, changed_since
from authweave.matrix.many import Done, Event, Results, test_profiles
from authweave.matrix.plan import planned
from authweave.matrix.run import Run, not_run, probed
from authweave.matrix.table import Matrix, Row, read_matrix

__all__ = [
    "Changed", "Done", "Event", "Matrix", "Results", "Row", "Run", "changed_since", "not_run", "planned", "probed", "read_matrix", "test_profiles",
]  # fmt: skip
