"""The tasks of a suite of OpenML, as its server lists them now."""

from __future__ import annotations

from bench.core.nouns import BenchError
from bench.tasks.sources.openml_client import open_box
from bench.tasks.sources.openml_http import Connection

TIMEOUT, ATTEMPTS = 30.0, 3
"""Those of the source of tasks: see `openml.openml`."""


def suite_tasks(number: int, *, offline: bool) -> list[int]:
    """Return the numbers of the tasks of a suite; the client keeps no copy, so that offline there is none.

    Raises:
        BenchError: there is no such suite, or it is one of runs.
        LoadError: the server failed.
    """
    name = f"openml-suite:{number}"
    with open_box(name, Connection(TIMEOUT, ATTEMPTS), offline=offline) as box:
        tasks = box.client.study.get_suite(number).tasks
    if not tasks:
        raise BenchError(f"{name} has no tasks: give the number of a suite, not of a study of runs")
    return [int(task) for task in tasks]
