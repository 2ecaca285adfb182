"""Flags are fields: each fills its own, suites are held to the same bounds, and none costs a heavy import."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import typer

from bench.cli.flags import add_request_flags, flag_fields
from bench.core.nouns import BenchError
from bench.runner.options import RunRequest
from bench.tasks.task_spec import TaskSpec

WORDS = {
    "tasks": ("-t", "file:a.csv"),
    "suites": ("-s", "quick"),
    "datasets": ("--datasets", "none"),
    "boards": ("-b", "quantile"),
    "learners": ("-l", "ridge:alpha=2"),
    "ensembles": ("-e", "equal"),
    "class_weights": ("-w", "balanced"),
    "panel": ("--panel", "strong"),
    "folds": ("--folds", "2"),
    "repeats": ("--repeats", "3"),
    "target": ("--target", "y"),
    "kind": ("--kind", "regression"),
    "group": ("--group", "g"),
    "time": ("--time", "when"),
    "weight": ("--weight", "w"),
    "order": ("--order", "a,b"),
    "sep": ("--sep", ";"),
    "decimal": ("--decimal", ","),
    "encoding": ("--encoding", "latin-1"),
    "rows": ("--sample-rows", "40"),
    "positive": ("--positive", "yes"),
    "shard": ("--shard", "2/3"),
    "metrics": ("--metric", "f1,core"),
    "max_learners": ("--max-learners", "4"),
    "max_weight_rows": ("--max-weight-rows", "50"),
    "max_rows": ("--max-rows", "900"),
    "max_features": ("--max-features", "90"),
    "max_classes": ("--max-classes", "9"),
    "seed": ("--seed", "7"),
    "seeds": ("--seeds", "2"),
    "inner": ("--inner", "3"),
    "levels": ("--levels", "0.1:0.3:0.1"),
    "protocol": ("--protocol", "split"),
    "calibration": ("--calibration", "0.3"),
    "max_levels": ("--max-levels", "12"),
    "jobs": ("-j", "2"),
    "executor": ("--executor", "dask"),
    "address": ("--address", "tcp://head:8786"),
    "seconds": ("--time-limit", "2m"),
    "memory": ("--mem-limit", "1kB"),
    "retry": ("--retry", "oom,failed"),
    "force": ("--force",),
    "stop_at_failure": ("-x",),
    "wait": ("--wait",),
    "max_total": ("--max-total", "2h"),
    "max_cells": ("--max-cells", "9"),
    "plugins": ("--plugin", "mine.py"),
    "results": ("--results", "r"),
    "store": ("--store", "s"),
    "offline": ("--offline",),
}


def request_of(*words):
    """Return the request that a command is given for these flags."""
    requests = []

    def command(request: RunRequest) -> None:
        requests.append(request)

    app = typer.Typer()
    app.command()(add_request_flags(command))
    app(list(words), standalone_mode=False)
    return requests[0]


def test_every_flag_fills_its_field_and_no_other():
    request = request_of(*(word for words in WORDS.values() for word in words))
    assert list(WORDS) == [each.name for each in flag_fields()]
    columns = {"target": "y", "kind": "regression", "group": "g", "time": "when", "weight": "w", "order": "a,b"}
    assert request.task_flags == columns | {"sep": ";", "decimal": ",", "encoding": "latin-1", "rows": 40}
    assert request.tasks == (TaskSpec("file:a.csv", **request.task_flags),)
    assert request.suites == ("quick",)
    chosen, settings, options = request.chosen, request.settings, request.options
    assert (chosen.boards, chosen.learners) == (("quantile",), ("ridge:alpha=2",))
    assert (chosen.ensembles, chosen.class_weights, chosen.panel) == (("equal",), ("balanced",), "strong")
    assert (request.positive, chosen.metrics) == ("yes", ("f1,core",))
    assert (chosen.folds, chosen.repeats, chosen.max_learners, chosen.max_weight_rows, chosen.seeds) == (2, 3, 4, 50, 2)
    assert (settings.seed, settings.inner, settings.levels) == (7, 3, (0.1, 0.2, 0.3))
    assert (settings.protocol, settings.calibration, settings.max_levels) == ("split", 0.3, 12)
    assert (chosen.max_rows, chosen.max_features, chosen.max_classes) == (900, 90, 9)
    assert (options.jobs, options.limits.seconds, options.limits.memory) == (2, 120, 1024)
    assert (options.retry, options.force, options.stop_at_failure) == (("failed", "oom"), True, True)
    assert (options.wait, options.max_total, options.max_cells) == (True, 7200, 9)
    assert (options.plugins, request.offline) == (("mine.py",), True)
    assert (request.results, request.store) == (Path("r"), Path("s"))


def test_a_request_without_flags_has_the_defaults_of_its_fields(monkeypatch):
    monkeypatch.delenv("BENCH_JOBS")
    assert request_of() == RunRequest()


def test_no_two_flags_share_a_spelling():
    counts = Counter(name for each in flag_fields() for name in (each.name, *each.flag.names))
    assert set(counts.values()) == {1}


def test_columns_are_for_files_where_there_are_files():
    assert request_of("-t", "37,file:a.csv", "--target", "y").tasks == (TaskSpec("37"), TaskSpec("file:a.csv", "y"))
    assert request_of("-t", "37", "--target", "y").tasks == (TaskSpec("37", "y"),)


def test_flags_say_what_a_task_does_not_say_itself():
    words = ("-t", "37,file:a.csv@price,file:b.csv@rows=9", "--target", "y", "--sample-rows", "50")
    assert request_of(*words).tasks == (
        TaskSpec("37", rows=50),
        TaskSpec("file:a.csv", "price", rows=50),
        TaskSpec("file:b.csv", "y", rows=9),
    )


def suites(**bodies):
    lines = [f"  {name}: {{tasks: ['bundled:wine'], settings: {body}}}" for name, body in bodies.items()]
    Path("datasets.yaml").write_text("\n".join(["suites:", *lines]))


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("inner: 1", "inner cannot be '1': give a whole number of at least 2"),
        ("inner: many", "inner cannot be 'many': give a whole number of at least 2"),
        ("protocol: often", "protocol cannot be 'often': give refit, bag, nested, split"),
        ("calibration: 0.7", "calibration cannot be '0.7': give a share from 0.01 to 0.5"),
        ("calibration: .nan", "calibration cannot be '.nan': give a share from 0.01 to 0.5"),
        ("levels: '0.9,0.1'", "levels '0.9,0.1' cannot be read"),
    ],
)
def test_a_suite_is_held_to_the_bounds_of_the_flag(setting, reason):
    suites(odd=f"{{{setting}}}")
    with pytest.raises(BenchError) as refusal:
        request_of("-s", "odd")
    assert str(refusal.value).startswith(reason)


def test_what_a_suite_wants_stands_between_the_flag_and_the_default():
    suites(one="{protocol: bag, inner: 3, panel: strong}", other="{protocol: nested}")
    request = request_of("-s", "one", "--inner", "4")
    assert (request.settings.protocol, request.settings.inner, request.chosen.panel) == ("bag", 4, "strong")
    with pytest.raises(BenchError, match="suite 'other' wants protocol nested, another bag: give --protocol"):
        request_of("-s", "one,other")
    assert request_of("-s", "one,other", "--protocol", "refit").settings.protocol == "refit"


def test_a_share_to_calibrate_is_refused_where_the_protocol_sets_none_aside():
    with pytest.raises(BenchError, match=r"calibration 0\.3 is for --protocol split"):
        request_of("--calibration", "0.3")


def test_the_commands_are_known_without_a_heavy_import():
    code = (
        "import sys\nfrom bench.cli.commands import app\n"
        "assert not {'numpy', 'pandas', 'scipy', 'yaml', 'bench.experiment'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
