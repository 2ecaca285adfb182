"""Verdicts on two tables: planted regressions, pairs, refusals, hostile tables, baselines, and every format."""

from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.core.nouns import BenchError
from bench.core.tables import decode_scores
from bench.report.comparison import ComparisonOptions, baseline_file, compare, rule, source
from bench.report.comparison.baseline_file import baseline_text
from bench.report.comparison.exchange import REPORT_WRITERS, as_json, github, junit
from bench.report.comparison.formats import markdown, summary
from bench.report.comparison.power import power
from bench.report.comparison.rules import assign_rules, find_meant, noise
from bench.report.comparison.tables import tidy
from bench.report.comparison.verdicts import judge
from bench.stats.holm import holm

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"
SIGMA = 0.004
"""Reseed noise of the fixture: standard deviation of one task's macro F1 from seed to seed."""
METHODS = [f"m{j}" for j in range(10)]


def scores(seed, shift=(), tasks=40, methods=METHODS, folds=1, sigma=SIGMA):
    """Return a table of macro F1: tasks of their own difficulty, methods of their own quality, and reseed noise."""
    fixed = np.random.default_rng(12345)
    level = fixed.uniform(0.55, 0.9, size=(tasks, 1)) + fixed.normal(scale=0.02, size=(tasks, len(methods)))
    rng = np.random.default_rng(seed)
    value = level + rng.normal(scale=sigma, size=level.shape)
    for method, amount in dict(shift).items():
        value[:, methods.index(method)] -= amount
    rows = [
        (f"t{t}", method, fold, "macro_f1", value[t, j] + 0.01 * (fold - (folds - 1) / 2))
        for t in range(tasks)
        for j, method in enumerate(methods)
        for fold in range(folds)
    ]
    return pd.DataFrame(rows, columns=["task", "method", "fold", "metric", "value"])


