"""Metrics of classes beside the F1 family: peers as oracles, naive loops, known traps, and the tuned class weights."""

# ruff: noqa: PD011 - the values are those of predictions, not of data frames

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.predictions import FOUR, ORDERED, ORDINAL, TWO, golden, labelled, rows, sample, value
from sklearn.metrics import average_precision_score, roc_auc_score

from bench.core.nouns import BenchError, Prediction, Target, clip_probabilities
from bench.methods import metrics, trainings
from bench.methods.class_weights import fit_weights, registry
from bench.methods.learners import learner_scheme
from bench.methods.metrics.confusion import Counts, counts
from bench.methods.metrics.f1 import f1_average
from bench.methods.metrics.per_class import per_class
from bench.methods.trainings import FitContext, tuned_power
from bench.tasks import encoders

law = settings(derandomize=True, deadline=None, max_examples=20)
seeds = st.integers(0, 10**6)


# --- labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [TWO, FOUR])
@law
@given(seed=seeds, weighted=st.booleans())
def test_label_metrics_are_those_of_peers(target, seed, weighted):
    from imblearn.metrics import geometric_mean_score, make_index_balanced_accuracy, specificity_score
    from sklearn import metrics as sk

    y, prediction = sample(target, seed, n=200, weighted=weighted)
    predictions, weight = prediction.labels, prediction.weight

    def of_imblearn(score):
        each = score(y, predictions, average=None, sample_weight=weight)
        return each[1] if target is TWO else each.mean()

    def f_beta(beta):
        each = sk.fbeta_score(y, predictions, beta=beta, average=None, sample_weight=weight)
        return each[1] if target is TWO else each.mean()

    for name, expected in {
        "f2": f_beta(2),
        "f_half": f_beta(0.5),
        "sensitivity": of_imblearn(sk.recall_score),
        "specificity": of_imblearn(specificity_score),
        "index_balanced_accuracy": of_imblearn(make_index_balanced_accuracy(alpha=0.1)(geometric_mean_score)),
        "kappa": sk.cohen_kappa_score(y, predictions, sample_weight=weight),
        "balanced_accuracy_adjusted": sk.balanced_accuracy_score(y, predictions, sample_weight=weight, adjusted=True),
        "g_mean": geometric_mean_score(y, predictions, sample_weight=weight, average="multiclass"),
    }.items():
        np.testing.assert_allclose(value(name, y, prediction), expected, rtol=1e-9, atol=1e-12)


@law
@given(seed=seeds, weighted=st.booleans())
def test_ordinal_metrics_are_those_of_peers(seed, weighted):
    from imblearn.metrics import macro_averaged_mean_absolute_error
    from sklearn import metrics as sk

    y, prediction = sample(ORDERED, seed, n=100, weighted=weighted)
    predictions, weight = prediction.labels, prediction.weight
    for name, expected in {
        "ordinal_mae": sk.mean_absolute_error(y, predictions, sample_weight=weight),
        "ma_mae": macro_averaged_mean_absolute_error(y, predictions, sample_weight=weight),
        "quadratic_kappa": sk.cohen_kappa_score(y, predictions, weights="quadratic", sample_weight=weight),
    }.items():
        np.testing.assert_allclose(value(name, y, prediction), expected, rtol=1e-9, atol=1e-12)


@law
@given(seed=seeds, weighted=st.booleans())
def test_rps_is_the_mean_brier_score_of_being_at_most_a_class(seed, weighted):
    y, prediction = sample(ORDERED, seed, weighted=weighted)
    each = [np.square(prediction.values[:, : k + 1].sum(axis=1) - (y <= k)) for k in range(3)]
    expected = np.average(np.mean(each, axis=0), weights=prediction.weight)
    np.testing.assert_allclose(value("rps", y, prediction), expected, rtol=1e-9)
    p, other = np.random.default_rng(seed).dirichlet(np.ones(4), 2)
    predictions, false = (
        value("rps", np.arange(4), Prediction(ORDERED, np.tile(q, (4, 1)), weight=p)) for q in (p, other)
    )
    assert predictions <= false + 1e-12


