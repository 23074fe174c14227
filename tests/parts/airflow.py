"""Apache Airflow as a fixture: a host that loads authweave by its own entry points, in an environment of its own."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from parts.catalogue import AIRFLOW, PARTS
from parts.installed import environment_of
from parts.not_run import need
from parts.part import HERE

DAGS = HERE / "airflow_dags"


@dataclass(frozen=True)
class Ran:
    """What a run of a DAG printed (its tasks' logs among it), and how its tasks ended: their states and tries by their names."""

    text: str
    states: Mapping[str, str]
    tries: Mapping[str, int]

    def log_of(self, task: str) -> str:
        """What was logged while a task ran."""
        return self.text.partition(f"[DAG TEST] starting task_id={task} ")[2].partition("[DAG TEST] starting task_id=")[0]


@dataclass(frozen=True)
class Airflow:
    """Airflow with a home, a database and the DAGs in `airflow_dags`."""

    installed: Path
    home: Path

    def run(self, *words: str, **environment: str) -> str:
        """The command `airflow` with these words; what it printed, whether all went well or not."""
        own = {
            "AIRFLOW_HOME": str(self.home), "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS), "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        }  # fmt: skip
        ended = subprocess.run(
            [str(AIRFLOW.python), "-m", "airflow", *words], env=environment_of(self.installed, **own, **environment), cwd=self.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
        return ended.stdout

    def test(self, dag: str, **environment: str) -> Ran:
        """Run a DAG headless, task after task, as `airflow dags test` does."""
        text = self.run("dags", "test", dag, **environment)
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            rows = database.execute("SELECT task_id, state, try_number FROM task_instance WHERE dag_id = ?", (dag,)).fetchall()
        return Ran(text, {task: state for task, state, _ in rows}, {task: tries for task, _, tries in rows})


def http_connection(url: str, login: str | None = None, password: str | None = None) -> str:
    """A connection of type HTTP, as an environment variable AIRFLOW_CONN_… holds it."""
    parts = urlsplit(url)
    return json.dumps({"conn_type": "http", "schema": parts.scheme, "host": parts.hostname, "port": parts.port, "login": login, "password": password})


@pytest.fixture(scope="session")
def airflow(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Airflow with a fresh home: each DAG is run once in a session."""
    need(PARTS["airflow"])
    made = Airflow(installed, tmp_path_factory.mktemp("airflow"))
    made.run("db", "migrate")
    return made
