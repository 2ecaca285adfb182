"""The class-weight board as a whole: what a training scheme did reaches the steps, the tables and the boards.

The traps of unequal classes that concern one metric, step or scheme stand in the tests of these.
"""

# ruff: noqa: ARG002 - stand-ins ignore what they are given

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import pytest
from makers import bytes_of, class_columns, class_task, evaluate_method, read, write_table
from makers.leaks import PROTOCOLS, leak_task, leaks

from bench.cli import catalog
from bench.core.nouns import Prediction, Split, Target, Task
from bench.core.scheme import Entry
from bench.core.settings import Settings
from bench.methods import class_weights, learners, postprocess, trainings
from bench.methods.boards import BOARDS
from bench.methods.learners.adapters import ClassModel
from bench.methods.trainings import FitContext, FittedModel
from bench.report.leaderboards import leaderboard
from bench.runner import out_of_fold
from bench.runner.evaluate import LearnerEvaluation, SplitData, score
from bench.runner.fit_spec import Fit, rows_of, why_not
from bench.runner.records import FitId
from bench.tasks import encoders

pytestmark = pytest.mark.slow  # the whole file takes half a minute or more

BOARD = BOARDS["class-weight"]
EVERY = list(trainings.registry.entries("fit"))
OF_MANY_CLASSES = [name for name, entry in trainings.registry.entries("fit").items() if not entry.options.binary]
SMALL = {"forest": "forest:n_estimators=5", "mlp": "mlp:epochs=5", "lightgbm": "lightgbm:n_estimators=5"}


def learner_for(training, usual="logistic"):
    """Return a quick learner that a training scheme is written for."""
    name = next(iter(trainings.registry.entries("fit")[training].options.learners), usual)
    return SMALL.get(name, name)


def target_of(drawn):
    return BOARD.target(drawn, Settings())


def board_split(drawn, schemes, learner="logistic", settings=Settings(inner=3), split=0):  # noqa: B008 - frozen
    """Fit training schemes on a split, and return what the board makes of them."""
    rows = rows_of(drawn, drawn.splits[split], settings)
    stored = {
        FitId(learner, scheme): out_of_fold.predict(rows, Fit(target_of(drawn), learner, scheme), settings)
        for scheme in schemes
    }
    return LearnerEvaluation(SplitData.of_rows(rows, BOARD, settings, stored))


def scores(board, name, learner="logistic"):
    return score(board.split_data.task.y[board.split_data.test], evaluate_method(board, name, learner).prediction)


def said_by(prediction: Prediction):
    return prediction.values  # noqa: PD011 - no data frame


@pytest.fixture
def planted():
    """Enter training schemes, learners and steps for one test."""
    registries = {"training": trainings.registry, "learner": learners.registry, "step": postprocess.registry}
    for registry in registries.values():
        registry.entries()
    held = {noun: dict(registry._entries) for noun, registry in registries.items()}

    def enter(noun, name, function, **traits):
        kinds = {"training": "fit", "learner": "class", "step": "class"}
        registries[noun]._entries[name] = Entry(
            name, function, frozenset({kinds[noun]}), registries[noun].options(**traits)
        )

    yield enter
    for noun, registry in registries.items():
        registry._entries.clear()
        registry._entries.update(held[noun])


# the class weights of each fold


def fold_weights(part):
    """Class weights that tell which model they are of."""
    return np.array([1.0, 2.0 + part])


@pytest.fixture
def marked(planted):
    """Plant a scheme whose every fit has class weights of its own and says [0.5, 0.5], and a step that listens."""
    used = []
    count = iter(range(100))

    def marking(context):
        weights = fold_weights(next(count))
        return FittedModel(lambda X: np.full((len(X), 2), 0.5), weights, "marked")

    def listening(prediction, y, rng):
        used.append((prediction, y))
        return lambda prediction: prediction

    planted("training", "marking", marking, hook="loss")
    planted("step", "listening", listening)
    return used


def corrected(weights):
    odds = 0.5 / np.asarray(weights)
    return odds / odds.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("protocol", ["refit", "split", "bag", "nested"])