def test_far_misses_cost_more_where_classes_are_ordered():
    y = np.array([0, 1, 2, 3])
    near, far = np.array([1, 1, 2, 3]), np.array([3, 1, 2, 3])
    assert value("ordinal_mae", *labelled(ORDERED, y, near)) == 0.25
    assert value("ordinal_mae", *labelled(ORDERED, y, far)) == 0.75
    assert value("quadratic_kappa", *labelled(ORDERED, y, near)) > value("quadratic_kappa", *labelled(ORDERED, y, far))
    assert value("rps", *labelled(ORDERED, y, far)) == 0.25


@pytest.mark.parametrize("name", sorted(ORDINAL))
def test_classes_without_order_have_no_ordinal_metric(name):
    y, prediction = sample(FOUR, 0)
    assert math.isnan(value(name, y, prediction))
    ordered = replace(prediction, target=replace(FOUR, ordered=True))
    assert not math.isnan(value(name, y, ordered))
    back = replace(ordered, values=prediction.values[:, ::-1])
    np.testing.assert_allclose(value(name, 3 - y, back), value(name, y, ordered), rtol=1e-12)


def test_ma_mae_takes_the_classes_of_the_truth():
    y, predictions = np.array([0, 0, 0, 3]), np.array([0, 0, 1, 0])
    np.testing.assert_allclose(value("ma_mae", *labelled(ORDERED, y, predictions)), (1 / 3 + 3) / 2)
    weight = np.array([1.0, 1, 0, 2])
    np.testing.assert_allclose(value("ma_mae", *labelled(ORDERED, y, predictions, weight)), 1.5)
    without = np.array([1.0, 1, 1, 0])
    np.testing.assert_allclose(value("ma_mae", *labelled(ORDERED, y, predictions, without)), 1 / 3)


def test_f_beta_takes_the_positive_of_two_classes_and_the_mean_of_more():
    y, predictions = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 1, 0])
    np.testing.assert_allclose(value("f2", *labelled(TWO, y, predictions)), 5 / (4 * 2 + 3))
    np.testing.assert_allclose(value("f_half", *labelled(TWO, y, predictions)), 5 / (2 + 4 * 3))
    three = Target("class", ("a", "b", "c"))
    np.testing.assert_allclose(value("f2", *labelled(three, y, predictions)), (5 / (4 * 3 + 2) + 5 / (4 * 2 + 3)) / 2)
    assert math.isnan(value("f2", *labelled(TWO, np.zeros(3, dtype=int), np.array([0, 1, 0]))))


def test_the_f_of_beta_one_is_f1():
    y, predicted = golden()
    table = counts(y, predicted, FOUR)
    np.testing.assert_array_equal(table.f_beta(1), table.f1)
    np.testing.assert_allclose(table.f_beta(1e-6), table.precision, rtol=1e-9)
    np.testing.assert_allclose(table.f_beta(1e6), table.recall, rtol=1e-9)


@pytest.mark.parametrize(
    "name", ["mcc", "kappa", "f2", "f_half", "g_mean", "balanced_accuracy", "balanced_accuracy_adjusted", "sqrt_f1"]
)
def test_a_threshold_can_be_tuned_for_every_formula_on_counts(name):
    """The formula takes a stack of decisions, and the sweep finds the best of all cuts."""
    from bench.methods.postprocess import registry as steps

    formula = metrics.registry.entries("class")[name.replace("_", "-")].options.counts
    rng = np.random.default_rng(2)
    y = (rng.random(40) < 0.3).astype(int)
    p = np.clip(0.25 * y + 0.6 * rng.random(40), 0.01, 0.99)
    prediction = Prediction(TWO, np.column_stack([1 - p, p]))
    cuts = [0, *np.sort(p), 1]
    tables = [counts(y, (p > cut).astype(int), TWO) for cut in cuts]
    stack = Counts(TWO, np.stack([t.hit for t in tables]), tables[0].true, np.stack([t.predicted for t in tables]))
    values = formula(stack)
    np.testing.assert_allclose(values, [formula(table) for table in tables])
    tuned = steps.scheme(f"threshold:metric={name}")(prediction, y, rng)(prediction)
    np.testing.assert_allclose(value(name, y, tuned), np.nanmax(values))


