"""Templates of profiles: Jinja's grammar, an allow-list, and plain Python functions."""

from __future__ import annotations

from authweave.templates.template import (
    Data,
    Place,
    Template,
    check_namespaces,
    compile_data,
    compile_template,
    literal,
)

__all__ = ["Data", "Place", "Template", "check_namespaces", "compile_data", "compile_template", "literal"]