def frame(values, metric="rmse", **more):
    """Return a table from {method: [value of task 0, of task 1, …]}."""
    rows = [
        {"task": f"t{t}", "method": method, "metric": metric, "value": value, **more}
        for method, column in values.items()
        for t, value in enumerate(column)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def judged(tmp_path):
    """Compare two tables; words like `rules` become options."""

    def call(base, new, *rules, noises=(), **options):
        paths = []
        for name, table in (("base", base), ("new", new)):
            path = tmp_path / f"{name}.csv"
            if isinstance(table, pd.DataFrame):
                table.to_csv(path, index=False)
            paths.append(str(path) if isinstance(table, pd.DataFrame) else str(table))
        wanted = ComparisonOptions(
            rules=[rule(text) for text in rules], noise=[noise(text) for text in noises], **options
        )
        return compare(*paths, wanted)

    return call


def words(report):
    return report.verdicts.set_index("method")["verdict"].to_dict()


# regressions and noise


@pytest.mark.parametrize("text", ["macro_f1:0", f"macro_f1:{SIGMA}", "macro_f1:-0.5%"])
def test_a_regression_of_twice_the_noise_is_caught_and_noise_is_not(judged, text):
    worse = judged(scores(0), scores(2, {"m3": 2 * SIGMA}), text)
    assert worse.code == 3
    assert [name for name, verdict in words(worse).items() if verdict == "worse"] == ["m3"]
    assert "m3" in worse.reason
    still = judged(scores(0), scores(2), text, unclear="warn")  # a mean is never exactly what it was
    assert still.code == 0, still.reason
    assert "worse" not in words(still).values()


def test_stated_noise_is_the_margin_where_no_rule_allows_more(judged):
    for amount, code in ((2 * SIGMA, 3), (0.5 * SIGMA, 0)):
        found = judged(scores(0), scores(1, {"m3": amount}), "macro_f1:0", noises=[str(SIGMA)])
        assert found.code == code
        np.testing.assert_allclose(found.verdicts["margin"], SIGMA)
    wide = judged(scores(0), scores(1), "macro_f1:0.02", noises=[f"macro_f1:{SIGMA}"])
    np.testing.assert_allclose(wide.verdicts["margin"], 0.02)


def test_a_gate_without_margin_has_few_false_alarms(judged):
    codes = [judged(scores(seed), scores(seed + 1000), "macro_f1:0", unclear="warn").code for seed in range(20)]
    assert codes.count(3) <= 3  # at a rate of 5 %, four or more of 20 have a chance of 2 %
    assert set(codes) <= {0, 3}


def test_seeds_in_the_tables_give_the_noise(judged):
    def seeded(start, shift=()):
        return pd.concat([scores(start + s, shift).assign(seed=s) for s in range(3)])

    worse = judged(seeded(0), seeded(10, {"m3": 3 * SIGMA}), "macro_f1:0")
    np.testing.assert_allclose(worse.verdicts["margin"].mean(), SIGMA, rtol=0.1)
    assert worse.code == 3
    assert judged(seeded(0), seeded(10), "macro_f1:0").code == 0
    variance = np.mean([
        part["value"].var() for side in (seeded(0), seeded(10))
        for _, part in side[side["method"] == "m0"].groupby("task")
    ])  # fmt: skip
    found = judged(seeded(0), seeded(10)).verdicts.set_index("method")["margin"]["m0"]
    np.testing.assert_allclose(found, math.sqrt(variance), rtol=1e-10)


def test_power_is_as_the_page_says():
    page = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
    table = page.partition("| tasks | methods |")[2].partition("\n\n")[0].splitlines()
    rows = [[float(cell.strip(" %")) for cell in line.strip("|").split("|")] for line in table[2:]]
    assert len(rows) == 12
    for tasks, tests, *shares in rows:
        for (margin, shift), share in zip(((0, 0), (0, 1), (0, 2), (1, 2), (1, 3)), shares, strict=True):
            found = power(int(tasks), int(tests), shift, margin, draws=300, seed=1)
            assert abs(100 * found - share) <= 10, (tasks, tests, margin, shift)
        assert shares[0] <= 5


# the statistics


def test_the_verdict_is_the_paired_t_test(judged):
    base, new = scores(0, methods=["a"], tasks=9), scores(1, methods=["a"], tasks=9)
    (found,) = judged(base, new).verdicts.to_dict("records")
    oracle = stats.ttest_rel(new["value"], base["value"])
    np.testing.assert_allclose(found["p"], oracle.pvalue, rtol=1e-8)
    np.testing.assert_allclose(found["change"], (new["value"] - base["value"]).mean(), rtol=1e-8)
    np.testing.assert_allclose([found["lo"], found["hi"]], oracle.confidence_interval(0.95), rtol=1e-8)
    assert found["tasks"] == 9


def test_errors_in_units_of_the_target_are_compared_as_ratios(judged):
    base = {"a": [1.0, 10.0, 100.0, 1000.0, 1e4, 1e5]}
    ratios = np.array([1.02, 1.01, 1.03, 1.02, 1.01, 1.03])
    (found,) = judged(frame(base), frame({"a": base["a"] * ratios}), "rmse:0.5%").verdicts.to_dict("records")
    np.testing.assert_allclose(found["change"], np.exp(np.log(ratios).mean()) - 1, rtol=1e-9)
    oracle = stats.ttest_1samp(np.log(ratios), np.log(1.005))
    np.testing.assert_allclose(found["p"], oracle.pvalue, rtol=1e-8)
    assert found["verdict"] == "worse"
    assert found["relative"]
    assert math.isnan(found["base"])
    np.testing.assert_allclose(found["margin"], 0.005, rtol=1e-9)


def test_a_share_of_other_metrics_is_one_of_the_mean(judged):
    base = frame({"a": [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]}, "macro_f1")
    new = base.assign(value=base["value"] - 0.01)
    (found,) = judged(base, new, "macro_f1:0.5%").verdicts.to_dict("records")
    np.testing.assert_allclose(found["change"], -0.01 / 0.75, rtol=1e-9)
    assert found["verdict"] == "worse"
    (found,) = judged(base, new, "macro_f1:2%").verdicts.to_dict("records")
    assert found["verdict"] == "equivalent"


def test_the_side_of_better_follows_the_metric(judged):
    up = {"a": np.linspace(0.5, 0.6, 8), "b": np.linspace(0.6, 0.7, 8)}
    down = {name: np.array(column) - 0.05 + 0.001 * np.arange(8) for name, column in up.items()}
    for metric, verdict in (("macro_f1", "worse"), ("log_loss", "better"), ("rmse", "better")):
        assert set(words(judged(frame(up, metric), frame(down, metric))).values()) == {verdict}
    above = {"a": 0.9 + 0.01 * np.arange(1, 9)}
    near = {"a": 0.9 + 0.004 * np.arange(1, 9)}
    assert words(judged(frame(above, "coverage_90"), frame(near, "coverage_90"))) == {"a": "better"}
    assert words(judged(frame(near, "coverage_90"), frame(above, "coverage_90"))) == {"a": "worse"}


def test_folds_are_averaged_within_tasks_first(judged):
    base = scores(0, methods=["a"], tasks=8)
    new = scores(1, methods=["a"], tasks=8)
    again = [pd.concat([side.assign(fold=fold) for fold in range(20)]) for side in (base, new)]
    once = judged(base, new).verdicts.iloc[0]
    many = judged(*again).verdicts.iloc[0]
    np.testing.assert_allclose(many["p"], once["p"], rtol=1e-6)
    assert (once["blocks"], many["blocks"], many["tasks"]) == (8, 160, 8)


def test_learners_are_averaged_within_tasks(judged):
    base = pd.concat([scores(s, methods=["a"], tasks=8).assign(learner=f"l{s}") for s in range(3)])
    new = pd.concat([scores(s + 5, methods=["a"], tasks=8).assign(learner=f"l{s}") for s in range(3)])
    found = judged(base, new).verdicts.iloc[0]
    means = [side.groupby("task", sort=False)["value"].mean() for side in (base, new)]
    np.testing.assert_allclose(found["p"], stats.ttest_rel(*means).pvalue, rtol=1e-8)


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, np.nan, 0.03])), [0.03, 0.06, np.nan, 0.06])
    found = judge(np.zeros(0), np.zeros(0, dtype=int), np.zeros(2), 0.95)
    assert np.isnan(found.p).all()


