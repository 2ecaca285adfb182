"""A results directory that somebody else made is data: nothing of it runs, is opened, or leads outside of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.core.notice import BenchWarning
from bench.core.nouns import BenchError
from bench.runner.journal import Journal

pytestmark = pytest.mark.usefixtures("few_metrics")

RUN = ("-t", "bundled:diabetes", "-b", "regression", "-l", "ridge", "-e", "equal", "--folds", 1, "--inner", 2)
CELL = "regression/bundled:diabetes/equal"
NAN = float("nan")
LIE = 10**400
"""A number that JSON holds, and that is beyond any float."""


@pytest.fixture
def results(bench, tmp_path_factory):
    """Records of one small run, made once and copied."""
    made = tmp_path_factory.getbasetemp() / "results-of-somebody"
    if not made.is_dir():
        assert bench("run", *RUN, "--quiet", "--results", made).code == 0
    shutil.copytree(made, "results")
    return Path("results/records")


def edit(records, change, name="*/regression-r0-f0.json"):
    """Change the JSON of a file of records."""
    (path,) = records.glob(name)
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))


def equal(held):
    """Return the record of the method `equal`."""
    return next(each for each in held if each["cell"][-1] == "equal")


@pytest.mark.parametrize(
    ("learner", "training", "named"),
    [
        ("os:system:command=touch reached", "none", "os:system:command=touch reached"),
        ("pathlib:Path.touch:self=reached", "none", "pathlib:Path.touch:self=reached"),
        ("marks:Estimator", "none", "marks:Estimator"),
        ("marks.deep:Estimator:a=1", "none", "marks.deep:Estimator:a=1"),
        ("ridge", "marks:training", "marks:training"),
    ],
)
def test_explain_imports_nothing_that_results_name(results, bench, learner, training, named):
    Path("marks").mkdir()
    Path("marks/__init__.py").write_text("open('reached', 'w')")
    edit(results, lambda held: equal(held).update(fits=[[learner, training, "key"]]))
    done = bench("explain", CELL)
    assert (done.code, Path("reached").exists()) == (0, False)
    assert f"not checked: names {named}" in done.out


@pytest.mark.parametrize("command", ["status", "leaderboard", "export", "run"])
def test_no_other_command_imports_what_results_name(results, bench, command):
    Path("marks.py").write_text("open('reached', 'w')")
    edit(results, lambda held: equal(held).update(fits=[["marks:Estimator", "none", "ab"]], why="marks:Estimator"))
    words = {"run": (*RUN, "--quiet"), "export": ("--format", "csv")}.get(command, ())
    assert bench(command, *words).code == 0
    assert not Path("reached").exists()


def test_explain_takes_a_learner_once_it_is_named(results, bench):
    Path("kind_one.py").write_text("from sklearn.linear_model import Ridge\nclass Estimator(Ridge): pass\n")
    edit(results, lambda held: equal(held).update(fits=[["kind_one:Estimator", "none", "ab"]]))
    done = bench("explain", CELL, "-l", "kind_one:Estimator")
    assert done.code == 0
    assert "not checked" not in done.out


@pytest.mark.parametrize(
    "name", ["file:secret.csv", "openml:31", "openml-data:31", "sqlite:secret.db", "panel:secret.csv"]
)
def test_explain_opens_no_table_and_no_socket_that_results_name(results, bench, monkeypatch, name):
    asked = []
    monkeypatch.setattr("requests.get", lambda url, **_: asked.append(url))
    Path("secret.csv").write_text("target,a\n1,2\n")
    edit(results, lambda held: held["bundled:diabetes"]["spec"].update(name=name), "tasks.json")
    done = bench("explain", CELL)
    assert (done.code, asked) == (0, [])
    assert f"not checked: names {name}" in done.out


@pytest.mark.parametrize(
    "cell",
    [
        ["../../evil", "bundled:diabetes", "p", 0, 0, "", "equal"],
        ["regression", "bundled:diabetes", "p", "../../evil", 0, "", "equal"],
        ["regression", "bundled:diabetes", "p", -1, 0, "", "equal"],
        ["regression", "bundled:diabetes", "p", 0, True, "", "equal"],
        ["regression", "bundled:diabetes", "p", 0, 0.5, "", "equal"],
        ["regression", "bundled:diabetes", "p", 0, LIE, "", "equal"],
        ["regression", "bundled:diabetes", "p", 0, 0, "", None],
        ["regression", "bundled:diabetes"],
        {"board": "regression"},
        "regression",
        None,
    ],
)
def test_what_is_no_cell_is_left_out_and_counted(results, bench, cell):
    edit(results, lambda held: equal(held).update(cell=cell))
    done = bench("status")
    assert done.code == 0
    assert done.err.count("1 entry is no sound record and left out: results/records") == 1


def test_a_run_writes_nothing_outside_of_the_results(results, bench, tmp_path):
    before = sorted(tmp_path.parent.glob("*"))
    cell = ["../../evil", "../../evil", "../../evil", 0, 0, "", "../../evil"]
    edit(results, lambda held: held.append({**equal(held), "cell": cell}))
    edit(results, lambda held: equal(held)["scores"]["test"].update({"../../evil": 1.0}))
    (results / "exported.txt").unlink()  # the tables are made anew
    assert bench("run", *RUN, "--quiet").code == 0
    assert list(tmp_path.rglob("*evil*")) == []
    assert sorted(tmp_path.parent.glob("*")) == before


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "fine"}, {"status": None}, {"detail": 5}, {"scores": {"test": {"rmse": "1"}}}, {"scores": ["test"]},
        {"scores": {"test": {"rmse": NAN}}}, {"scores": {"test": {"rmse": [1]}}}, {"gap": "much"}, {"gap": LIE},
        {"n_test": 1.5}, {"n_test": 2**63}, {"fits": [["ridge", "none"]]}, {"fits": {"ridge": 1}},
        {"fits": [[1, 2, "a"]]},
        {"fits": [["ridge", "none", "../../../evil"]]}, {"key": "../evil"}, {"key": ["a"]}, {"parts": {"data": 1}},
        {"weights": {"of": "ridge"}}, {"weights": [{"of": {"deep": [1]}}]}, {"seed": "0"}, {"task": ["a"]},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_record_is_left_out_and_counted(results, damage):
    edit(results, lambda held: equal(held).update(damage))
    with pytest.warns(BenchWarning, match="1 entry is no sound record"):
        kept = Journal(Path("results")).records()
    assert "equal" not in {cell.method for cell in kept}


def test_a_run_makes_again_what_is_no_record(results, bench):
    edit(results, lambda held: equal(held).update(gap="much"))
    assert bench("run", *RUN, "--json").json["weighed"] == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"5", b"\xff\xfe", b"[" * 100_000, b"[" + b"9" * 6000 + b"]"])
def test_a_file_that_holds_no_records_counts_as_one(results, content):
    (path,) = results.glob("*/regression-r0-f0.json")
    path.write_bytes(content)
    with pytest.warns(BenchWarning, match="1 entry is no sound record"):
        assert Journal(Path("results")).records() == {}


@pytest.mark.parametrize(
    "damage",
    [{"hash": 5}, {"folds": "5"}, {"folds": 10**9}, {"repeats": 0}, {"own_repeats": -1}, {"traits": [1]},
     {"spec": {"name": 5}}, {"spec": {"name": "bundled:wine", "extra": 1}}, {"spec": ["bundled:wine"]}],
    ids=str,
)  # fmt: skip
def test_what_is_no_record_of_a_task_is_left_out(results, damage):
    edit(results, lambda held: held["bundled:diabetes"].update(damage), "tasks.json")
    with pytest.warns(BenchWarning, match="1 entry is no sound record"):
        assert Journal(Path("results")).tasks() == {}


@pytest.mark.parametrize(
    "damage",
    [{"seed": "x"}, {"seed": [0]}, {"inner": 1}, {"levels": []}, {"levels": [2, 1]}, {"levels": 0.5},
     {"protocol": "evil"}, {"calibration": NAN}, {"max_levels": None}],
    ids=str,
)  # fmt: skip
def test_settings_that_cannot_be_are_damage(results, damage):
    edit(results, lambda held: held.update(damage), "experiment.json")
    with pytest.raises(BenchError, match="is damaged"):
        Journal(Path("results")).settings()


@pytest.mark.parametrize("name", ["tasks.json", "experiment.json"])
def test_what_the_sentence_on_damage_advises_helps(results, bench, name):
    path, before = Path("results/records") / name, Path("results/scores.csv").read_bytes()
    path.write_bytes(path.read_bytes()[:20])
    refused = bench("run", *RUN, "--quiet")
    assert (refused.code, "delete it, and give the command of the run again" in refused.err) == (2, True)
    path.unlink()
    again = bench("run", *RUN)
    assert (again.code, "0 fitted" in again.err, "0 cells weighed" in again.err) == (0, True, True)
    assert Path("results/scores.csv").read_bytes() == before


def test_a_lone_surrogate_of_a_record_is_text(results, bench):
    edit(results, lambda held: equal(held).update(detail="\ud800 half", why="\udcff"))
    (record,) = [record for cell, record in Journal(Path("results")).records().items() if cell.method == "equal"]
    assert record.ending.detail == "\\ud800 half"
    assert bench("run", *RUN, "--quiet").code == 0