def test_answers_are_corrected_by_the_weights_of_the_fold_that_gave_them(marked, protocol):
    drawn = class_task(80, shares=(0.7, 0.3))
    board = board_split(drawn, ["marking"], settings=Settings(inner=4, protocol=protocol))
    prediction = evaluate_method(board, "marking+prior-correction+listening", "logistic").prediction
    ((known, y),) = marked
    assert sorted(set(known.inner_fold)) == [0, 1, 2, 3]
    expected = corrected([fold_weights(k) for k in known.inner_fold])
    np.testing.assert_allclose(said_by(known), expected, rtol=1e-12)
    assert y.tolist() == drawn.y[board.split_data.oof_rows].tolist()
    kept = protocol in {"bag", "nested"}  # the models of the folds answer the test rows
    of_test = np.mean([fold_weights(k) for k in range(4)], axis=0) if kept else fold_weights(4)
    np.testing.assert_allclose(
        said_by(prediction), np.tile(corrected(of_test), (len(said_by(prediction)), 1)), rtol=1e-12
    )
    assert prediction.effective_class_weights is None
    assert known.effective_class_weights is None


@pytest.mark.usefixtures("marked")
def test_weights_and_notes_of_a_fit_stand_in_its_answer():
    board = board_split(class_task(80), ["marking"], settings=Settings(inner=4))
    weighed = evaluate_method(board, "marking", "logistic")
    weights = {row["output"]: row["value"] for row in weighed.weights if row["role"] == "class_weight"}
    assert weights == {"c0": 1.0, "c1": 6.0}
    assert weighed.note == "marked"
    plain = evaluate_method(board_split(class_task(80), ["none"]), "none", "logistic")
    np.testing.assert_allclose([row["value"] for row in plain.weights], 1.0)


@pytest.mark.parametrize("name", ["balanced", "random-under", "random-over", "balanced-bagging"])
def test_weights_of_a_fold_are_counted_on_the_rows_that_teach_it(name):
    rng = np.random.default_rng(0)
    n = 120
    group = rng.integers(0, 6, n)
    y = (rng.random(n) < 0.1 + 0.08 * group).astype(int)  # folds of whole groups have shares of their own
    X = pd.DataFrame({"x": rng.normal(size=n) + y})
    split = Split(0, 0, np.arange(100), np.arange(100, n))
    drawn = Task("groups", X, y, "classification", (split,), ("a", "b"), groups=group)
    settings = Settings(inner=3)
    rows = rows_of(drawn, split, settings)
    found = out_of_fold.predict(rows, Fit(target_of(drawn), "logistic", name), settings).meta["effective_class_weights"]
    fit_rows = {"all": split.train, **{str(k): fit_rows for k, (fit_rows, _) in enumerate(rows.inner)}}
    counts = {part: np.bincount(y[fit_rows]) for part, fit_rows in fit_rows.items()}
    assert len({tuple(each / each.sum()) for each in counts.values()}) == 4
    assert found.keys() == counts.keys()
    for part, each in counts.items():
        np.testing.assert_allclose(found[part], each.sum() / (2 * each), rtol=1e-9)


def test_weights_that_nobody_knows_are_not_undone():
    board = board_split(class_task(60, shares=(0.8, 0.2)), ["rus-boost:rounds=3"], "forest:n_estimators=5")
    assert np.isnan(
        evaluate_method(board, "rus-boost:rounds=3", "forest:n_estimators=5").prediction.effective_class_weights
    ).all()
    with pytest.raises(out_of_fold.NotApplicableError, match="are not known"):
        evaluate_method(board, "rus-boost:rounds=3+prior-correction", "forest:n_estimators=5")


# what the tables say

SCHEMES = "none,balanced,smote,anyloss,balanced-forest,cost-matrix:costs=0 1;5 0,tuned-power"
STEPS = "smote+prior-correction,none+half-f1,anyloss+prior-correction,enn+prior-correction"


def cells_of(folder):
    """Return the cells of a run by learner and method."""
    table = read(folder / "cells.csv")
    return {(row.learner, row.method): row for row in table.itertuples()}