def test_one_family_holds_for_the_whole_gate(judged):
    base, new = scores(0), scores(1)
    one = judged(base[base["method"] == "m3"], new[new["method"] == "m3"], "macro_f1:0").verdicts
    np.testing.assert_allclose(one["p_holm"], one["p"])
    both = judged(
        pd.concat([base.assign(board="x"), base.assign(board="y")]),
        pd.concat([new.assign(board="x"), new.assign(board="y")]),
        "x/macro_f1:0", "y/macro_f1:0",
    ).verdicts  # fmt: skip
    np.testing.assert_allclose(both["p_holm"], np.minimum(1, holm(both["p"].to_numpy())), rtol=1e-12)
    assert len(both) == 20


# rules


@pytest.mark.parametrize(
    ("text", "name", "amount", "relative"),
    [
        ("macro_f1:-0.5%", "macro_f1", 0.005, True),
        ("wis:+1%", "wis", 0.01, True),
        ("wis:1 %", "wis", 0.01, True),
        ("*:-1%", "*", 0.01, True),
        ("quantile/wis:1%", "quantile/wis", 0.01, True),
        ("macro_f1:.01", "macro_f1", 0.01, False),
        ("macro_f1:1e-3", "macro_f1", 0.001, False),
        ("pinball_0.1:2%", "pinball_0.1", 0.02, True),
        ("pass@1:strict:1%", "pass@1:strict", 0.01, True),
        ("val/top/acc:1%", "val/top/acc", 0.01, True),
    ],
)
def test_rules_are_read(text, name, amount, relative):
    found = rule(text)
    assert (found.name, found.relative) == (name, relative)
    np.testing.assert_allclose(found.amount, amount)


@pytest.mark.parametrize("text", ["", "macro_f1", "macro_f1:", ":1%", "macro_f1:x", "macro_f1:1%%", "a:nan", "a:1e999",
                                  "/:1%", "a:--1"])  # fmt: skip
def test_rules_that_cannot_be_read_are_refused(text):
    with pytest.raises(BenchError, match=re.escape(repr(text))):
        rule(text)


def test_the_last_rule_that_covers_a_metric_decides(judged):
    rules = [rule("*:1%"), rule("ece:5%")]
    known = {("b", "ece"), ("b", "mcc")}
    assert assign_rules(rules, known) == {("b", "ece"): rules[1], ("b", "mcc"): rules[0]}
    assert find_meant(rule("x/ece:1%"), known) == set()
    base, new = scores(0), scores(1, {"m3": 0.05})
    assert judged(base, new, "*:0.1%").code == 3
    assert judged(base, new, "*:0.1%", "macro_f1:50%").code == 0


def test_an_absolute_amount_is_refused_for_units_of_the_target(judged):
    table = frame({"a": np.arange(1.0, 9)})
    with pytest.raises(BenchError, match="per cent"):
        judged(table, table, "rmse:0.1")
    with pytest.raises(BenchError, match="only describes"):
        judged(table.assign(metric="width_80"), table, "width_80:1%")


def test_a_broad_rule_passes_over_what_base_has_on_few_tasks(judged):
    few = frame({"a": [0.5, 0.6]}, "binary_f1")
    base = pd.concat([scores(0, methods=["a"]), few])
    found = judged(base, base, "*:1%")
    assert found.code == 0
    assert "binary_f1" in found.notes[0]
    assert judged(base, base, "*:1%", "binary_f1:1%").code == 4
    alone = judged(few, few, "*:1%")
    assert alone.code == 4
    assert "could test nothing" in alone.reason


# pairs


def test_identical_tables_are_equivalent(judged):
    table = scores(0, folds=3)
    for found in (judged(table, table, "macro_f1:0"), judged(table, table)):
        assert found.code == 0
        assert set(words(found).values()) == {"equivalent"}
        assert found.lost.empty
        assert found.moved.empty


def test_what_is_missing_in_new_is_named_and_counted(judged):
    base = scores(0, folds=2)
    new = base[(base["task"] != "t1") & (base["method"] != "m1")]
    new = new.drop(new[(new["method"] == "m2") & (new["task"] == "t5")].index[:1])
    new = new.assign(value=new["value"].where((new["method"] != "m3") | (new["task"] != "t6")))
    found = judged(base, new, "macro_f1:1%")
    lost = {(row["what"], row["name"]): (row["cells"], row["tasks"]) for row in found.lost.to_dict("records")}
    assert lost == {("task", "t1"): (20, 1), ("method", "m1"): (78, 39), ("cells of", "m2"): (1, 1),
                    ("cells of", "m3"): (2, 1)}  # fmt: skip
    assert set(found.lost["missing_in"]) == {"NEW"}
    assert found.code == 4
    assert "m1" in found.reason
    for text in (markdown(found), summary(found), github(found), junit(found)):
        assert "missing in NEW" in text


def test_a_vanished_task_fails_a_gate_that_needs_all_of_them(judged):
    base = scores(0, tasks=8)
    new = base[base["task"] != "t1"]
    assert judged(base, new, "macro_f1:1%").code == 0
    assert judged(base, new, "macro_f1:1%", min_pairs=8).code == 4
    assert judged(base, new).code == 0


def test_a_regression_goes_before_what_could_not_be_compared(judged):
    new = scores(1, {"m3": 0.1})
    found = judged(scores(0), new[new["method"] != "m1"], "macro_f1:0")
    assert found.code == 3
    assert any("m1" in note for note in found.notes)


def test_new_methods_are_listed_and_change_nothing(judged):
    base = scores(0)
    found = judged(base[base["method"] != "m1"], base, "macro_f1:0")
    assert found.code == 0
    assert found.lost[["missing_in", "what", "name"]].to_numpy().tolist() == [["BASE", "method", "m1"]]