# --- probabilities --------------------------------------------------------------------------------


def by_class(y, weight, measure):
    """Return a measure of the rows of each class that has any."""
    return [measure(y == k) for k in range(4) if weight[y == k].sum() > 0]


@law
@given(seed=seeds, weighted=st.booleans())
def test_balanced_scores_are_means_of_class_means(seed, weighted):
    y, prediction = sample(FOUR, seed, weighted=weighted)
    p, weight = prediction.values, np.ones(len(y)) if prediction.weight is None else prediction.weight
    loss = -np.log(p[np.arange(len(y)), y])
    square = np.square(p - np.eye(4)[y]).sum(axis=1)
    for name, of_row in {"balanced_log_loss": loss, "stratified_brier": square}.items():
        each = by_class(y, weight, lambda k, of_row=of_row: np.average(of_row[k], weights=weight[k]))
        np.testing.assert_allclose(value(name, y, prediction), np.mean(each), rtol=1e-9)


def test_balanced_scores_are_not_proper_for_the_shares_there_are():
    y, p = np.array([0, 1]), np.array([0.9, 0.1])
    honest, even = (Prediction(TWO, np.tile(q, (2, 1)), weight=p) for q in (p, np.array([0.5, 0.5])))
    for balanced, plain in (("balanced_log_loss", "log_loss"), ("stratified_brier", "brier")):
        assert value(balanced, y, even) < value(balanced, y, honest)
        assert value(plain, y, even) > value(plain, y, honest)
        entries = metrics.registry.entries("class")
        assert not entries[balanced.replace("_", "-")].options.proper


@law
@given(seed=seeds, weighted=st.booleans(), coarse=st.booleans())
def test_auroc_ovo_is_that_of_sklearn_and_hand_and_till(seed, weighted, coarse):
    from sklearn.metrics import roc_auc_score

    y, prediction = sample(FOUR, seed, n=60, weighted=weighted, coarse=coarse)
    weight = np.ones(60) if prediction.weight is None else prediction.weight
    areas = []
    for i, j in itertools.permutations(np.unique(y[weight > 0]), 2):
        two = (y == i) | (y == j)
        areas.append(roc_auc_score(y[two] == i, prediction.values[two, i], sample_weight=weight[two]))
    np.testing.assert_allclose(value("auroc_ovo", y, prediction), np.mean(areas), rtol=1e-9)
    if not weighted and len(np.unique(y)) == 4:
        theirs = roc_auc_score(y, prediction.values, multi_class="ovo")
        np.testing.assert_allclose(value("auroc_ovo", y, prediction), theirs, rtol=1e-9)


@law
@given(seed=seeds, weighted=st.booleans())
def test_auroc_ovo_of_two_classes_is_auroc(seed, weighted):
    y, prediction = sample(TWO, seed, weighted=weighted)
    np.testing.assert_allclose(value("auroc_ovo", y, prediction), value("auroc", y, prediction), rtol=1e-9)


def test_auroc_ovo_does_not_depend_on_the_shares():
    y, prediction = sample(FOUR, 5, n=200)
    more = np.concatenate([np.arange(200), np.repeat(np.flatnonzero(y == 0), 4)])
    np.testing.assert_allclose(
        value("auroc_ovo", *rows(y, prediction, more)), value("auroc_ovo", y, prediction), rtol=1e-9
    )
    assert abs(value("auroc", *rows(y, prediction, more)) - value("auroc", y, prediction)) > 1e-4