def run(bench, tmp_path, columns, learner, schemes, *more):
    table = write_table(tmp_path / "t.csv", columns)
    words = ("-t", f"file:{table}", "--target", "y", "--kind", "classification", "-b", "class-weight", "--inner", "2")
    done = bench("run", *words, "--folds", "1", "-l", learner, "-w", schemes, *more, "--results", tmp_path / "r")
    assert done.code == 0, done.err
    return cells_of(tmp_path / "r")


@pytest.mark.usefixtures("few_metrics")
def test_pairs_that_do_not_apply_are_skipped_with_their_reason(bench, tmp_path):
    cells = run(bench, tmp_path, class_columns(60), "logistic,knn", f"{SCHEMES},{STEPS}")
    skipped = {pair: cell.detail for pair, cell in cells.items() if cell.status == "skipped"}
    assert {cell.status for cell in cells.values()} == {"ok", "skipped"}
    no_weights = "learner knn takes no row weights"
    assert skipped["knn", "balanced"] == skipped["knn", "tuned-power+threshold"] == no_weights
    assert skipped["knn", "cost-matrix:costs=0 1;5 0"] == no_weights
    assert skipped["knn", "anyloss"] == "anyloss is written for logistic, mlp, not for knn"
    assert skipped["logistic", "balanced-forest"] == "balanced-forest is written for forest, not for logistic"
    for unknown in ("anyloss", "enn"):
        assert "chose rows by where they lie" in skipped["logistic", f"{unknown}+prior-correction"]
    for done in ("none", "smote", "smote+threshold", "smote+prior-correction", "none+half-f1"):
        assert (cells["knn", done].status, cells["logistic", done].status) == ("ok", "ok")


@pytest.mark.usefixtures("few_metrics")
def test_what_is_for_two_classes_or_for_classes_in_order_is_skipped_elsewhere(bench, tmp_path):
    cells = run(
        bench, tmp_path, class_columns(60, shares=(0.6, 0.3, 0.1)), "logistic,proportional-odds", "none,none+half-f1"
    )
    assert cells["logistic", "none+half-f1"].status == "skipped"
    assert "two classes" in cells["logistic", "none+half-f1"].detail
    assert cells["proportional-odds", "none"].detail.endswith("is for classes in order: give the order with --order")
    assert cells["logistic", "none+threshold"].status == "ok"  # multipliers, for any number of classes


def test_ordered_classes_have_learners_and_metrics_of_their_own(bench, tmp_path):
    columns = class_columns(60, shares=(0.5, 0.3, 0.2))
    cells = run(bench, tmp_path, columns, "proportional-odds", "none,balanced,smote", "--order", "c0,c1,c2")
    assert {cell.status for cell in cells.values()} == {"ok"}
    metrics = set(read(tmp_path / "r" / "scores.csv")["metric"])
    assert {"ma_mae", "rps", "quadratic_kappa"} <= metrics


@pytest.mark.usefixtures("few_metrics")
def test_what_a_scheme_had_to_change_is_told_in_the_cell(bench, tmp_path):
    columns = class_columns(63, shares=(0.7, 0.25, 0.05))  # three rows, two of them in the training part
    cells = run(bench, tmp_path, columns, "logistic", "smote,random-under,tuned-power,none")
    assert "k clamped to 1 for class c2" in cells["logistic", "smote"].detail
    assert cells["logistic", "smote+threshold"].detail == cells["logistic", "smote"].detail
    assert "rows a class left" in cells["logistic", "random-under"].detail
    assert cells["logistic", "tuned-power"].detail.startswith("power ")
    assert cells["logistic", "none"].detail == ""


@pytest.mark.slow
def test_workers_change_no_byte(pooled, tmp_path):
    table = write_table(tmp_path / "t.csv", class_columns(60, shares=(0.6, 0.3, 0.1)))
    learner = "logistic,forest:n_estimators=5"
    schemes = "none,smote,random-under,self-paced,rus-boost:rounds=5,balanced-forest,tuned-power,ldam,smote+platt"
    words = ("-t", f"file:{table}", "--target", "y", "-b", "class-weight", "-l", learner, "-w", schemes, "--inner", "2")
    folders = [tmp_path / f"jobs{jobs}" for jobs in (1, 2)]
    for jobs, folder in enumerate(folders, start=1):
        assert pooled("run", *words, "--folds", "1", "-j", jobs, "--results", folder).code == 0
    one, two = bytes_of(*folders)
    assert one == two