def test_unequal_folds_are_paired_fold_by_fold(judged):
    base = scores(0, folds=5)
    new = base[(base["fold"] < 2) | (base["task"] != "t0")]
    found = judged(base, new, "macro_f1:0")  # the folds differ in level, so a mean over others would be a change
    assert found.code == 0
    assert set(words(found).values()) == {"equivalent"}
    assert found.lost["cells"].sum() == 30


def test_no_pair_at_all_cannot_be_compared(judged):
    found = judged(scores(0), scores(0).assign(task="x" + scores(0)["task"]))
    assert found.code == 4
    assert "partner" in found.reason
    assert judged(scores(0)[:0], scores(0)).code == 4
    assert judged(scores(0), scores(0)[:0], "macro_f1:1%").code == 4


def test_nothing_selected(judged):
    table = scores(0)
    for found in (
        judged(table, table, "nope:1%"),
        judged(table, table, metrics=["nope"]),
        judged(table, table, boards=["nope"]),
        judged(table, table, methods=["nope"]),
        judged(table[:0], table[:0]),
    ):
        assert found.code == 5
        assert found.reason


@pytest.mark.parametrize("option", ["boards", "metrics", "methods"])
@pytest.mark.parametrize("text", ["nope", "!nope", "nope*"])
def test_a_name_that_neither_side_has_is_refused_also_behind_an_exclamation_mark(judged, option, text):
    table = scores(0, tasks=6).assign(board="classification")
    known = {"boards": "class*", "metrics": "macro_f1", "methods": "m0"}[option]
    found = judged(table, table, **{option: [known, text]})
    assert (found.code, text.removeprefix("!") in found.reason) == (5, True)


def test_a_name_that_one_side_has_is_known(judged):
    base = scores(0, tasks=6)
    found = judged(base, base[base["method"] != "m9"], methods=["!m9"])
    assert (found.code, "m9" in words(found)) == (0, False)


def test_selection_by_name_and_glob(judged):
    table = pd.concat([scores(0), scores(0).assign(metric="mcc")]).assign(board="classification")
    assert set(judged(table, table).verdicts["metric"]) == {"macro_f1"}
    assert set(judged(table, table, metrics=["*"]).verdicts["metric"]) == {"macro_f1", "mcc"}
    assert set(judged(table, table, "mcc:1%").verdicts["metric"]) == {"mcc"}
    assert set(judged(table, table, methods=["m[12]", "!m2"]).verdicts["method"]) == {"m1"}
    assert judged(table, table, boards=["class*"]).code == 0


def test_other_data_other_folds_other_directions_are_refused(judged, tmp_path):
    base, new = tmp_path / "was", tmp_path / "is"
    for folder, hashed in ((base, "a" * 32), (new, "b" * 32)):
        folder.mkdir()
        table = scores(0).rename(columns={"task": "task_id"})
        table.to_csv(folder / "scores.csv", index=False)
        pd.DataFrame({"task_id": ["t0", "t1"], "data_hash": [hashed, "c" * 32]}).to_csv(
            folder / "cells.csv", index=False
        )
    found = judged(base, new, "macro_f1:1%")
    assert found.code == 4
    assert "data of t0 differs" in found.reason
    assert judged(base, new, "macro_f1:1%", allow_different_data=True).code == 0
    table = scores(0)
    found = judged(table.assign(protocol="refit"), table.assign(protocol="bag"))
    assert (found.code, "protocol" in found.reason) == (4, True)
    found = judged(table.assign(n_rows=50), table.assign(n_rows=51))
    assert (found.code, "50 test rows" in found.reason) == (4, True)
    found = judged(table.assign(direction="max"), table.assign(direction="min"))
    assert (found.code, "macro_f1 is max" in found.reason) == (4, True)


def test_other_levels_are_refused(judged, tmp_path):
    for name, levels in (("was", [0.1, 0.9]), ("is", [0.2, 0.8])):
        (tmp_path / name).mkdir()
        frame({"a": np.arange(1.0, 9)}, "wis").to_csv(tmp_path / name / "scores.csv", index=False)
        (tmp_path / name / "manifest.json").write_text(json.dumps({"settings": {"levels": levels, "seed": 3}}))
    found = judged(tmp_path / "was", tmp_path / "is")
    assert (found.code, "levels" in found.reason) == (4, True)


def test_a_column_that_one_side_lacks_is_taken_from_the_other(judged):
    table = scores(0)
    found = judged(table, table.assign(board="classification", panel="default"))
    assert found.code == 0
    assert "BASE has no column board" in found.notes[0]
    several = pd.concat([table.assign(panel="a"), table.assign(panel="b")])
    assert judged(table, several).code == 4


# hostile tables


def test_infinite_and_zero_errors_have_a_finite_place(judged):
    base = frame({"a": [1.0, 0.0, math.inf, 2.0, 0.0, 3.0, 4.0, 5.0]})
    new = frame({"a": [1.0, 0.0, math.inf, 2.0, 1.0, math.inf, 4.0, 5.0]})
    (found,) = judged(base, new, "rmse:1%").verdicts.to_dict("records")
    assert found["verdict"] == "unclear"
    np.testing.assert_allclose(found["change"], np.exp(2 * np.log(1000) / 8) - 1, rtol=1e-9)
    loss = frame({"a": np.linspace(0.1, 0.8, 8)}, "log_loss")
    broken = loss.assign(value=math.inf)
    assert judged(loss, broken, "log_loss:1%").code == 3
    assert judged(broken, broken, "log_loss:1%").code == 0