@pytest.mark.parametrize("weighted", [False, True])
def test_the_baseline_of_auprc_is_the_prevalence(weighted):
    y, prediction = sample(FOUR, 3, weighted=weighted)
    flat = replace(prediction, values=np.full((len(y), 4), 0.25))
    np.testing.assert_allclose(value("macro_auprc", y, flat), 0.25)  # the mean of four prevalences
    np.testing.assert_allclose(value("auprc_lift", y, flat), 1)
    share = np.bincount(y, weights=prediction.weight, minlength=4) / (
        len(y) if not weighted else prediction.weight.sum()
    )
    best = replace(prediction, values=np.eye(4)[y])
    np.testing.assert_allclose(value("auprc_lift", y, best), np.mean(1 / share))


def test_a_random_ranking_has_an_average_precision_of_about_the_prevalence():
    rng = np.random.default_rng(0)
    y = (rng.random(20_000) < 0.05).astype(int)
    p = rng.random(20_000)
    table = per_class(TWO, y, Prediction(TWO, np.column_stack([1 - p, p])))
    np.testing.assert_allclose(table["auprc"], [0.95, 0.05], atol=0.01)
    np.testing.assert_allclose(table["auroc"], 0.5, atol=0.02)


def test_auprc_of_a_class_without_rows_is_left_out():
    y, prediction = sample(FOUR, 1)
    some = np.flatnonzero(y != 2)
    y, prediction = rows(y, prediction, some)
    from sklearn.metrics import average_precision_score

    each = [average_precision_score(y == k, prediction.values[:, k]) for k in (0, 1, 3)]
    np.testing.assert_allclose(value("macro_auprc", y, prediction), np.mean(each), rtol=1e-9)
    lift = [score / np.mean(y == k) for score, k in zip(each, (0, 1, 3), strict=True)]
    np.testing.assert_allclose(value("auprc_lift", y, prediction), np.mean(lift), rtol=1e-9)


# --- calibration ----------------------------------------------------------------------------------


def test_classwise_ece_is_the_mean_over_bins_of_equal_size():
    rng = np.random.default_rng(4)
    p = rng.uniform(0, 1, 300)
    y = (rng.random(300) < p**2).astype(int)
    prediction = Prediction(TWO, np.column_stack([1 - p, p]))
    order = np.argsort(p)
    bins = np.split((y == 1)[order] - p[order], 15)
    expected = np.mean([abs(part.mean()) for part in bins])
    np.testing.assert_allclose(value("classwise_ece", y, prediction), expected)  # both classes have the same gaps


def test_classwise_ece_takes_the_classes_of_the_truth():
    prediction = Prediction(FOUR, np.tile([0.5, 0.3, 0.2, 0.0], (10, 1)))
    y = np.repeat([0, 1], [6, 4])
    np.testing.assert_allclose(value("classwise_ece", y, prediction), (0.1 + 0.1) / 2)


def test_calibration_in_large_shows_class_weights_by_its_sign():
    """The emphasis w = 1 : 9 on a rare class turns p into 9 p / (1 + 8 p)."""
    rng = np.random.default_rng(1)
    p = rng.beta(1, 9, 4000)
    y = (rng.random(4000) < p).astype(int)
    weighted = 9 * p / (1 + 8 * p)
    plain, shifted = (Prediction(TWO, np.column_stack([1 - q, q])) for q in (p, weighted))
    assert abs(value("calibration_in_large", y, plain)) < 0.01
    np.testing.assert_allclose(value("calibration_in_large", y, shifted), weighted.mean() - y.mean())
    assert value("calibration_in_large", y, shifted) > 0.25
    metric = metrics.get_metric(TWO, "calibration_in_large")
    assert metric.badness(-0.2) == metric.badness(0.2) == 0.2


def test_calibration_in_large_of_the_positive_class_or_of_all():
    prediction = Prediction(replace(TWO, positive=0), np.tile([0.3, 0.7], (5, 1)))
    np.testing.assert_allclose(value("calibration_in_large", np.array([0, 0, 1, 1, 1]), prediction), 0.3 - 0.4)
    np.testing.assert_allclose(value("calibration_in_large", np.array([0, 0, 0, 1, 1]), prediction), 0.3 - 0.6)
    four = Prediction(FOUR, np.tile([0.4, 0.3, 0.2, 0.1], (5, 1)))
    np.testing.assert_allclose(value("calibration_in_large", np.array([0, 0, 1, 1, 1]), four), (0.0 + 0.3) / 2)