# what applies

HOOKS = {"plain", "row weights", "resample", "ensemble", "loss", "reweigh"}


def test_the_table_of_what_applies_is_what_the_harness_does(applicability):
    table = applicability
    assert table.index.tolist() == EVERY
    assert table.columns.tolist() == list(learners.registry.entries("class"))
    drawn = class_task(40, shares=(0.5, 0.3, 0.2))
    rows = rows_of(drawn, drawn.splits[0], Settings(inner=2))
    for name, learner in product(EVERY, table.columns):
        found = table.loc[name, learner]
        requested = (
            "cost-matrix:costs=0 1 1;1 0 1;9 9 0" if name == "cost-matrix" else name
        )  # without costs it weighs alike
        reasons = [
            why_not(rows, Fit(Target("class", drawn.classes, ordered), learner, requested), Settings())
            for ordered in (True, False)
        ]
        if reasons[0] is None:
            assert found.split(", ")[0] in HOOKS
            assert found.endswith(", ordered classes") == (reasons[1] is not None)
        elif found.endswith(", two classes"):
            assert "is for two classes, not for 3" in reasons[0]
        else:
            assert found in reasons[0]


FEW_MODELS = {
    "balanced-bagging": "balanced-bagging:models=2",
    "easy-ensemble": "easy-ensemble:models=2,rounds=2",
    "instance-hardness": "instance-hardness:folds=2,trees=2",
    "kmeans-smote": "kmeans-smote:clusters=2",
    "rus-boost": "rus-boost:rounds=2",
    "self-paced": "self-paced:models=2",
}
"""Training schemes with as few models as will do to see that a pair runs."""
FEW_TREES = {"extra-trees": "extra-trees:n_estimators=2", "forest": "forest:n_estimators=2", "mlp": "mlp:epochs=2"} | {
    "lightgbm": "lightgbm:n_estimators=2",
    "presto": "presto:penalty=0.1",
}


@pytest.fixture(scope="module")
def applicability():
    return catalog.applicability().set_index("name")


@pytest.mark.parametrize(
    "training", [*(name for name in EVERY if name not in class_weights.registry.own()), "balanced"]
)
def test_every_pair_that_applies_by_the_table_runs(training, applicability):
    """On two ordered classes: a pair with a hook fits and predicts; `balanced` stands for all weightings."""
    drawn = class_task(80, shares=(0.7, 0.3), folds=0)
    table = applicability.loc[training]
    scheme = trainings.registry.scheme(FEW_MODELS.get(training, training))
    for learner in (name for name in table.index if table[name].split(", ")[0] in HOOKS):
        model = learners.learner_scheme(FEW_TREES.get(learner, learner))
        context = FitContext(
            X=drawn.X,
            y=drawn.y,
            weight=None,
            target=Target("class", drawn.classes, ordered=True),
            learner=model,
            encoder=encoders.encoder(model.options.encoding).fit(drawn.X),
            seed=0,
            cut=lambda folds: [
                (np.flatnonzero(np.arange(80) % folds != k), np.arange(k, 80, folds)) for k in range(folds)
            ],
        )
        p = trainings.fit_training(context, scheme, None).predict(drawn.X)
        assert p.shape == (80, 2), learner
        np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6, err_msg=learner)


def test_the_table_names_hook_or_reason(applicability):
    table = applicability
    assert table.loc["none", "knn"] == "plain"
    assert table.loc["balanced", "logistic"] == "row weights"
    assert table.loc["balanced", "knn"] == table.loc["cost-matrix", "knn"] == "takes no row weights"
    assert table.loc["smote", "knn"] == "resample"
    assert table.loc["anyloss", "lightgbm"] == "written for logistic, mlp"
    assert table.loc["balanced", "presto"] == "row weights, ordered classes"


def test_what_applies_can_be_listed(bench):
    done = bench("list", "applicability", "--format", "csv")
    assert done.code == 0
    assert done.out.splitlines()[1].startswith("adasyn,resample")


# nothing of the test rows