def test_a_base_of_zeros(judged):
    zero, some = frame({"a": [0.0] * 8}, "ece"), frame({"a": np.linspace(0.1, 0.2, 8)}, "ece")
    assert judged(zero, zero, "ece:1%").code == 0
    found = judged(zero, some, "ece:1%")
    assert found.code == 3
    for text in REPORT_WRITERS.values():
        assert len(text(found)) < 5000
    assert judged(zero, some, "ece:0.01").code == 3
    assert judged(some, zero, "ece:0.01").code == 0


def test_missing_values_make_no_pair(judged):
    base = frame({"a": [1.0, 2, 3, 4, 5, 6, 7, math.nan], "b": [math.nan] * 8})
    found = judged(base, base, "rmse:0")
    assert (found.code, words(found), found.verdicts["tasks"].tolist()) == (0, {"a": "equivalent"}, [7])


@pytest.mark.parametrize("written", ["", "nan", "NA", "None", "null"])
def test_every_way_to_write_missing(written):
    table = decode_scores(f"method,metric,value\na,rmse,{written}\nnone,rmse,1\n".encode(), "x.csv")
    rows = tidy(table, "x.csv").rows
    assert rows["method"].tolist() == ["a", "none"]
    assert math.isnan(rows["value"][0])


def test_one_task_one_method(judged):
    table = frame({"a": [1.0]})
    same = judged(table, table)
    assert (same.code, words(same)) == (0, {"a": "equivalent"})
    other = judged(table, frame({"a": [2.0]}))
    assert (other.code, words(other)) == (0, {"a": "unclear"})
    assert "too few tasks" in other.verdicts["reason"][0]
    assert other.verdicts[["lo", "hi", "p"]].isna().all(axis=None)
    assert judged(table, table, "rmse:1%").code == 4
    assert judged(table, frame({"a": [2.0]}), "rmse:1%", min_pairs=1).code == 3
    assert judged(table, frame({"a": [1.005]}), "rmse:1%", min_pairs=1).code == 0


def test_duplicated_rows_count_once_and_contradictions_are_refused(judged):
    table = scores(0)
    found = judged(pd.concat([table, table]), table, "macro_f1:0")
    assert found.code == 0
    assert "400 rows stand there twice" in found.notes[0]
    twice = pd.concat([table, table.iloc[:1].assign(value=0.1)])
    found = judged(twice, table, "macro_f1:0")
    assert found.code == 4
    assert "two values for one cell" in found.reason


def test_ties_everywhere_but_one(judged):
    base = frame({"a": [0.5] * 20}, "macro_f1")
    new = base.assign(value=[0.4] + [0.5] * 19)
    assert words(judged(base, new, "macro_f1:0")) == {"a": "unclear"}
    shifted = base.assign(value=0.49)
    assert words(judged(base, shifted, "macro_f1:0")) == {"a": "worse"}
    assert words(judged(base, shifted, "macro_f1:0.01")) == {"a": "equivalent"}  # exactly as much as is allowed


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read"),
        (b"a,b\n1,2\n", "no column method, metric, value"),
        (b"method,metric,value\na,rmse,high\n", "'high'"),
        (b"method,metric,value\na,unheard,1\n", "unheard"),
        (b"method,metric,value,direction\na,x,1,up\n", "'up'"),
        (b"method,metric,value,direction\na,x,1,min\nb,x,1,max\n", "two directions"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
        (b"{}", "no baseline"),
        (b'{"bench_baseline": 99, "digits": 5}', "schema 99"),
        (b"{nope", "no baseline"),
    ],
)
def test_unreadable_files_are_a_mistake_of_the_user(tmp_path, content, says):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(BenchError, match=re.escape(says)):
        compare(str(tmp_path / "x.csv"), str(tmp_path / "x.csv"), ComparisonOptions())


def test_parquet_and_csv_agree(judged, tmp_path):
    table = scores(0).assign(repeat=0.0, ranked=True, sample="test")
    table.to_parquet(tmp_path / "x.parquet", index=False)
    found = judged(tmp_path / "x.parquet", table, "macro_f1:0")
    assert (found.code, found.lost.empty) == (0, True)


def test_unranked_and_training_rows_are_left_out(judged):
    table = scores(0).assign(ranked="true", sample="test")
    others = pd.concat([table, table.assign(method="oracle", ranked="false"), table.assign(sample="train", value=0)])
    assert set(words(judged(others, table))) == set(METHODS)


def test_a_hundred_thousand_rows(judged):
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_product(
        [
            [f"m{i}" for i in range(30)],
            [f"t{i}" for i in range(70)],
            range(10),
            ["accuracy", "macro_f1", "mcc", "auroc", "brier"],
        ],
        names=["method", "task", "fold", "metric"],
    )  # fmt: skip
    table = index.to_frame(index=False).assign(value=rng.uniform(0.2, 0.8, len(index)))
    found = judged(table, table.assign(value=table["value"] + rng.normal(scale=0.01, size=len(table))), "*:1%")
    assert len(found.verdicts) == 150
    assert found.code == 0


