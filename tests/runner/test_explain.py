"""`bench explain`: every reason why a cell is weighed, reused or stale, as the next run then acts on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from makers import read, regression_columns, write_table
from makers.runs import forget_plugins
from makers.sharing import flip_every_entry

pytestmark = pytest.mark.usefixtures("few_metrics")

LEARNER = '''
import numpy as np
from bench.methods import learners

class Model:
    def __init__(self, levels):
        self.levels = levels
    def fit(self, X, y, weight):
        self.quantiles = np.quantile(y, self.levels)
    def predict(self, X):
        return np.tile(self.quantiles, (len(X), 1))

@learners.register("quantile", encoding="scaled", weights=True)
def still(target, seed):
    """Say the same of every row."""
    return Model(target.levels)
'''
SCHEME = '''
import numpy as np
from bench import Weights
from bench.methods import ensembles

@ensembles.register("quantile")
def leader(panel, y, rng):
    """Listen to the first learner."""
    return Weights(np.eye(len(panel.learners))[0])
'''
COARSE, LEADER = "quantile/file:reg/coarse", "quantile/file:reg/leader"
STILL = "quantile/file:reg/alone/still"
REUSED = "Nothing that it depends on has changed: the next run reuses it."


@pytest.fixture
def files(tmp_path):
    """The plug-ins of this file, as the words that name them."""
    Path("scheme.py").write_text(SCHEME)
    Path("learner.py").write_text(LEARNER)
    write_table(tmp_path / "reg.csv", regression_columns())
    return ("--plugin", "scheme.py", "--plugin", "learner.py")


@pytest.fixture
def run(bench, files):
    """Run one small experiment, with more words if given."""

    def call(*words):
        more = ("-l", "gaussian,still", "-e", "coarse,leader", "--folds", 1, "--inner", 2, "--json")
        words = ("-t", "file:reg.csv", "--target", "y", "-b", "quantile", *more, *files, *words)
        return bench("run", *words)

    return call


@pytest.fixture
def explained(bench, files):
    """Return the explanation of one cell, line by line, without its name."""

    def call(cell, *words):
        done = bench("explain", cell, "-t", "file:reg.csv", *files, *words)
        assert done.code == 0, done.err
        return [line.strip() for line in done.out.splitlines()[1:]]

    return call


def edit(name, old, new):
    """Change a plug-in file, as if the next call of the program were a new process."""
    text = Path(name).read_text()
    assert old in text
    Path(name).write_text(text.replace(old, new))
    forget_plugins()


def test_a_new_cell_is_reused_until_something_changes(run, explained):
    run()
    for cell in (COARSE, LEADER, STILL):
        assert explained(cell) == ["It ended as ok.", "It was weighed because it was not there.", REUSED]
    assert run().json["weighed"] == 0


def test_the_code_of_a_method_changed(run, explained):
    run()
    edit("scheme.py", "np.eye(len(panel.learners))[0]", "np.eye(len(panel.learners))[-1]")
    assert explained(LEADER)[-1] == "It is stale, and the next run weighs it again: method changed since it ran."
    assert explained(COARSE)[-1] == REUSED
    assert run().json["weighed"] == 1
    assert explained(LEADER) == ["It ended as ok.", "It was weighed because this had changed: method.", REUSED]


def test_the_code_of_a_learner_changed(run, explained):
    run()
    edit("learner.py", "np.quantile(y, self.levels)", "np.quantile(y, self.levels) + 1")
    for cell in (COARSE, STILL):
        assert explained(cell)[-2:] == [
            "The fit of still under none is stale: learner changed.",
            "It is stale, and the next run weighs it again: fits changed since it ran.",
        ]
    assert explained("quantile/file:reg/alone/gaussian")[-1] == REUSED
    assert run().json["fitted"] == 1
    assert explained(STILL)[1:] == ["It was weighed because this had changed: fits.", REUSED]


def test_the_data_changed(run, explained, tmp_path):
    run()
    write_table(tmp_path / "reg.csv", regression_columns(seed=1))
    expected = "It is stale: the data of its task changed since it ran, so a new run must use another --results."
    assert explained(COARSE)[-1] == explained(STILL)[-1] == expected
    refused = run()
    assert refused.code == 2
    assert "use another --results" in refused.err


def test_the_data_are_gone(run, explained):
    run()
    Path("reg.csv").unlink()
    (line,) = explained(COARSE)[2:]
    assert line.startswith("Whether it is stale cannot be said: ")
    assert "reg.csv" in line


def test_the_store_is_gone(run, explained):
    run()
    shutil.rmtree("results/store")
    lines = explained(COARSE)
    assert lines[-1] == REUSED
    assert lines[2:-1] == [
        f"The fit of {learner} under none is no longer in the store: the next run makes it again."
        for learner in ("gaussian", "still")
    ]
    again = run()
    assert (again.json["fitted"], again.json["weighed"]) == (2, 0)
    assert explained(COARSE)[2:] == [REUSED]


def test_an_entry_of_the_store_is_not_what_was_written(run, explained):
    run()
    flip_every_entry("results/store")
    lines = explained(COARSE)[2:-1]
    assert lines[0].startswith("The fit of gaussian under none is not sound in the store (its checksum is that of ")
    assert len(lines) == 2


def test_another_store_may_be_named(run, explained):
    run("--store", "shared")
    assert explained(COARSE, "--store", "shared")[-1] == REUSED
    assert "no longer in the store" in explained(COARSE)[2]


def test_what_failed_says_how(run, explained):
    edit("scheme.py", "return Weights", "raise RuntimeError('on purpose') or Weights")
    assert run().code == 1
    assert explained(LEADER)[0] == "It ended as failed (RuntimeError: on purpose)."
    edit("scheme.py", "raise RuntimeError('on purpose') or ", "")
    assert "method changed" in explained(LEADER)[-1]


def test_what_is_skipped_says_why(bench, explained, run, tmp_path):
    """A learner that uses no row weights, on a table that has them."""
    edit("learner.py", ", weights=True", "")
    write_table(tmp_path / "reg.csv", regression_columns() | {"w": [1.0, 2.0] * 20})
    run("--weight", "w")
    expected = "learner still takes no row weights"
    assert explained(STILL)[0] == f"It ended as skipped ({expected})."
    assert explained(COARSE)[0] == "It ended as ok (without still (skipped))."
    assert explained(COARSE)[-1] == REUSED


def test_a_cell_is_named_by_path_by_place_or_by_key(bench, run, files):
    run("--folds", 2)
    table = read("results/cells.csv")
    assert len(bench("explain", COARSE, "-t", "file:reg.csv", *files).out.splitlines()) == 2 * 4
    place = bench("explain", f"{COARSE}//0.1", "-t", "file:reg.csv", *files).out.splitlines()
    assert place[0].split()[-2:] == ["1", "coarse"]
    assert len(place) == 4
    key = table.loc[(table["method"] == "coarse") & (table["fold"] == "1"), "key"].item()
    assert bench("explain", key[:12], "-t", "file:reg.csv", *files).out.splitlines() == place


def test_an_unknown_cell_is_one_sentence_and_exit_code_2(bench, run):
    run()
    for cell in ("quantile/file:reg/nobody", "nonsense", "abc", "quantile/file:other/coarse"):
        done = bench("explain", cell)
        assert done.code == 2
        assert done.err.strip().startswith("bench: no cell of results is")
        assert cell in done.err
        assert len(done.err.strip().splitlines()) == 1


def test_a_directory_without_records_is_one_sentence_and_exit_code_2(bench):
    done = bench("explain", COARSE, "--results", "nowhere")
    assert done.code == 2
    assert "nowhere" in done.err
