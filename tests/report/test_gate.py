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
from bench.report.comparison import ComparisonOptions, compare
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
        "a is worse in macro_f1 on 2 tasks by more than rule 'macro_f1:20%' allows for any one task: "
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
    """A loss of nearly nothing may double: its base counts as a tenth of the median. Coverage shares its goal."""
    others = [0.8] * 7 if metric == "coverage_80" else [0.5] * 7
    report = gate(frame([base, *others], metric), frame([new, *others], metric), f"{metric}:99%")
    assert (report.verdicts["tripped"][0] == 1) == trips
    assert report.code == (3 if trips else 0)


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


@pytest.mark.parametrize("metric", ["acc,none", "val/acc", "f1[macro]", "pass@1:strict", "a*b", "*"])
def test_every_name_of_a_metric_can_be_in_a_rule(gate, metric):
    tables = [pd.concat([frame(v, metric, direction="max"), frame(BASE, "other", direction="max")])
              for v in (BASE, np.array(BASE) - 0.05)]  # fmt: skip
    report = gate(*tables, f"{metric}:1%", "none")
    assert report.code == 3
    assert f"in {metric} by more" in report.reason


def test_a_flag_holds_several_rules_with_commas_between():
    found = rules(["acc,none:1%,rmse:2%, wis:0.5"], "--fail-on")
    assert [(one.name, one.amount) for one in found] == [("acc,none", 0.01), ("rmse", 0.02), ("wis", 0.5)]
    assert [one.name for one in noises(["0.1,acc:2"])] == ["*", "acc"]