cell = st.one_of(st.none(), st.floats(0, 1), st.just(float("nan")), st.sampled_from([0.0, 0.5, 0.5, 1.0]))
tables = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 8), st.integers(0, 1), cell), min_size=1, max_size=40,
    unique_by=lambda row: row[:3],
)  # fmt: skip


@settings(max_examples=15)
@given(tables, tables, st.sampled_from(["macro_f1", "rmse", "log_loss", "coverage_80"]), st.booleans())
def test_no_table_crashes_or_makes_a_lie(tmp_path_factory, left, right, metric, gated):
    folder = tmp_path_factory.mktemp("tables")
    for name, rows in (("a", left), ("b", right)):
        table = pd.DataFrame(rows, columns=["method", "task", "fold", "value"]).assign(metric=metric)
        table.to_csv(folder / f"{name}.csv", index=False)
    sides = [str(folder / f"{name}.csv") for name in "ab"]
    options = ComparisonOptions(rules=[rule(f"{metric}:1%")] if gated else [])
    found = compare(*sides, options)
    assert found.code in ({0, 3, 4, 5} if gated else {0, 4, 5})
    assert bool(found.reason) == (found.code != 0)
    for text in REPORT_WRITERS.values():
        text(found)
    json.loads(as_json(found), parse_constant=pytest.fail)
    same = compare(sides[0], sides[0], options)
    assert same.code in {0, 4, 5}
    assert set(same.verdicts["verdict"]) <= {"equivalent"}


# baselines


def test_a_baseline_of_the_published_run_is_small_and_always_the_same(tmp_path):
    text = baseline_text(source(str(REFERENCE)))
    assert len(text.encode()) < 10_000
    assert text == baseline_text(source(str(REFERENCE / "scores.csv")))
    (tmp_path / "baseline.json").write_text(text, encoding="utf-8")
    assert baseline_text(source(str(tmp_path / "baseline.json"))) == text
    found = compare(str(tmp_path / "baseline.json"), str(REFERENCE), ComparisonOptions(rules=[rule("*:0")]))
    assert found.code == 0, found.reason
    assert set(found.verdicts["verdict"]) == {"equivalent"}
    assert set(found.lost["what"]) == {"metric"}  # those that the baseline does not keep
    assert set(found.lost["missing_in"]) == {"BASE"}
    back = compare(str(REFERENCE), str(tmp_path / "baseline.json"), ComparisonOptions(rules=[rule("wis:0")]))
    assert (back.code, set(back.verdicts["verdict"])) == (0, {"equivalent"})


def test_rows_in_another_order_make_the_same_baseline(tmp_path):
    table = pd.read_csv(REFERENCE / "scores.csv", dtype=str, keep_default_na=False)
    texts = []
    for name, rows in (("a", table), ("b", table.sample(frac=1, random_state=0))):
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
        texts.append(baseline_text(source(str(tmp_path / f"{name}.csv"))))
    assert texts[0] == texts[1]


def test_a_baseline_catches_what_the_table_catches(judged, tmp_path):
    base, new = scores(0, folds=3), scores(2, {"m3": 2 * SIGMA}, folds=3)
    base.to_csv(tmp_path / "x.csv", index=False)
    (tmp_path / "x.json").write_text(baseline_text(source(str(tmp_path / "x.csv"))), encoding="utf-8")
    table, small = (judged(was, new, "macro_f1:0", unclear="warn") for was in (base, tmp_path / "x.json"))
    assert words(table) == words(small)
    assert small.code == 3
    np.testing.assert_allclose(small.verdicts["change"], table.verdicts["change"], atol=1e-5)
    assert small.verdicts["fails"].sum() == 1


def test_a_baseline_is_compared_on_its_own_folds(judged, tmp_path):
    base = scores(0, folds=2)
    base.to_csv(tmp_path / "x.csv", index=False)
    (tmp_path / "x.json").write_text(baseline_text(source(str(tmp_path / "x.csv"))), encoding="utf-8")
    more = pd.concat([base, base.assign(fold=base["fold"] + 2, value=0.0)])
    assert set(words(judged(tmp_path / "x.json", more)).values()) == {"equivalent"}
    fewer = judged(tmp_path / "x.json", base[(base["fold"] == 0) | (base["task"] != "t0")])
    assert fewer.lost["cells"].sum() == 10
    assert set(fewer.verdicts["tasks"]) == {39}


def test_a_baseline_of_failed_folds_has_a_gap(tmp_path):
    table = scores(0, folds=2)
    table.loc[(table["method"] == "m0") & (table["task"] == "t0") & (table["fold"] == 1), "value"] = math.nan
    table.to_csv(tmp_path / "x.csv", index=False)
    found = json.loads(baseline_text(source(str(tmp_path / "x.csv"))))
    values = found["boards"][""]["metrics"]["macro_f1 max"][""][""]
    place = list(found["boards"][""]["tasks"]).index("t0")
    assert values["m0"][place] is None
    assert values["m1"][place] is not None


def test_a_baseline_of_twelve_tasks_and_ten_methods_is_a_few_kilobytes(tmp_path):
    table = pd.concat([scores(0, tasks=12, folds=10).assign(metric=name) for name in ("macro_f1", "log_loss", "mcc")])
    table.to_csv(tmp_path / "x.csv", index=False)
    text = baseline_text(source(str(tmp_path / "x.csv")))
    assert len(text) < 5000
    assert sum('"m3":' in line for line in text.splitlines()) == 3  # one line a metric and method, for the diff


