"""Runs with plug-ins that do what they must not, beside honest ones: nobody else's number changes, nothing is left."""

from __future__ import annotations

import io
import os

import numpy as np
import pandas as pd
import psutil
import pytest
from makers import read
from makers.hostile import PLUGIN
from makers.runs import cells, statuses, values

from bench.core.nouns import InvalidPredictionError, real_values


@pytest.fixture
def hostile(tmp_path):
    (tmp_path / "theirs.py").write_text(PLUGIN)
    yield ("--plugin", "theirs.py", "--folds", 1, "--inner", 2, "--json")
    assert [p.info for p in psutil.process_iter(["pid", "cwd", "cmdline"]) if is_left(p.info, tmp_path)] == []


def is_left(process, folder):
    """Return whether a process of the test is there that is neither the test itself nor what it forks workers from."""
    mine = process["cwd"] == str(folder) and process["pid"] != os.getpid()
    return mine and not any("multiprocessing" in word for word in process["cmdline"] or ())


HONEST = ("-b", "regression", "-e", "equal,greedy,takes-last")


def test_hostile_learners_beside_honest_ones_change_no_number_of_theirs(pooled, reg, hostile):
    calm = pooled("run", *reg, *HONEST, "-l", "ridge,knn,honest", *hostile, "--results", "calm")
    assert calm.code == 0, calm.err
    names = "ridge,knn,honest,forks-twice,patches,is-busy,has-few-files,is-textless,exits,exits-at-once,faults,moves,"
    names += "sets-alarm,prints,kills-parent,stops"
    done = pooled("run", *reg, *HONEST, "-l", names, *hostile, "--time-limit", "3s", "-j", 2)
    assert done.code == 1
    assert "\x1b" not in done.err
    found = {learner: status for (learner, _), status in statuses().items() if learner}
    lost = {"exits": "crashed", "exits-at-once": "crashed", "faults": "crashed", "kills-parent": "crashed"}
    assert found == dict.fromkeys(names.split(","), "ok") | lost | {"is-textless": "failed", "stops": "timeout"}
    alone, before = values(), values("calm")
    alone, before = (table[table.index.get_level_values("learner") != ""] for table in (alone, before))
    assert before.index.isin(alone.index).all()
    assert (alone.loc[before.index] == before).all()
    details = cells().set_index("learner")["detail"].to_dict()
    assert "text cannot be made" in details["is-textless"]
    assert "SIGSEGV" in details["faults"]


def test_a_scheme_of_others_that_another_one_calls_is_known_where_it_is_called(pooled, reg, tmp_path):
    (tmp_path / "theirs.py").write_text(
        "import numpy as np\nfrom bench import Weights, ensembles\n\n\n"
        "@ensembles.register('point')\ndef theirs(panel, y, rng):\n    return Weights(np.eye(len(panel.learners))[0])\n"
    )
    callers = "bootstrap:of=theirs,discrete-super-learner:of=theirs,discrete-super-learner:of=equal|theirs"
    words = ("run", *reg, "-b", "regression", "-l", "ridge,knn", "--folds", 1, "--inner", 2, "-e")
    done = pooled(*words, callers, "--plugin", "theirs.py")
    assert done.code == 0, done.err
    unknown = pooled(*words, "discrete-super-learner:of=nobodys")
    assert (unknown.code, "unknown ensemble 'nobodys'" in unknown.err) == (2, True)


def test_hostile_schemes_change_no_number_of_others(pooled, reg, hostile):
    words = ("run", *reg, *HONEST, "-l", "ridge,knn", *hostile)
    assert pooled(*words, "--results", "calm").code == 0
    done = pooled(*words, "-e", "writes,patches-all,greedy+step-writes")
    assert done.code == 1, done.err
    found = statuses()
    assert found["", "writes"] == found["", "greedy+step-writes"] == "failed"
    assert "read-only" in cells().set_index("method").loc["writes", "detail"]
    kept = values("calm")
    assert (values().loc[kept.index] == kept).all()


def test_hostile_metrics_change_no_number_of_others(pooled, reg, hostile):
    words = ("run", *reg, *HONEST, "-l", "ridge,knn", *hostile)
    assert pooled(*words, "--metric", "core", "--results", "calm").code == 0
    assert pooled(*words, "--metric", "core,writing,my_mae,mae").code == 0
    kept, found = values("calm"), values()
    assert (found.loc[kept.index] == kept).all()
    by_metric = {name: table.droplevel("metric") for name, table in found.groupby(level="metric")}
    assert (by_metric["my_mae"] == by_metric["mae"]).all()
    died = pooled(*words, "--metric", "dying", "--results", "died")
    assert died.code == 1
    assert set(cells("died")["status"]) == {"crashed"}
    assert set(read("died/failures.csv")["detail"]) == {"the process of metric dying died"}


def test_hostile_class_weightings_are_called_apart(pooled, cls, hostile):
    words = ("run", *cls, "-b", "class-weight", "-l", "logistic", *hostile)
    assert pooled(*words, "-w", "none,balanced", "--results", "calm").code == 0
    done = pooled(*words, "-w", "none,patching-weights,dying-weights,balanced")
    assert done.code == 1, done.err
    found = statuses()
    assert found["logistic", "dying-weights"] == "crashed"
    assert found["logistic", "patching-weights"] == "ok"
    kept, now = values("calm"), values()
    assert (now.loc[kept.index] == kept).all()
    by_method = {name: table.droplevel("method") for name, table in now.groupby(level="method")}
    assert (by_method["patching-weights"] == by_method["balanced"]).all()  # its formula is the same
    planned = pooled("plan", *words[1:-1], "-w", "patching-weights")
    assert planned.code == 0, planned.err


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([[1 + 2j]], "imaginary"),
        (np.ma.masked_array([[1.0], [2.0]], mask=[[False], [True]]), "masked in 1 places"),
    ],
)
def test_what_numpy_would_drop_is_invalid(values, why):
    with pytest.raises(InvalidPredictionError, match=why):
        real_values(values)


def test_what_drops_nothing_is_real():
    assert real_values([[1 + 0j, 2]]).tolist() == [[1.0, 2.0]]


def test_a_check_of_what_ends_the_process_is_no_pass(pooled, hostile):
    done = pooled("check", *hostile[:2], "dying", "my-mae", "--format", "csv")
    assert done.code == 1
    outcomes = pd.read_csv(io.StringIO(done.out))
    died = outcomes["law"].str.startswith("metric/dying/")
    assert set(outcomes.loc[~died, "outcome"]) <= {"passed", "excused"}
    assert "broken" in set(outcomes.loc[died, "outcome"])
    assert set(outcomes.loc[outcomes["outcome"] == "broken", "reason"]) == {"its process ended (exit code 0)"}