@pytest.mark.slow
@pytest.mark.usefixtures("plain_inner_folds")
@pytest.mark.parametrize("name", EVERY)
def test_no_training_scheme_sees_what_it_must_not(name):
    drawn = leak_task(kind="classification")
    if trainings.registry.entries("fit")[name].options.binary:
        drawn = replace(drawn, y=np.minimum(drawn.y, 1), classes=("a", "b"))
    assert leaks(drawn, learner_for(name), Settings(seed=3, inner=2), name, "class") == []


@pytest.mark.usefixtures("plain_inner_folds")
@pytest.mark.parametrize("protocol", [settings for settings in PROTOCOLS if settings.protocol != "refit"])
def test_no_resampling_sees_what_it_must_not_under_any_protocol(protocol):
    assert leaks(leak_task(kind="classification"), "knn", protocol, "smote", "class") == []


def before_the_split(monkeypatch):
    """Let every scheme draw from all the rows of the task, as one that resamples before the split would."""
    honest = out_of_fold._ModelFitter._context

    def leaky(fitter, part, fit_rows):
        return honest(fitter, part, np.arange(len(fitter.rows.task.y)))

    monkeypatch.setattr(out_of_fold._ModelFitter, "_context", leaky)


@pytest.mark.usefixtures("plain_inner_folds")
@pytest.mark.parametrize("name", ["smote", "random-over", "random-under", "self-paced"])
def test_a_scheme_that_draws_before_the_split_is_caught(name, monkeypatch):
    before_the_split(monkeypatch)
    found = leaks(leak_task(kind="classification"), "logistic", Settings(seed=3, inner=2), name, "class")
    assert found == ["out of fold, test rows", "test, test rows", "out of fold, rows of the fold"]


class ClassMemory:
    """Know the class of every row that it was fitted on, and hold all classes alike for others."""

    def __init__(self, target, seed):
        self.width = target.width

    def fit(self, X, y, weight):
        self.known = dict(zip((row.tobytes() for row in np.asarray(X, dtype=float)), y, strict=True))

    def predict(self, X):
        known = [self.known.get(row.tobytes()) for row in np.asarray(X, dtype=float)]
        alike = np.full(self.width, 1 / self.width)
        return np.array([alike if k is None else np.eye(self.width)[k] for k in known])


def test_copies_of_test_rows_teach_only_where_rows_are_copied_before_the_split(planted, monkeypatch):
    planted("learner", "class-memory", ClassMemory, encoding="native", weights=True)
    drawn = class_task(60, shares=(0.8, 0.2))
    honest = board_split(drawn, ["random-over"], "class-memory").split_data.stored[FitId("class-memory", "random-over")]
    np.testing.assert_allclose(np.concatenate([honest.oof, honest.test]), 0.5)
    before_the_split(monkeypatch)
    leaky = board_split(drawn, ["random-over"], "class-memory").split_data.stored[FitId("class-memory", "random-over")]
    assert leaky.test.max() > 0.99


# classes that are few or absent


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_MANY_CLASSES)
def test_a_minority_of_two_rows_and_a_class_that_training_lacks_are_borne(name):
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1, 2, 3], [50, 12, 4, 1])
    X = pd.DataFrame({"a": rng.normal(size=len(y)) + y, "b": rng.normal(size=len(y))})
    test = np.r_[0:10, 50:54, 62:64, 66]  # two rows of class 2 are fitted on, none of class 3
    split = Split(0, 0, np.setdiff1d(np.arange(len(y)), test), test)
    drawn = Task("few", X, y, "classification", (split,), tuple("abcd"))
    learner = learner_for(name)
    board = board_split(drawn, [name], learner, Settings(inner=2))
    found = scores(board, name, learner)
    assert found["g_mean"] == 0  # class d cannot be found
    known = ("macro_f1", "entropy_f1", "dodrans_f1", "balanced_accuracy", "log_loss", "brier", "mcc")
    assert [metric for metric in known if found[metric] is None or not math.isfinite(found[metric])] == []


