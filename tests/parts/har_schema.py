"""npm `har-schema`, the JSON Schemas of HAR 1.2 that others wrote, as a judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from parts.catalogue import PARTS
from parts.not_run import need
from parts.part import HERE

FOLDER = HERE / "har-schema" / "node_modules" / "har-schema" / "lib"


@pytest.fixture(scope="session")
def har_problems() -> Callable[[Any], list[str]]:
    """What is wrong with a HAR, given as data: a line for each problem, with its place."""
    need(PARTS["har-schema"])
    schemas = {path.name: json.loads(path.read_text()) for path in Path(FOLDER).glob("*.json")}
    registry: Registry[Any] = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in schemas.values())
    validator = jsonschema.Draft6Validator(schemas["har.json"], registry=registry, format_checker=jsonschema.Draft6Validator.FORMAT_CHECKER)
    return lambda har: [f"{error.json_path}: {error.message}" for error in validator.iter_errors(har)]