@pytest.mark.parametrize("splits", [[("0", "0")], [("0", "0"), ("0", "1"), ("1", "0"), ("1", "3"), ("10", "2")],
                                    [("", "")], [("", "a b"), ("x", "")]])  # fmt: skip
def test_folds_are_written_and_read_back(splits):
    written = baseline_file._folds_text(splits)
    assert baseline_file._parse_folds(json.loads(json.dumps(written))) == frozenset(splits)


def test_other_data_than_that_of_the_baseline_are_refused(tmp_path):
    text = baseline_text(source(str(REFERENCE)))
    found = json.loads(text)
    task = next(iter(found["tasks"]))
    found["tasks"][task]["data"] = "0" * 12
    (tmp_path / "x.json").write_text(json.dumps(found), encoding="utf-8")
    report = compare(str(tmp_path / "x.json"), str(REFERENCE), ComparisonOptions())
    assert report.code == 4
    assert f"data of {task} differs" in report.reason


OF_SCHEMA = {
    1: """{
 "bench_baseline": 1,
 "digits": 5,
 "settings": {},
 "tasks": {},
 "boards": {"":{"tasks":{"t0":"0.0-1","t1":"0.0-1"},"metrics":{"macro_f1 max":{"":{"":{"m0":[0.5,0.75]}}}}}}
}
""",
}
"""A baseline of every schema that there has been, as it was written."""


def test_there_is_a_baseline_of_every_schema():
    assert list(OF_SCHEMA) == list(range(1, baseline_file.SCHEMA + 1))


@pytest.mark.parametrize("schema", OF_SCHEMA)
def test_a_baseline_of_an_earlier_schema_is_read(judged, tmp_path, schema):
    (tmp_path / "x.json").write_text(OF_SCHEMA[schema], encoding="utf-8")
    values = {("t0", 0): 0.4, ("t0", 1): 0.6, ("t1", 0): 0.7, ("t1", 1): 0.8}
    rows = [(task, 0, fold, "m0", "macro_f1", value) for (task, fold), value in values.items()]
    table = pd.DataFrame(rows, columns=["task", "repeat", "fold", "method", "metric", "value"])
    found = judged(tmp_path / "x.json", table)
    assert (found.code, words(found), found.verdicts["tasks"].tolist()) == (0, {"m0": "equivalent"}, [2])


@pytest.mark.parametrize("schema", [0, baseline_file.SCHEMA + 1])
def test_a_baseline_of_another_schema_is_refused_with_the_command_that_makes_it_anew(tmp_path, schema):
    path = tmp_path / "x.json"
    path.write_text(OF_SCHEMA[1].replace('"bench_baseline": 1', f'"bench_baseline": {schema}'), encoding="utf-8")
    with pytest.raises(BenchError, match=f"schema {schema} .*`bench baseline save RESULTS -o {re.escape(str(path))}`"):
        source(str(path))


def test_a_baseline_of_a_board_without_its_own_metric_keeps_the_metrics_that_it_has(tmp_path):
    table = scores(0).assign(board="classification", metric="accuracy")
    table.to_csv(tmp_path / "x.csv", index=False)
    assert list(json.loads(baseline_text(source(str(tmp_path / "x.csv"))))["boards"]["classification"]["metrics"]) == [
        "accuracy max"
    ]
    pd.concat([table, table.assign(metric="macro_f1")]).to_csv(tmp_path / "x.csv", index=False)
    assert list(json.loads(baseline_text(source(str(tmp_path / "x.csv"))))["boards"]["classification"]["metrics"]) == [
        "macro_f1 max"
    ]


# git


