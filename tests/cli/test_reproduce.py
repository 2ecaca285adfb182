"""`bench reproduce`: what comes out the same, what does not, what changed, and what is not touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest
from makers import regression_columns, write_table
from makers.runs import PLUGIN, forget_plugins
from makers.sharing import flip_every_entry

from bench.runner.journal import Journal
from bench.runner.records import CellResult, Ending, FitId
from bench.runner.verdicts import compare_results

pytestmark = pytest.mark.usefixtures("few_metrics")

RUN = ("run", "-l", "ridge,knn", "-e", "equal", "-b", "regression", "--folds", 1, "--inner", 2, "-q")
CELL = "regression/bundled:engel/equal"


@pytest.fixture
def ran(bench):
    assert bench(*RUN, "-t", "bundled:engel").code == 0
    return bench


def change(method, **how):
    """Replace fields of the result, or of the basis, of the record of one method."""
    journal = Journal(Path("results"))
    cell, record = next((c, r) for c, r in journal.records().items() if c.method == method)
    basis = {name: how.pop(name) for name in ("versions", "fits", "parts") if name in how}
    changed = replace(record, result=replace(record.result, **how), basis=replace(record.basis, **basis))
    with journal.open(journal.settings()) as writer:
        writer.write({cell: changed})
    return record


def test_a_fresh_run_is_reproduced_bit_by_bit_and_nothing_is_written(ran):
    before = {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()}
    done = ran("reproduce", "results")
    assert done.code == 0
    lines = done.out.splitlines()
    assert len(lines) == 5
    assert all(line.endswith(": bit-identical") for line in lines)
    assert "5 bit-identical" in done.err
    assert {path: path.read_bytes() for path in Path("results").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("factor", "code", "verdict"),
    [(1 + 1e-9, 0, "within tolerance: rmse (test)"), (1.01, 1, "different: rmse (test)")],
)
def test_other_numbers_are_said_with_what_changed(ran, factor, code, verdict):
    (record,) = (r for c, r in Journal(Path("results")).records().items() if c.method == "equal")
    scores = {"test": {**record.result.scores["test"], "rmse": record.result.scores["test"]["rmse"] * factor}}
    change("equal", scores=scores, versions="numpy 1.0; bench 0.0.1", parts={**record.basis.parts, "settings": "0"})
    done = ran("reproduce", CELL)
    assert done.code == code
    assert verdict in done.out
    changed = done.out.splitlines()[1]
    assert "numpy 1.0 → " in changed
    assert changed.endswith(", settings")
    assert ran("reproduce", CELL, "--tolerance", 0.1).code == 0


def test_what_results_name_is_not_run(ran):
    change("equal", fits={FitId("os:system:command=touch hacked", "none"): "0" * 32})
    done = ran("reproduce", CELL)
    assert done.code == 5
    assert "not checked: it names os:system:command=touch hacked: give --plugin FILE, or -l " in done.out
    assert not Path("hacked").exists()


def test_files_are_read_and_plug_ins_used_if_they_are_given_again(bench):
    write_table("reg.csv", regression_columns())
    Path("bad_plugin.py").write_text(PLUGIN)
    more = ("--plugin", "bad_plugin.py")
    assert bench(*RUN, "-t", "file:reg.csv", "--target", "y", "-e", "good,bad-raises", "-l", "raiser", *more).code == 1
    done = bench("reproduce", "results", *more)
    assert done.code == 5
    (line,) = done.out.splitlines()
    assert line.endswith(" and 7 more: not checked: it names file:reg.csv: give -t file:reg.csv to read that")
    done = bench("reproduce", "results", "-t", "file:reg.csv", *more)
    assert (done.code, done.err.strip()) == (0, "8 bit-identical")  # what failed fails again


def test_the_code_of_a_learner_that_is_given_is_compared_too(ran):
    Path("bad_plugin.py").write_text(PLUGIN)
    more = ("--plugin", "bad_plugin.py")
    assert ran(*RUN, "-t", "bundled:engel", "-l", "moody", *more).code == 0
    Path("bad_plugin.py").write_text(PLUGIN.replace("np.average(y, weights=weight)", "np.average(y)"))
    forget_plugins()
    done = ran("reproduce", "regression/bundled:engel/alone/moody", *more)
    assert [line.split(": ", 1)[1] for line in done.out.splitlines()] == [
        "bit-identical",
        "learner behind the fits of moody",
    ]
    rmtree("results/store")
    done = ran("reproduce", "regression/bundled:engel/alone/moody", *more)
    assert done.out.splitlines()[1].endswith(": something that only the store could tell behind the fits of moody")


def test_what_depends_on_the_machine_is_not_checked(ran):
    change("equal", ending=Ending("timeout", "limit"), scores={})
    done = ran("reproduce", CELL)
    assert done.code == 5
    assert "not checked: it ended as timeout, which depends on the machine" in done.out


def test_a_stored_fit_that_is_not_what_was_written_is_said_and_not_believed(ran):
    flip_every_entry("results/store")
    done = ran("reproduce", "results")
    assert (done.code, done.out.count(": bit-identical")) == (0, 5)
    said = [line for line in done.err.splitlines() if "its checksum is that of other contents" in line]
    assert [line.split(" under ")[0] for line in said] == ["bench: the fit of ridge", "bench: the fit of knn"]


def test_what_is_neither_a_directory_nor_a_cell_is_refused(ran):
    done = ran("reproduce", "nothing")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "'nothing' is no directory and no cell of results" in done.err


def test_endings_infinities_and_missing_scores_are_compared():
    def result(value, status="ok"):
        return CellResult(Ending(status, detail="why"), {"test": {"wis": value}})

    assert compare_results(result("inf"), result(float("inf")), 0)[0] == "bit-identical"
    assert compare_results(result(None), result(None), 0)[0] == "bit-identical"
    assert compare_results(result(None), result(1.0), 1)[0] == "different"
    assert compare_results(result("inf"), result(1.0), 1)[0] == "different"
    verdict, text = compare_results(result(1.0), result(1.0, "failed"), 0)
    assert (verdict, text) == ("different", "it ended as failed (why), and as ok before")