# --- the positive class ---------------------------------------------------------------------------


@law
@given(seed=seeds, weighted=st.booleans(), coarse=st.booleans(), rate=st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_recall_at_fpr_is_read_off_the_roc_curve(seed, weighted, coarse, rate):
    from sklearn.metrics import roc_curve

    y, prediction = sample(TWO, seed, n=80, weighted=weighted, coarse=coarse)
    fpr, tpr, _ = roc_curve(y, prediction.values[:, 1], sample_weight=prediction.weight, drop_intermediate=False)
    found = metrics.get_metric(TWO, f"recall_at_fpr:rate={rate}").function(TWO, y, prediction)
    np.testing.assert_allclose(found, tpr[fpr <= rate + 1e-9].max(), rtol=1e-9)


def test_the_average_precision_of_a_random_ranking_is_the_share_of_the_positive_class():
    y = (np.arange(40) < 4).astype(int)
    flat = Prediction(TWO, np.full((40, 2), 0.5))
    np.testing.assert_allclose(value("average_precision", y, flat), 0.1)
    other = replace(flat, target=replace(TWO, positive=0))
    np.testing.assert_allclose(value("average_precision", y, other), 0.9)


@pytest.mark.parametrize("costs", ["", "5", "2 3", "1 6; 9 0", "0.5 1; 2 -1"])
def test_expected_cost_is_the_mean_over_rows_of_what_a_decision_costs(costs):
    y, prediction = sample(TWO, 3, weighted=True)
    C = {"": [[0, 1], [1, 0]], "5": [[0, 1], [5, 0]], "2 3": [[0, 2], [3, 0]]}.get(costs)
    C = np.array(C or [row.split() for row in costs.split(";")], dtype=float)
    expected = np.average(C[y, prediction.labels], weights=prediction.weight)
    found = (
        metrics.get_metric(TWO, f"expected_cost:costs={costs}") if costs else metrics.get_metric(TWO, "expected_cost")
    )
    np.testing.assert_allclose(found.function(TWO, y, prediction), expected, rtol=1e-12)
    assert metrics.for_target(FOUR, ["expected_cost:costs=1 2"]) == {}


# --- traps ----------------------------------------------------------------------------------------


@law
@given(seed=seeds, weighted=st.booleans())
def test_the_accuracy_is_micro_f1(seed, weighted):
    y, prediction = sample(FOUR, seed, weighted=weighted)
    np.testing.assert_allclose(value("accuracy", y, prediction), value("micro_f1", y, prediction), rtol=1e-12)


def test_the_total_of_entropy_is_a_choice():
    y, predicted = golden()
    every, listed = (registry.scheme(f"entropy:total={total}") for total in ("all", "listed"))
    np.testing.assert_allclose(f1_average(y, predicted, every, labels=[1, 2, 3]), 0.6442, atol=5e-5)
    np.testing.assert_allclose(f1_average(y, predicted, listed, labels=[1, 2, 3]), 0.5854, atol=5e-5)
    own = f1_average(y, predicted, every, labels=[1, 2, 3], total=407 + 157 + 42)
    np.testing.assert_allclose(f1_average(y, predicted, listed, labels=[1, 2, 3]), own, rtol=1e-12)
    both = [f1_average(y, predicted, scheme) for scheme in (every, listed)]
    np.testing.assert_allclose(both, 0.70569, atol=5e-6)


@pytest.mark.parametrize("name", ["entropy", "entropy:total=listed", "macro", "weighted", "dodrans", "sqrt"])
def test_a_listed_class_without_rows_changes_nothing(name):
    y, predicted = golden()
    scheme = registry.scheme(name)
    found = f1_average(np.where(y == 3, 0, y), predicted, scheme, labels=[1, 2, 3])
    np.testing.assert_allclose(found, f1_average(np.where(y == 3, 0, y), predicted, scheme, labels=[1, 2]), rtol=1e-12)


def test_macro_f1_is_the_mean_of_f1_and_not_the_f1_of_means():
    y, predicted = golden()
    table = counts(y, predicted, FOUR)
    precision, recall = table.precision.mean(), table.recall.mean()
    np.testing.assert_allclose(value("macro_f1", *labelled(FOUR, y, predicted)), 0.6318, atol=5e-5)
    np.testing.assert_allclose(2 * precision * recall / (precision + recall), 0.6830, atol=5e-5)


def test_sqrt_f1_lies_between_macro_and_dodrans():
    y, predicted = golden()
    found = value("sqrt_f1", *labelled(FOUR, y, predicted))
    np.testing.assert_allclose(found, f1_average(y, predicted, registry.scheme("power:a=0.5")), rtol=1e-12)
    assert value("macro_f1", *labelled(FOUR, y, predicted)) < found < 0.77675


def test_g_mean_is_zero_as_soon_as_a_present_class_is_missed():
    y = np.array([0, 0, 1, 1, 2])
    assert value("g_mean", *labelled(FOUR, y, np.array([0, 0, 1, 1, 1]))) == 0
    assert value("g_mean", *labelled(FOUR, y[:4], np.array([0, 0, 1, 1]))) == 1  # class c is absent, and no matter


def test_one_class_in_the_truth_leaves_much_undefined():
    y, prediction = labelled(ORDERED, np.array([2, 2, 2]), np.array([2, 2, 0]))
    for name in ("auroc_ovo", "auprc_lift", "balanced_accuracy_adjusted", "entropy_f1"):
        assert math.isnan(value(name, y, prediction)), name
    assert value("kappa", y, prediction) == 0
    np.testing.assert_allclose(value("quadratic_kappa", y, prediction), 0, atol=1e-12)
    np.testing.assert_allclose(value("ma_mae", y, prediction), 2 / 3)
    y, agreed = labelled(ORDERED, np.array([2, 2]), np.array([2, 2]))
    assert math.isnan(value("kappa", y, agreed))
    assert math.isnan(value("quadratic_kappa", y, agreed))


# --- the exponent chosen inside the fit -----------------------------------------------------------


def context(*, n=240, weight=None, width=2, folds=None, learner="logistic"):
    rng = np.random.default_rng(7)
    y = np.sort(rng.choice(width, n, p=[0.88, 0.12] if width == 2 else [0.7, 0.25, 0.05]))
    X = pd.DataFrame({"a": y + rng.normal(size=n), "b": rng.normal(size=n)})
    scheme = learner_scheme(learner)
    encoder = encoders.encoder(scheme.options.encoding).fit(X)
    requested = []

    def cut(k):
        requested.append(k)
        fold = np.arange(n) % k if folds is None else folds
        return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in np.unique(fold)]

    target = Target("class", tuple("abc"[:width]))
    return FitContext(X, y, weight, target, scheme, encoder, 3, cut), requested