def git(folder, *words):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)  # noqa: S607


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a published run and then a baseline, in which we stand in a folder below the root."""
    root = tmp_path / "repository"
    folder = root / "results" / "reference"
    folder.mkdir(parents=True)
    (root / "below").mkdir()
    git(root, "init", "-q", "-b", "main")
    scores(0).to_csv(folder / "scores.csv", index=False)
    git(root, "add", ".")
    git(root, "commit", "-qm", "run")
    (root / "baseline.json").write_text(baseline_text(source(str(folder))), encoding="utf-8")
    (root / "below" / "own.csv").write_bytes((folder / "scores.csv").read_bytes())
    git(root, "add", ".")
    git(root, "commit", "-qm", "baseline")
    scores(0, {"m3": 0.1}).to_csv(folder / "scores.csv", index=False)
    monkeypatch.chdir(root / "below")
    return root


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("git:main", "git:main:baseline.json"),
        ("git:HEAD~1", "git:HEAD~1:results/reference/scores.csv"),
        ("git:HEAD:results/reference", "git:HEAD:results/reference/scores.csv"),
        ("git:HEAD:results/reference/scores.csv", "git:HEAD:results/reference/scores.csv"),
        ("git:HEAD:./own.csv", "git:HEAD:./own.csv"),
    ],
)
def test_base_may_be_a_revision(repository, text, name):
    found = compare(text, str(repository / "results" / "reference"), ComparisonOptions(rules=[rule("macro_f1:1%")]))
    assert found.base == name
    assert (found.code, found.verdicts["fails"].sum()) == (3, 1)
    assert compare(text, text, ComparisonOptions(rules=[rule("macro_f1:0")])).code == 0


@pytest.mark.parametrize("text", ["git:nope", "git:", "git:--help", "git:HEAD:nope.csv", "git:HEAD:below"])
def test_what_git_does_not_have_is_refused_in_a_sentence(repository, text):
    with pytest.raises(BenchError, match="git"):
        source(text)


def test_outside_of_git_a_revision_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BenchError, match="revision 'main'"):
        source("git:main")


# formats


def strange(judged):
    """Return a report with names that no format may take as its own signs."""
    names = ["a<b>&\"'|`", "100%,x:y::z", "line\x01\x0b break", "@someone #1 *b* _c_"]
    base = pd.concat([scores(0, methods=["x"]).assign(method=name, board="b|<d>") for name in names])
    new = base.assign(value=base["value"] - 0.1 + 0.01 * np.random.default_rng(0).normal(size=len(base)))
    return judged(base, new[new["method"] != names[3]], "macro_f1:1%"), names


def test_every_format_holds_strange_names(judged):
    found, names = strange(judged)
    assert found.code == 3
    tree = ET.fromstring(junit(found))  # noqa: S314 - we wrote it
    assert [int(tree.get(name)) for name in ("tests", "failures", "errors")] == [5, 3, 1]
    cases = [case for case in tree.iter("testcase") if case.get("classname") != "bench.compare"]
    assert [case.get("name") for case in cases] == [names[0], names[1], r"line\x01\x0b break", names[3]]
    whole = json.loads(as_json(found), parse_constant=pytest.fail)
    assert [row["method"] for row in whole["verdicts"]] == names
    assert (whole["exit_code"], whole["outcome"]) == (3, "regression found")
    assert len(as_json(found).splitlines()) == 1
    lines = github(found).rstrip("\n").split("\n")
    assert all(re.fullmatch(r"::(error|warning|notice) title=[^:,\n]*::.*", line) for line in lines)
    assert sum(line.startswith("::error") for line in lines) == 3
    for line in markdown(found).splitlines():
        assert not line.startswith("|") or len(re.findall(r"(?<!\\)\|", line)) == 12
        assert "@someone" not in line
        assert "<b>" not in line.replace("\\<", "").replace("\\>", "")


def test_refusals_have_every_format(judged):
    table = scores(0)
    for found in (
        judged(table, table.assign(task="x" + table["task"]), "macro_f1:1%"),
        judged(table, table, "nope:1%"),
    ):
        tree = ET.fromstring(junit(found))  # noqa: S314 - we wrote it
        assert int(tree.get("errors")) >= 1
        assert json.loads(as_json(found))["exit_code"] == found.code
        assert github(found).startswith("::error")
        for text in (markdown(found), summary(found)):
            assert found.word in text


def test_the_summary_names_the_tasks_that_moved_most(judged):
    base = scores(0, methods=["a", "b"])
    new = base.copy()
    for task, amount in ((7, 0.2), (3, 0.1), (5, 0.05)):
        new.loc[(new["task"] == f"t{task}") & (new["method"] == "b"), "value"] -= amount
    found = judged(base, new)
    assert found.moved["task_id"].tolist() == ["t7", "t3", "t5"]
    assert set(found.moved["most"]) == {"b"}
    np.testing.assert_allclose(found.moved["change"], found.moved["most_change"] / 2)
    lines = [line for line in summary(found).splitlines() if line.startswith("| t")]
    assert [line.split()[1] for line in lines if "+0" not in line][-3:] == ["t7", "t3", "t5"]
    noisy = judged(base, scores(1, methods=["a", "b"]))
    assert len(noisy.moved) == 40
    assert sum(line.startswith("| t") and line[3].isdigit() for line in summary(noisy).splitlines()) == 10


def test_annotations_and_summaries_are_bounded(judged):
    names = [f"m{j}" for j in range(120)]
    base = scores(0, methods=names, tasks=10)
    new = base.assign(value=base["value"] * 0.5)
    found = judged(base, new, "macro_f1:1%")
    assert len(github(found).splitlines()) == 51
    assert "71 more" in github(found)
    assert "70 more verdicts" in summary(found)
    assert len(summary(found)) < 60_000


# timing


def test_timing_is_advice_alone(judged, tmp_path):
    for name, seconds, cpu in (("was", 1.0, "x"), ("is", 100.0, "y")):
        (tmp_path / name).mkdir()
        table = scores(0)
        table.to_csv(tmp_path / name / "scores.csv", index=False)
        timed = table.rename(columns={"task": "task_id"})[["task_id", "fold", "method"]]
        timed.assign(board="classification", weigh_seconds=seconds).to_csv(tmp_path / name / "timing.csv", index=False)
        (tmp_path / name / "manifest.json").write_text(json.dumps({"cpu": cpu}))
    found = judged(tmp_path / "was", tmp_path / "is", "macro_f1:0", timing=True)
    assert found.code == 0
    np.testing.assert_allclose(found.timing[["base", "new", "ratio"]].to_numpy(), [[400.0, 40_000.0, 100.0]])
    assert any("CPUs differ" in note for note in found.notes)
    assert "timing.csv" in judged(scores(0), tmp_path / "is", timing=True).notes[-1]