@pytest.mark.parametrize("learner", ["knn", "logistic"])
def test_many_classes_of_one_row_are_no_reason_to_warn(learner):
    """Scikit-learn takes such a target for numbers, and says so; here warnings are errors."""
    width = 25
    y = np.r_[np.repeat(np.arange(width), 3), 0]
    X = pd.DataFrame({"a": y + np.linspace(0, 0.2, len(y))})
    test = np.arange(0, 3 * width, 3)
    split = Split(0, 0, np.setdiff1d(np.arange(len(y)), test), test)
    drawn = Task("many", X, y, "classification", (split,), tuple(f"c{k}" for k in range(width)))
    board = board_split(drawn, ["random-under"], learner, Settings(inner=2))
    assert "rows a class left" in evaluate_method(board, "random-under", learner).note


def test_a_class_that_the_test_rows_lack_is_no_zero():
    y = np.repeat([0, 1, 2], [40, 20, 6])
    rng = np.random.default_rng(2)
    X = pd.DataFrame({"a": 5.0 * y + 0.1 * rng.normal(size=len(y))})
    test = np.r_[0:10, 40:45]
    split = Split(0, 0, np.setdiff1d(np.arange(len(y)), test), test)
    board = board_split(Task("lack", X, y, "classification", (split,), tuple("abc")), ["balanced"])
    found = scores(board, "balanced")
    for metric in ("g_mean", "macro_f1", "entropy_f1", "balanced_accuracy"):
        np.testing.assert_allclose(found[metric], 1.0, err_msg=metric)


# weights and the learner


def spied(monkeypatch):
    """Return the row weights that models are fitted with, as they come."""
    seen = []
    fit_rows = FitContext.fit

    def spy(self, X=None, y=None, weight=None, part=None):
        seen.append(((self.y if y is None else y).copy(), weight))
        return fit_rows(self, X, y, weight, part)

    monkeypatch.setattr(FitContext, "fit", spy)
    return seen


def test_class_weights_and_row_weights_multiply(monkeypatch):
    rng = np.random.default_rng(0)
    drawn = class_task(60, shares=(0.8, 0.2), weight=rng.uniform(0.2, 3, 60))
    seen = spied(monkeypatch)
    board_split(drawn, ["balanced"])
    y, weight = seen[-1]
    own = drawn.weight[drawn.splits[0].train]
    sums = np.bincount(y, weights=own)
    expected = own / sums[y]
    np.testing.assert_allclose(weight / weight.mean(), expected / expected.mean(), rtol=1e-9)
    np.testing.assert_allclose(np.bincount(y, weights=weight), weight.sum() / 2)


@pytest.mark.parametrize("name", ["balanced", "inverse-power", "effective-number", "capped", "log-inverse"])
def test_weights_leave_the_strength_of_the_penalty_alone(name, monkeypatch):
    """Weights of mean one: Σ_i w_i is the number of rows, and C of `logistic` means what it meant."""
    seen = spied(monkeypatch)
    board_split(class_task(90, shares=(0.9, 0.1)), [name])
    assert len(seen) == 4
    for y, weight in seen:
        np.testing.assert_allclose(weight.sum(), len(y))


def test_early_stopping_inside_a_learner_hears_the_weights(planted):
    """The part that an estimator holds out to stop by is its own affair; a weighting must still move the answer."""
    from sklearn.ensemble import HistGradientBoostingClassifier as Boosting

    def stopping(target, seed):
        make = partial(Boosting, early_stopping=True, max_iter=20, min_samples_leaf=5, random_state=seed)
        return ClassModel(lambda _: make(), target.width)

    learner = "stopping"
    planted("learner", learner, stopping, encoding="ordinal", weights=True)
    drawn = class_task(150, shares=(0.85, 0.15))
    board = board_split(drawn, ["none", "balanced"], learner, Settings(inner=2))
    plain, balanced = (
        said_by(evaluate_method(board, name, learner).prediction)[:, 1].mean() for name in ("none", "balanced")
    )
    assert balanced > plain + 0.05
    again = evaluate_method(
        board_split(drawn, ["balanced"], learner, Settings(inner=2)), "balanced", learner
    ).prediction
    np.testing.assert_allclose(
        said_by(again), said_by(evaluate_method(board, "balanced", learner).prediction), rtol=0, atol=0
    )


