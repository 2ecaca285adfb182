"""The positive class belongs to the task: every fold, fit, step and metric aims at the same one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from makers import class_columns, evaluate_method, read, write_table
from sklearn import metrics as sk

from bench.core.hashing import digest
from bench.core.nouns import BenchError, Task
from bench.core.settings import Settings
from bench.methods import metrics, trainings
from bench.methods.boards import BOARDS
from bench.runner import fit_spec, out_of_fold
from bench.runner.evaluate import LearnerEvaluation, SplitData, score
from bench.runner.fit_spec import Fit, rows_of
from bench.runner.records import FitId
from bench.tasks.loading import with_positive_class
from bench.tasks.meta_features import meta_features
from bench.tasks.splits import cut_outer

BOARD = BOARDS["class-weight"]
SETTINGS = Settings(inner=2)


def near_even(*, timed, positive=None, n=200):
    """Return a table of 51 to 49 whose rarer class changes from fold to fold."""
    import pandas as pd

    rng = np.random.default_rng(4)
    y = rng.permutation(np.repeat([0, 1], [n * 51 // 100, n * 49 // 100]))
    if timed:  # a slow wave: runs of rows in which one class is the more common
        wave = np.sin(np.arange(n) / 12) + 0.8 * rng.normal(size=n)
        y = (np.argsort(np.argsort(wave)) >= n * 51 // 100).astype(int)
    X = pd.DataFrame(rng.normal(size=(n, 2)) + 0.8 * y[:, None], columns=["a", "b"])
    time = np.arange(n, dtype=float) if timed else None
    task = Task("t", X, y, "classification", (), ("no", "yes"), time=time, positive=positive)
    return replace(task, splits=cut_outer(task, 5, 1, 0))


def evaluation_of(task, split, *schemes):
    rows, target = rows_of(task, split, SETTINGS), BOARD.target(task, SETTINGS)
    fits = [Fit(target, "logistic", scheme) for scheme in schemes]
    stored = {FitId("logistic", fit.training): out_of_fold.predict(rows, fit, SETTINGS) for fit in fits}
    return LearnerEvaluation(SplitData.of_rows(rows, BOARD, SETTINGS, stored))


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("positive", [None, "no"])
def test_metrics_and_decisions_are_about_one_class_on_every_fold(timed, positive):
    task = near_even(timed=timed, positive=positive)
    code = 1 if positive is None else 0  # of 98 and 102 rows the second is the rarer
    rarer = {int(np.bincount(task.y[split.test], minlength=2).argmin()) for split in task.splits}
    assert rarer == {0, 1}, "the rarer class of the test rows must change, or nothing is tested"
    for split in task.splits:
        evaluation = evaluation_of(task, split, "none")
        y, prediction = task.y[split.test], evaluate_method(evaluation, "none", "logistic").prediction
        p, labels = prediction.values[:, code], prediction.labels  # noqa: PD011 - no data frame
        names = ["f1", "f2", "f0.5", "average_precision", "calibration_in_large", "extended"]
        found = score(y, prediction, metrics.for_target(prediction.target, names))
        for name, expected in {
            "binary_f1": sk.f1_score(y, labels, pos_label=code),
            "f2": sk.fbeta_score(y, labels, beta=2, pos_label=code),
            "f_half": sk.fbeta_score(y, labels, beta=0.5, pos_label=code),
            "average_precision": sk.average_precision_score(y == code, p),
            "calibration_in_large": p.mean() - np.mean(y == code),
            "sensitivity": sk.recall_score(y, labels, pos_label=code),
            "specificity": sk.recall_score(y, labels, pos_label=1 - code),
        }.items():
            np.testing.assert_allclose(found[name], expected, rtol=1e-9, err_msg=name)
        half = evaluate_method(evaluation, "none+half-f1", "logistic").prediction.rule
        assert half[code] == 1
        assert half[1 - code] < 1  # half of the best F1 is below 1/2: more rows are called positive
        known, truth = evaluation.split_data.stored[FitId.plain("logistic")].oof, evaluation.split_data.y
        rule = evaluate_method(evaluation, "none+threshold:metric=f1", "logistic").prediction.rule
        tuned = sk.f1_score(truth, (known * rule).argmax(axis=1), pos_label=code)
        tried = [sk.f1_score(truth == code, known[:, code] >= cut) for cut in np.unique(known[:, code])]
        np.testing.assert_allclose(tuned, max(tried), rtol=1e-9)


@pytest.fixture
def seeing():
    """Enter two training schemes that note the positive class that they see: one says that it uses it."""
    seen = {"uses-it": [], "ignores-it": []}
    trainings.registry.entries()
    held = dict(trainings.registry._entries)
    for name, noted in seen.items():

        def scheme(context, noted=noted):
            noted.append(context.target.positive)
            return trainings.FittedModel(context.fit())

        entry = trainings.registry._entries["smote"]
        options = trainings.TrainingOptions(hook="loss", positive=name == "uses-it")
        trainings.registry._entries[name] = replace(entry, name=name, function=scheme, options=options)
    yield seen
    trainings.registry._entries.clear()
    trainings.registry._entries.update(held)


def test_a_fit_depends_on_the_positive_class_where_it_says_so_and_nowhere_else(seeing):
    keys = {}
    for positive in ("no", "yes"):
        task = near_even(timed=False, positive=positive)
        split = task.splits[0]
        evaluation_of(task, split, *seeing)
        rows, target = rows_of(task, split, SETTINGS), BOARD.target(task, SETTINGS)
        for name in (*seeing, "none", "anyloss", "tuned-power"):
            fit = Fit(target, "logistic", name)
            keys.setdefault(name, set()).add(digest(fit_spec.fit_parts(rows, fit, SETTINGS, fit_spec.data_hash(task))))
    assert seeing == {"uses-it": [0] * 3 + [1] * 3, "ignores-it": [1] * 6}
    assert {name: len(found) for name, found in keys.items()} == {
        "uses-it": 2,
        "ignores-it": 1,
        "none": 1,
        "anyloss": 2,
        "tuned-power": 2,
    }


def test_the_rarest_class_of_the_table_counts_by_row_weight_and_a_tie_goes_to_the_last():
    task = near_even(timed=False, n=100)
    assert task.positive_code == 1
    assert meta_features(task)["positive"] == "yes"
    assert replace(task, weight=np.where(task.y == 1, 3.0, 1.0)).positive_code == 0
    even = replace(task, y=np.arange(100) % 2)
    assert (even.positive_code, even.is_positive_tied) == (1, True)
    tenths = replace(even, weight=np.where(even.y == 0, 0.1, np.where(even.y.cumsum() % 2, 0.2, 0.0)))
    assert tenths.positive_code == 1  # sums of tenths are equal but for rounding


def test_a_label_is_for_two_classes_one_of_which_has_it():
    task = near_even(timed=False)
    assert with_positive_class(task, "no").positive_code == 0
    with pytest.raises(BenchError, match="t has no class 'maybe': give --positive 'no' or 'yes'"):
        with_positive_class(task, "maybe")
    three = replace(task, y=np.arange(200) % 3, classes=("a", "b", "c"))
    assert with_positive_class(three, "maybe") is three


SMALL = ("-b", "class-weight", "-l", "logistic", "-w", "none,anyloss", "--folds", 1, "--inner", 2, "--json")


def test_the_flag_reaches_tables_keys_and_commands(bench, cls, tmp_path):
    assert bench("run", *cls, *SMALL, "--store", "s", "--results", "one").json["fitted"] == 2
    assert read("one/tasks.csv")["positive"].tolist() == ["c1"]  # 24 of 60 rows
    other = bench("run", *cls, *SMALL, "--positive", "c0", "--store", "s", "--results", "two")
    assert (other.json["fitted"], other.json["reused"]) == (1, 1)  # anyloss aims at the other class
    assert read("two/tasks.csv")["positive"].tolist() == ["c0"]
    ones, twos = (
        read(f"{name}/scores.csv").query("metric == 'binary_f1' and sample == 'test'") for name in ("one", "two")
    )
    assert ones["value"].tolist() != twos["value"].tolist()
    assert "another positive class" in bench("run", *cls, *SMALL, "--positive", "c0", "--results", "one").err
    assert bench("run", *cls, *SMALL, "--positive", "c1", "--store", "s", "--results", "one").json["weighed"] == 0
    wrong = bench("plan", *cls, "--positive", "yes")
    assert (wrong.code, "give --positive 'c0' or 'c1'" in wrong.err) == (2, True)
    three = write_table(tmp_path / "three.csv", class_columns(60, shares=(0.4, 0.3, 0.3)))
    both = bench("plan", *cls, "-t", f"file:{three}", "--positive", "c0", "-b", "class-weight", "-l", "logistic")
    assert both.code == 0


def test_what_a_task_says_goes_before_the_flag_for_all(bench, tmp_path):
    named, other = (write_table(tmp_path / f"{name}.csv", class_columns()) for name in ("named", "other"))
    tasks = f"[{{task: 'file:{named}', target: y, positive: c0}}, {{task: 'file:{other}', target: y}}]"
    (tmp_path / "datasets.yaml").write_text(f"suites:\n  mine:\n    tasks: {tasks}\n", encoding="utf-8")
    assert bench("run", "-s", "mine", *SMALL, "--results", "r").code == 0
    assert read("r/tasks.csv")["positive"].tolist() == ["c0", "c1"]
    assert (
        bench(
            "run", "-t", f"file:{named}@y;positive=c1,file:{other}@y", *SMALL, "--positive", "c0", "--results", "q"
        ).code
        == 0
    )
    assert read("q/tasks.csv")["positive"].tolist() == ["c1", "c0"]
    assert bench("plan", "-s", "mine", "--positive", "yes").code == 2  # the other one has no such class


def test_one_flag_says_what_is_computed_kept_and_printed(bench, cls):
    words = (*cls, *SMALL[:-1], "-w", "none", "--results", "r")
    assert bench("run", *words, "--metric", "f1,micro_f1:without=c0", "-q").code == 0
    assert set(read("r/scores.csv").query("sample == 'test'")["metric"]) == {"binary_f1", "micro_f1:without=c0"}
    more = bench("run", *words, "--metric", "sensitivity")
    assert "class-weight · sensitivity" in more.out
    assert "binary_f1" not in more.out
    held = {"binary_f1", "micro_f1:without=c0", "sensitivity"}
    assert set(read("r/scores.csv").query("sample == 'test'")["metric"]) == held  # what is known is kept
    assert bench("run", *words, "--metric", "f1", "--json").json["weighed"] == 0
    assert bench("run", *words, "--json").json["weighed"] > 0  # the core was not scored yet
    core = set(metrics.for_target(BOARD.target(near_even(timed=False), SETTINGS), ["core"]))
    assert set(read("r/scores.csv").query("sample == 'test'")["metric"]) == held | core
    printed = bench("leaderboard", "r", "--metric", "auprc,f1")
    assert ("macro_auprc" in printed.out, "binary_f1" in printed.out) == (True, True)
    both = bench(
        "run", *cls, "-l", "logistic", "--folds", 1, "--inner", 2, "--metric", "f2", "--results", "q", "--json"
    )
    assert both.json["ok"] == both.json["planned"]
    for wrong in ("micro_f1:without=z", "wis", "macro_f2", "recall_at_fpr:rate=7"):
        assert bench("run", *words, "--metric", wrong).code == 2


def test_a_table_with_the_old_name_of_a_metric_is_read_under_the_new_one(bench, tmp_path):
    rows = [(f"t{t}", name, "auprc", value + t / 50) for t in range(6) for name, value in (("a", 0.5), ("b", 0.6))]
    for file, metric in (("old.csv", "auprc"), ("new.csv", "macro_auprc")):
        columns = dict(zip(("task", "method", "metric", "value"), zip(*rows, strict=True), strict=True))
        write_table(tmp_path / file, {**columns, "metric": metric})
    assert "macro_auprc" in bench("leaderboard", "old.csv").out
    assert bench("compare", "old.csv", "new.csv", "--fail-on", "auprc:1%").code == 0