def fitted(table, name="tuned-power"):
    return trainings.registry.scheme(name)(table)


def fixed(table, power):
    """Return an exponent's out-of-fold predictions, fold by fold, and its class weights on all rows."""
    predictions = np.empty((len(table.y), table.target.width))
    for fit_rows, rest in table.cut(3):
        part = replace(table, X=table.X.iloc[fit_rows], y=table.y[fit_rows])
        w = fit_weights(registry.scheme(f"inverse-power:power={power}"), part.counts)
        predictions[rest] = part.fit(weight=w[part.y])(table.X.iloc[rest])
    return predictions, fit_weights(registry.scheme(f"inverse-power:power={power}"), table.counts)


@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy", "log_loss", "accuracy", "calibration_in_large"])
@pytest.mark.parametrize("width", [2, 3])
def test_the_chosen_exponent_is_the_best_of_the_grid(metric, width):
    table, requested = context(width=width)
    found = fitted(table, f"tuned-power:metric={metric}")
    assert requested == [3]
    measure = metrics.get_metric(table.target, metric)
    badness = []
    for power in tuned_power.POWERS:
        predictions, _ = fixed(table, power)
        prediction = Prediction(table.target, predictions)
        badness.append(measure.badness(measure.function(table.target, table.y, prediction)))
    best = tuned_power.POWERS[int(np.argmin(badness))]
    _, effective_class_weights = fixed(table, best)
    assert found.note == f"power {best:g}"
    np.testing.assert_allclose(found.effective_class_weights, effective_class_weights, rtol=1e-12)
    expected = table.fit(weight=effective_class_weights[table.y])(table.X)
    np.testing.assert_allclose(found.predict(table.X), expected, rtol=1e-9)