@pytest.mark.parametrize("name", ["none", "balanced"])
def test_answers_are_those_of_a_pipeline_of_scikit_learn(name):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    drawn = class_task(120, d=4, shares=(0.6, 0.3, 0.1))
    for k, split in enumerate(drawn.splits):
        board = board_split(drawn, [name], split=k)
        found = said_by(evaluate_method(board, name, "logistic").prediction)
        weight = "balanced" if name == "balanced" else None
        peer = make_pipeline(StandardScaler(), LogisticRegression(class_weight=weight, tol=1e-8, max_iter=5000))
        peer.fit(drawn.X.iloc[split.train], drawn.y[split.train])
        np.testing.assert_allclose(found, peer.predict_proba(drawn.X.iloc[split.test]), atol=2e-4)


# well-specified data, through the harness


@pytest.fixture(scope="module")
def simulated():
    """A logistic model with few positives is true: nothing is gained by weights but a moved intercept."""
    rng = np.random.default_rng(0)
    n = 40_000
    X = rng.normal(size=(n, 4))
    y = (rng.uniform(size=n) < 1 / (1 + np.exp(4.2 - X @ [1.0, -0.7, 0.5, 0.3]))).astype(int)
    split = Split(0, 0, np.arange(n // 2), np.arange(n // 2, n))
    frame = pd.DataFrame(X, columns=list("abcd"))
    drawn = Task("simulated", frame, y, "classification", (split,), ("no", "yes"))
    return board_split(drawn, ["none", "balanced", "random-over", "random-under"], "logistic:C=1000", Settings(inner=2))


def logits(board, name):
    p = said_by(evaluate_method(board, name, "logistic:C=1000").prediction)
    return np.log(p[:, 1] / p[:, 0])


@pytest.mark.parametrize("name", ["balanced", "random-over"])
def test_balancing_shifts_the_intercept_by_the_log_odds_of_the_classes(simulated, name):
    positives = simulated.split_data.task.y[simulated.split_data.train].mean()
    shift = logits(simulated, name) - logits(simulated, "none")
    np.testing.assert_allclose(shift.mean(), np.log((1 - positives) / positives), atol=0.1)
    assert np.corrcoef(logits(simulated, name), logits(simulated, "none"))[0, 1] > 0.998


def test_prior_correction_restores_the_log_loss_to_four_digits(simulated):
    learner = "logistic:C=1000"
    plain, balanced, back = (
        scores(simulated, name, learner) for name in ("none", "balanced", "balanced+prior-correction")
    )
    for metric in ("log_loss", "brier"):
        np.testing.assert_allclose(back[metric], plain[metric], rtol=0, atol=1e-4)
        assert balanced[metric] > 3 * plain[metric]
    assert balanced["calibration_in_large"] > 0.3
    assert balanced["classwise_ece"] > 0.3 > 40 * max(plain["classwise_ece"], back["classwise_ece"])
    assert max(abs(each["calibration_in_large"]) for each in (plain, back)) < 0.005
    for metric in ("auroc", "macro_auprc"):
        np.testing.assert_allclose(balanced[metric], back[metric], rtol=1e-9)
        np.testing.assert_allclose(balanced[metric], plain[metric], rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", ["random-over", "random-under"])
def test_prior_correction_undoes_resampling_too(simulated, name):
    learner = "logistic:C=1000"
    plain, back = (scores(simulated, each, learner) for each in ("none", f"{name}+prior-correction"))
    np.testing.assert_allclose(back["log_loss"], plain["log_loss"], rtol=0, atol=1e-3)


def test_the_gain_is_that_of_the_threshold_where_the_model_is_true(simulated):
    learner = "logistic:C=1000"
    rows = [
        {"board": "class-weight", "task_id": "simulated", "repeat": 0, "fold": 0, "learner": learner, "method": name}
        | {"metric": "macro_f1", "direction": "max", "value": scores(simulated, name, learner)["macro_f1"]}
        for base in ("none", "balanced")
        for name in (base, f"{base}+threshold")
    ]
    table = leaderboard(pd.DataFrame(rows)).set_index("method")
    assert abs(table.loc["balanced", "training_gain"]) < 0.01
    assert table.loc["none", "threshold_gain"] > 0.05
    assert table.loc["none", "training_gain"] == 0
