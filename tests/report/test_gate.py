"""A gate as a user sets one: collapses on single tasks, means that may be noise, few pairs, odd input."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.core.nouns import BenchError
from bench.report.comparison import ComparisonOptions, compare, source
from bench.report.comparison.baseline_file import baseline_text
from bench.report.comparison.exchange import REPORT_WRITERS
from bench.report.comparison.rules import noises, rules, task_rules

nan = np.nan


def frame(values, metric="macro_f1", method="a", **more):
    """Return a table of scores from values (tasks,) or (tasks, folds)."""
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    task, fold = (axis.ravel() for axis in np.indices(values.shape))
    columns = {"task": [f"t{k}" for k in task], "fold": fold, "method": method, "metric": metric}
    return pd.DataFrame({**columns, "value": values.ravel()}).assign(**more)


@pytest.fixture
def gate(tmp_path):
    """Compare two tables by rules that are written as on the command line."""

    def call(base, new, fail_on=None, fail_any=None, **options):
        for name, table in (("base", base), ("new", new)):
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        found = rules(fail_on and [fail_on], "--fail-on")
        of_tasks = task_rules(fail_any and [fail_any], found)
        wanted = ComparisonOptions(rules=found, task_rules=of_tasks, **options)
        return compare(str(tmp_path / "base.csv"), str(tmp_path / "new.csv"), wanted)

    return call


BASE = [0.80, 0.82, 0.78, 0.90, 0.85, 0.70]
COLLAPSED = [0.09, 0.82, 0.78, 0.90, 0.09, 0.70]


# a collapse


def test_a_collapse_on_two_of_six_tasks_fails_and_names_them_from_what_to_what(gate):
    report = gate(frame(BASE), frame(COLLAPSED), "macro_f1:-0.5%")
    assert report.code == 3
    assert report.reason == (
        "a is worse in macro_f1 on 2 tasks by more than rule 'macro_f1:20% by default' allows for any one task: "
        "t4 0.85 → 0.09, t0 0.8 → 0.09"
    )
    assert report.tripped["task_id"].tolist() == ["t4", "t0"]
    np.testing.assert_allclose(report.tripped["change"], [0.09 / 0.85 - 1, 0.09 / 0.80 - 1])
    texts = {name: write(report) for name, write in REPORT_WRITERS.items()}
    for name in ("markdown", "summary", "github", "json"):
        assert "0.09" in texts[name], name
        assert "✅" not in texts[name]
        assert "no regression" not in texts[name]
    assert texts["junit"].count("<failure ") == 1
    assert json.loads(texts["json"])["tripped"][0]["task_id"] == "t4"


@pytest.mark.parametrize(("fail_any", "unclear", "code"), [
    (None, "warn", 3), ("none", "warn", 0), ("none", "fail", 3), ("macro_f1:95%", "warn", 0),
    ("macro_f1:80%", "warn", 3),
    ("macro_f1:0.7", "warn", 3), ("macro_f1:0.8", "warn", 0), ("accuracy:1%,macro_f1:95%", "warn", 5),
])  # fmt: skip
def test_what_any_one_task_may_lose_is_a_choice(gate, fail_any, unclear, code):
    assert gate(frame(BASE), frame(COLLAPSED), "macro_f1:0.5%", fail_any, unclear=unclear).code == code


def test_a_rule_for_tasks_needs_no_rule_for_means(gate):
    assert gate(frame(BASE), frame(COLLAPSED), None, "macro_f1:5%").code == 3
    assert gate(frame(BASE), frame(BASE), None, "macro_f1:5%").code == 0


@pytest.mark.parametrize(("metric", "base", "new", "trips"), [
    ("rmse", 2.0, 2.41, True), ("rmse", 2.0, 2.39, False), ("rmse", 2.0, 0.1, False), ("rmse", 0.0, 1.0, True),
    ("accuracy", 0.5, 0.39, True), ("accuracy", 0.5, 0.41, False), ("r2", 0.5, -0.2, True),
    ("log_loss", 0.5, 0.61, True),
    ("log_loss", 1e-6, 1e-3, False), ("coverage_80", 0.8, 0.6, True), ("coverage_80", 0.8, 0.95, False),
])  # fmt: skip
def test_a_share_is_one_of_the_base_of_the_task(gate, metric, base, new, trips):
    """A loss of nearly nothing may double; coverage has shares of its goal."""
    others = [0.8] * 7 if metric == "coverage_80" else [0.5] * 7
    report = gate(frame([base, *others], metric), frame([new, *others], metric), f"{metric}:99%")
    assert (report.verdicts["tripped"][0] == 1) == trips
    assert report.code == (3 if trips else 0)


def test_a_task_that_diverged_in_base_allows_the_others_nothing(gate):
    base, new = [1e6, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3], [1e6, 30.0, 0.3, 0.3, 0.3, 0.3, 0.3]
    report = gate(frame(base, "log_loss"), frame(new, "log_loss"), "log_loss:1%", unclear="warn")
    assert (report.code, report.tripped["task_id"].tolist()) == (3, ["t1"])


def test_means_that_are_infinite_both_ways_are_not_compared(gate):
    base, new = (
        frame([[0.5, 0.6]] * 6, "mine", direction="max"),
        frame([[np.inf, -np.inf]] * 6, "mine", direction="max"),
    )
    assert gate(base, new, "mine:1%", unclear="warn").code == 4


@pytest.mark.filterwarnings("error")
def test_differences_near_the_largest_float_are_told_apart(gate):
    base, new = frame([1e308] * 6, "log_loss"), frame([1.5e308] * 6, "log_loss")
    assert gate(base, new, "log_loss:1%", "none").verdicts["verdict"].tolist() == ["worse"]


@given(st.lists(st.floats(0.01, 1), min_size=6, max_size=12), st.integers(0, 5), st.floats(0.05, 0.99))
def test_a_task_trips_by_exactly_its_own_share(values, place, share):
    base, new = np.array(values), np.array(values)
    new[place] *= 1 - share
    report = compare_frames(frame(base), frame(new), share * 0.99)
    least = 0.1 * np.median(base)
    assert report.verdicts["tripped"][0] == int(base[place] - new[place] > 0.99 * share * max(base[place], least))
    assert compare_frames(frame(base), frame(new), share * 1.01 + 1e-9).verdicts["tripped"][0] == 0


def compare_frames(base, new, share):
    from bench.report.comparison.side import ComparedSide
    from bench.report.comparison.tables import tidy

    sides = (
        ComparedSide(name, tidy(table.rename(columns={"task": "task_id"}), name))
        for name, table in (("b", base), ("n", new))
    )
    of_tasks = task_rules([f"none,macro_f1:{100 * share:.12f}%"], ())
    return compare(*sides, ComparisonOptions(task_rules=of_tasks))


def test_one_task_that_diverged_in_base_does_not_allow_the_others_everything(gate):
    base = np.array([0.5] * 7 + [1e9])
    new = base + 0.3 * (np.arange(8) == 0)
    assert gate(frame(base, "log_loss"), frame(new, "log_loss"), "log_loss:5%").tripped["task_id"].tolist() == ["t0"]


# unclear


NOISY = np.array(BASE) - [0.3, 0, 0, -0.02, 0.02, 0.01]


@pytest.mark.parametrize("unclear", ["fail", "warn"])
def test_a_mean_beyond_its_limit_that_is_unclear_never_prints_a_tick(gate, unclear):
    report = gate(frame(BASE), frame(NOISY), "macro_f1:1%", "none", unclear=unclear)
    assert report.verdicts["verdict"].tolist() == ["unclear"]
    assert report.verdicts["beyond"].tolist() == [True]
    assert report.code == (3 if unclear == "fail" else 0)
    texts = {name: write(report) for name, write in REPORT_WRITERS.items()}
    for text in texts.values():
        assert "✅" not in text
        assert "no regression" not in text
    assert "cannot tell it from noise" in texts["markdown"]
    assert "cannot tell it from noise" in texts["junit"]
    marks = {kind: texts["junit"].count(f"<{kind} ") for kind in ("failure", "skipped")}
    assert marks == ({"failure": 1, "skipped": 0} if unclear == "fail" else {"failure": 0, "skipped": 2})
    assert f"::{'error' if unclear == 'fail' else 'warning'} title=" in texts["github"]


def test_a_mean_within_its_limit_passes_though_it_is_unclear(gate):
    report = gate(frame(BASE), frame(NOISY), "macro_f1:10%", "none")
    assert (report.code, report.verdicts["verdict"][0], report.word) == (0, "unclear", "no regression")


# few pairs


def test_one_task_is_judged_by_the_splits_that_it_has(gate):
    rng = np.random.default_rng(0)
    base = frame(0.8 + 0.01 * rng.normal(size=(1, 5)))
    noisy = base.assign(value=base["value"] + [0.03, -0.08, 0.02, -0.06, 0.01])
    lower = base.assign(value=base["value"] - 0.05 + 0.001 * rng.normal(size=5))
    one = {"min_pairs": 1, "unclear": "warn"}
    assert gate(base, lower, "macro_f1:1%", **one).verdicts["verdict"].tolist() == ["worse"]
    assert gate(base, noisy, "macro_f1:1%", **one).verdicts["verdict"].tolist() == ["unclear"]
    difference = (base["value"] - noisy["value"]).to_numpy()
    error = np.sqrt((1 / 5 + 0.2 / 0.8) * difference.var(ddof=1))
    found = gate(base, noisy, "macro_f1:0", **one).verdicts.iloc[0]
    np.testing.assert_allclose(found["p"], 2 * stats.t.sf(abs(difference.mean()) / error, 4))


def test_the_share_of_test_rows_is_that_of_the_splits_that_were_run(gate):
    """Two of ten folds were run: they overlap in eight ninths of their training rows, and not in none."""
    base, new = frame([[0.8, 0.82]], n_rows=10), frame([[0.79, 0.805]], n_rows=10)
    sides = [
        pd.concat([side.assign(sample="test"), side.assign(sample="train", n_rows=90)]).assign(
            repeat=0, task_id="t0", panel="", learner=""
        )
        for side in (base, new)
    ]
    found = gate(*sides, "macro_f1:0", "none", min_pairs=1, unclear="warn").verdicts.iloc[0]
    difference = np.array([0.01, 0.015])
    error = np.sqrt((1 / 2 + 0.1 / 0.9) * difference.var(ddof=1))
    np.testing.assert_allclose(found["p"], 2 * stats.t.sf(difference.mean() / error, 1), rtol=1e-6)


@pytest.mark.parametrize(("new", "verdict", "code"), [(0.75, "worse", 3), (0.795, "equivalent", 0), (0.9, "better", 0)])
def test_one_task_of_one_split_is_judged_by_the_limit_alone(gate, new, verdict, code):
    report = gate(frame([0.8]), frame([new]), "macro_f1:1%", min_pairs=1)
    assert (report.verdicts["verdict"][0], report.code) == (verdict, code)


def test_too_few_tasks_name_the_number_that_was_asked_for(gate):
    report = gate(frame(BASE[:2]), frame(BASE[:2]), "macro_f1:1%", min_pairs=4)
    assert report.code == 4
    assert report.verdicts["reason"].tolist() == ["too few tasks: 2, needed 4"]
    assert gate(frame(BASE[:2]), frame([0.5, 0.6]), "macro_f1:1%", min_pairs=2).code == 3


def test_a_split_without_training_rows_says_nothing(gate):
    base, new = frame([[0.8, 0.82]], n_rows=10), frame([[0.79, 0.805]], n_rows=10)
    sides = [
        pd.concat([side.assign(sample="test"), side.assign(sample="train", n_rows=0)]).assign(repeat=0)
        for side in (base, new)
    ]
    assert gate(*sides, "macro_f1:0", "none", min_pairs=1).verdicts["verdict"].tolist() == ["unclear"]


def test_what_is_unclear_on_one_task_is_unclear_over_its_splits(gate):
    base, new = frame([[0.8, 0.8, 0.8]]), frame([[0.7, 0.85, 0.8]])
    assert "test over the 3 splits of its only task" in gate(base, new, "macro_f1:1%", min_pairs=1).reason


# the names of metrics


@pytest.mark.parametrize("name", ["acc,none", "val/acc", "pass@1:strict", "f1[macro]", "f1 macro", "x=1,y=2"])
def test_a_metric_is_gated_under_its_own_name(gate, name):
    base, new = frame(BASE, name, direction="max"), frame(np.array(BASE) - 0.1, name, direction="max")
    report = gate(base, new, f"{name}:1%")
    assert (report.code, report.verdicts["metric"].tolist()) == (3, [name])
    other = [side.assign(metric="recall@3") for side in (base, new)]
    both = gate(*(pd.concat(pair) for pair in zip((base, new), other, strict=True)), f"recall@3:90%,{name}:1%")
    assert both.verdicts.set_index("metric")["rule"].to_dict() == {name: f"{name}:1%", "recall@3": "recall@3:90%"}


def test_a_name_that_is_there_means_itself_alone(gate):
    table = pd.concat([
        frame(BASE, "f1[macro]", direction="max", board="x"), frame(BASE, "f1m", direction="max", board="x"),
        frame(BASE, "val/acc", direction="max", board="x"), frame(BASE, "acc", direction="max", board="val"),
    ])  # fmt: skip
    for text, metrics in (("f1[macro]", {"f1[macro]"}), ("f1[m]", {"f1m"}), ("x/val/acc", {"val/acc"}),
                          ("*/acc", {"acc", "val/acc"}), ("v*/acc", {"acc", "val/acc"}), ("val/f*", None)):  # fmt: skip
        report = gate(table, table, f"{text}:1%")
        assert set(report.verdicts["metric"]) == (metrics or set()), text
        assert report.code == (0 if metrics else 5)


# what NEW ran without a score


TWO = [[0.8, 0.82], [0.7, 0.72], [0.6, 0.62], [0.9, 0.88], [0.5, 0.52], [0.65, 0.7], [0.75, 0.72], [0.85, 0.87]]


@pytest.fixture
def two_methods():
    """Eight tasks of two folds, by two methods."""
    return pd.concat([frame(TWO), frame(TWO, method="b")], ignore_index=True)


@pytest.mark.parametrize(("lost", "code"), [
    (lambda table: table["task"].isin(["t1", "t3"]) & (table["method"] == "a"), 4),
    (lambda table: table["task"].isin(["t1", "t3"]) & (table["method"] == "a") & (table["fold"] == 1), 4),
    (lambda table: table["task"] == "t1", 4),
    (lambda table: table["task"] == "", 0),
])  # fmt: skip
def test_a_score_that_is_gone_is_no_score_that_is_as_good(gate, two_methods, lost, code):
    new = two_methods.assign(value=two_methods["value"].mask(lost(two_methods)))
    report = gate(two_methods, new, "macro_f1:1%")
    assert report.code == code
    assert ("has no score of macro_f1 of method a" in report.reason) == (code == 4)
    marks = REPORT_WRITERS["junit"](report).count("<error ")
    assert marks == (1 + (report.verdicts["unmet"] != "").sum() if code else 0)
    assert gate(two_methods, new, None, "macro_f1:5%").code == code
    lifted = gate(two_methods, new, "macro_f1:1%", "none")
    assert lifted.code == 0
    assert ("✅" in REPORT_WRITERS["markdown"](lifted)) == (code == 0)


def test_rows_of_one_method_that_are_gone_count_where_others_ran_the_task(gate, two_methods):
    of_a = (two_methods["method"] == "a") & two_methods["task"].isin(["t1", "t3"])
    report = gate(two_methods, two_methods[~of_a], "macro_f1:1%")
    assert (report.code, report.verdicts["reason"].tolist()) == (4, ["no score in NEW on 2 tasks", ""])
    assert "(t1, t3)" in report.reason
    assert gate(two_methods, two_methods[two_methods["task"] != "t1"], "macro_f1:1%").code == 0  # NEW took fewer tasks
    assert gate(two_methods, two_methods[two_methods["fold"] == 0], "macro_f1:1%").code == 0  # and fewer folds


def test_a_method_that_vanished_breaks_a_gate_that_is_about_single_tasks_alone(gate):
    base = pd.concat([frame(BASE), frame(BASE, method="b").replace("t0", "u0")])
    other = base[(base["method"] == "b") & (base["task"] == "u0")]
    report = gate(base[(base["method"] == "a") | (base["task"] == "u0")], other, None, "macro_f1:5%")
    assert report.code == 4
    assert "has no paired task of macro_f1 of method a" in report.reason
    nothing = pd.concat([frame(BASE), frame([nan] * 6, "accuracy")])
    assert gate(nothing, nothing, None, "macro_f1:5%,accuracy:5%").code == 4


def test_nothing_gated_is_no_tick(gate):
    text = REPORT_WRITERS["markdown"](gate(frame(BASE), frame(COLLAPSED)))
    assert "nothing gated" in text
    assert "✅" not in text


# every task


def test_every_task_is_listed_where_that_is_asked_for(gate):
    report = gate(frame(BASE), frame(COLLAPSED), "macro_f1:1%", by_task=True)
    assert report.tasks["task_id"].tolist() == ["t4", "t0", "t1", "t2", "t3", "t5"]
    np.testing.assert_allclose(report.tasks["base"], [0.85, 0.8, 0.82, 0.78, 0.9, 0.7])
    assert (report.tasks["rule"] != "").tolist() == [True, True, False, False, False, False]
    assert "| t5 |  | macro_f1 | a | 0.7 | 0.7 | +0.00 % |  |" in REPORT_WRITERS["markdown"](report)
    assert len(json.loads(REPORT_WRITERS["json"](report))["tasks"]) == 6
    assert "tasks" not in json.loads(REPORT_WRITERS["json"](gate(frame(BASE), frame(COLLAPSED))))


def test_a_task_has_one_change_wherever_it_is_named(gate):
    report = gate(frame(BASE), frame(COLLAPSED), "macro_f1:1%", by_task=True)
    np.testing.assert_allclose(report.moved["most_change"], report.tripped["change"])


# input that is no gate


@pytest.mark.parametrize("text", ["", "  ", ",", " , "])
def test_a_flag_that_is_there_and_empty_is_refused(text):
    for read, flag in (
        (lambda: rules([text], "--fail-on"), "--fail-on"), (lambda: task_rules([text], []), "--fail-any"),
        (lambda: noises([text]), "--noise"),
    ):  # fmt: skip
        with pytest.raises(BenchError, match=f"{flag} is empty"):
            read()


def test_tables_without_a_number_are_not_compared(gate):
    empty = frame([nan] * 6)
    assert gate(empty, empty, "macro_f1:1%").code == 4
    assert gate(frame(BASE), empty, "macro_f1:1%").code == 4
    assert gate(empty, empty).code == 4


@pytest.mark.filterwarnings("error")
def test_means_of_errors_near_the_largest_float_are_finite(gate):
    report = gate(frame(np.full((8, 4), 1e308), "rmse"), frame(np.full((8, 4), 1.5e308), "rmse"), "rmse:1%", "none")
    assert report.code == 3
    np.testing.assert_allclose(report.verdicts["change"], [0.5])


def test_scores_in_another_unit_are_not_compared(gate):
    seconds, milliseconds = (frame([1.0] * 6, "rmse", unit=unit) for unit in ("s", "ms"))
    report = gate(seconds, milliseconds, "rmse:1%")
    assert report.code == 4
    assert "in s in BASE and in ms in NEW" in report.reason
    assert gate(seconds, seconds, "rmse:1%").code == 0


def test_one_unit_on_one_side_is_taken_for_both_and_two_units_in_one_table_are_refused(gate):
    seconds = frame([1.0] * 6, "rmse", unit="s")
    report = gate(seconds, seconds.drop(columns="unit"), "rmse:1%")
    assert (report.code, report.notes) == (0, ("NEW names no unit of rmse: taken as that of the other side",))
    mixed = frame([[1.0, 2.0]] * 6, "rmse").assign(unit=["s", "ms"] * 6)
    with pytest.raises(BenchError, match="two units"):
        gate(mixed, mixed, "rmse:1%")


def test_a_baseline_keeps_the_unit(gate, tmp_path):
    frame([1.0] * 6, "rmse", unit="s").to_csv(tmp_path / "was.csv", index=False)
    frame([1.0] * 6, "rmse", unit="ms").to_csv(tmp_path / "now.csv", index=False)
    (tmp_path / "kept.json").write_text(baseline_text(source(str(tmp_path / "was.csv"))))
    options = ComparisonOptions(rules=rules(["rmse:1%"], "--fail-on"))
    report = compare(str(tmp_path / "kept.json"), str(tmp_path / "now.csv"), options)
    assert (report.code, "in s in BASE and in ms in NEW" in report.reason) == (4, True)
    assert compare(str(tmp_path / "kept.json"), str(tmp_path / "was.csv"), options).code == 0


def test_no_rule_can_be_said():
    assert rules(["none"], "--fail-on") == []
    with pytest.raises(BenchError, match="cannot be read"):
        rules(["none", "macro_f1:1%"], "--fail-on")


@pytest.mark.parametrize("metric", ["a*b", "*"])
def test_a_name_that_looks_like_a_glob_means_itself(gate, metric):
    tables = [pd.concat([frame(v, metric, direction="max"), frame(BASE, "other", direction="max")])
              for v in (BASE, np.array(BASE) - 0.05)]  # fmt: skip
    report = gate(*tables, f"{metric}:1%", "none")
    assert (report.code, report.verdicts["metric"].tolist()) == (3, [metric])


def test_a_flag_holds_several_rules_with_commas_between():
    found = rules(["acc,none:1%,rmse:2%, wis:0.5"], "--fail-on")
    assert [(one.name, one.amount) for one in found] == [("acc,none", 0.01), ("rmse", 0.02), ("wis", 0.5)]
    assert [one.name for one in noises(["0.1,acc:2"])] == ["*", "acc"]