def test_a_proper_metric_and_balanced_accuracy_choose_apart():
    table, _ = context()
    by_loss = fitted(table, "tuned-power:metric=log_loss").effective_class_weights
    by_recall = fitted(table, "tuned-power:metric=balanced_accuracy").effective_class_weights
    assert by_recall[1] / by_recall[0] > by_loss[1] / by_loss[0]


@pytest.mark.parametrize("metric", ["rps", "auroc"])
def test_without_a_verdict_there_are_no_weights(metric):
    """An ordinal metric is undefined here; a fold with training rows of one class alone is worth nothing."""
    folds = None if metric == "rps" else np.zeros(240, dtype=int)
    table, _ = context(folds=folds)
    found = fitted(table, f"tuned-power:metric={metric}")
    np.testing.assert_allclose(found.effective_class_weights, [1, 1])
    assert found.note == "power 0"


def test_row_weights_reach_the_counts_the_fits_and_the_metric():
    weight = np.where(np.arange(240) % 3 == 0, 2.0, 0.5)
    table, _ = context(weight=weight)
    found = fitted(table, "tuned-power:metric=balanced_accuracy")
    power = float(found.note.removeprefix("power "))
    expected = fit_weights(registry.scheme(f"inverse-power:power={power}"), table.counts)
    np.testing.assert_allclose(found.effective_class_weights, expected, rtol=1e-12)
    row = weight * expected[table.y]
    np.testing.assert_allclose(found.predict(table.X), table.fit(weight=row / row.mean())(table.X), rtol=1e-9)


def test_a_metric_that_does_not_exist_is_refused():
    with pytest.raises(BenchError, match="metric 'rmse' does not exist for a class"):
        fitted(context()[0], "tuned-power:metric=rmse")


def test_tuned_power_is_not_in_the_core():
    assert "core" not in trainings.registry.entries()["tuned-power"].options.tags


@pytest.mark.parametrize("metric", ["auroc", "auroc_ovo", "macro_auprc", "auprc_lift"])
def test_ties_survive_the_raising_of_zeros(metric):
    """A row with a zero is scaled when that is raised: 0.3 must still tie with 0.3, as in the answer that was given."""
    rng = np.random.default_rng(0)
    raw = rng.multinomial(5, [0.4, 0.3, 0.2, 0.1], size=200) / 5
    y, target = rng.integers(0, 4, 200), Target("class", tuple("abcd"))
    raised, changed = clip_probabilities(raw)
    assert changed
    assert not np.array_equal(raised, raw)
    given_, seen = (value(metric, y, Prediction(target, values)) for values in (raw, raised))
    assert given_ == seen
    share = np.bincount(y, minlength=4) / len(y)
    average = [average_precision_score(y == k, raw[:, k]) for k in range(4)]
    expected = {
        "auroc": lambda: roc_auc_score(y, raw, multi_class="ovr"),
        "auroc_ovo": lambda: roc_auc_score(y, raw, multi_class="ovo"),
        "macro_auprc": lambda: np.mean(average),
        "auprc_lift": lambda: np.mean(average / share),
    }
    np.testing.assert_allclose(seen, expected[metric]())
