"""Metrics: oracles (scikit-learn, naive loops), golden vectors, and the laws of every registered metric."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.predictions import (
    FOUR,
    ORDERED,
    ORDINAL,
    POINT,
    QUANTILE,
    TWO,
    golden,
    labelled,
    listed,
    rows,
    sample,
    value,
)

from bench.core.nouns import BenchError, Prediction, Target
from bench.core.settings import DEFAULT_LEVELS
from bench.methods import class_weights
from bench.methods.metrics import for_target, get_metric, metric_info, register, registry
from bench.methods.metrics.confusion import counts
from bench.methods.metrics.f1 import f1_average, f1_pooled
from bench.methods.metrics.per_class import per_class

law = settings(derandomize=True, deadline=None, max_examples=20)
TARGETS = {"point": POINT, "quantile": QUANTILE, "two": TWO, "four": FOUR, "ordered": ORDERED}
METRICS = [(kind, m) for kind, target in TARGETS.items() for m in for_target(target).values()]
BEST = {"min": 0.0, "max": 1.0}
BINARY = {"binary_f1", "average_precision"}
UNDEFINED = {"two": ORDINAL, "four": ORDINAL | BINARY, "ordered": BINARY}
NO_BOUND = {"auprc_lift"}
OPTIMISED = [
    (kind, m.name) for kind, m in METRICS if m.direction in BEST and m.name not in UNDEFINED.get(kind, set()) | NO_BOUND
]
METRICS = [(kind, m.name) for kind, m in METRICS]
seeds = st.integers(0, 10**6)


# --- the list of metrics --------------------------------------------------------------------------


def test_the_names_that_tables_rely_on():
    assert set(for_target(POINT)) == {"rmse", "mae", "r2"}
    intervals = {f"{name}_{i}" for name in ("coverage", "width") for i in (50, 80, 90, 95)}
    assert set(for_target(QUANTILE)) >= {"wis", "mean_pinball", "crossing_rate"} | intervals
    f1 = {f"{name}_f1" for name in ("micro", "macro", "weighted", "dodrans", "sqrt", "entropy", "binary")}
    labels = f1 | {"accuracy", "balanced_accuracy", "balanced_accuracy_adjusted", "g_mean", "mcc", "kappa"}
    labels |= {"f2", "f_half", "ordinal_mae", "ma_mae", "quadratic_kappa"}
    scores = {"log_loss", "brier", "balanced_log_loss", "stratified_brier", "rps"}
    calibration = {"ece", "classwise_ece", "calibration_in_large"}
    ranking = {"auroc", "auroc_ovo", "macro_auprc", "average_precision", "auprc_lift"}
    assert set(for_target(TWO, ["core"])) == labels | scores | calibration | ranking
    labels |= {"sensitivity", "specificity", "index_balanced_accuracy", "expected_cost"}
    assert set(for_target(TWO)) == labels | scores | calibration | ranking | {"recall_at_fpr"}
    assert {m.name for m in for_target(FOUR).values() if m.label} == labels


def test_traits():
    every = {m.name: m for kind, target in TARGETS.items() if kind != "quantile" for m in for_target(target).values()}
    assert {name for name, m in every.items() if m.proper} == {"log_loss", "brier", "rps"}
    assert {name for name, m in every.items() if m.unit} == {"rmse", "mae", "ordinal_mae", "ma_mae"}
    assert {name for name, m in every.items() if m.direction == "target"} == {"calibration_in_large"}
    assert all(entry.summary for entry in registry.entries().values())


def test_traits_of_quantile_metrics():
    every = for_target(QUANTILE)
    assert {"wis", "mean_pinball"} <= {name for name, m in every.items() if m.proper}
    assert {"wis", "mean_pinball"} | {f"width_{i}" for i in (50, 80, 90, 95)} <= {n for n, m in every.items() if m.unit}
    goals = {name: m.goal for name, m in every.items() if name.startswith("coverage_")}
    assert goals == {"coverage_50": 0.5, "coverage_80": 0.8, "coverage_90": 0.9, "coverage_95": 0.95}
    assert {every[name].direction for name in goals} == {"target"}


def test_the_goal_is_the_exact_coverage_where_the_name_is_rounded():
    target = Target("quantile", (0.0125, 0.5, 0.9875))
    (metric,) = for_target(target, ["coverage_*"]).values()
    assert metric.goal == 0.975


def test_selection():
    assert list(for_target(FOUR, ["*_f1", "!micro_f1", "!binary_f1"])) == [
        "dodrans_f1",
        "entropy_f1",
        "macro_f1",
        "sqrt_f1",
        "weighted_f1",
    ]
    assert list(for_target(QUANTILE, ["wis,coverage_80", "rmse"])) == ["coverage_80", "wis"]
    assert for_target(POINT, ["wis", "coverage_77", "mcc"]) == {}
    assert for_target(POINT, ["all"]).keys() == for_target(POINT).keys() == for_target(POINT, []).keys()
    assert "mae" not in for_target(POINT, ["!mae"])


def test_other_names_and_tags():
    for other, name in {"f1": "binary_f1", "f0.5": "f_half", "auprc": "macro_auprc"}.items():
        assert list(for_target(TWO, [other])) == [name]
        assert get_metric(TWO, other).name == metric_info(other).name == name
    assert list(for_target(TWO, ["extended", "!recall_*"])) == [
        "expected_cost",
        "index_balanced_accuracy",
        "sensitivity",
        "specificity",
    ]
    assert "binary_f1" not in for_target(TWO, ["core", "!f1"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("micro_f1:with=a", "unknown parameter 'with=a'"),
        ("recall_at_fpr:rate=2", "'rate' of recall_at_fpr is 2.0"),
        ("recall_at_fpr:rate=a", "cannot be 'a'"),
        ("index_balanced_accuracy:alpha=2", "give a number from 0 to 1"),
        ("expected_cost:costs=0 1; 2", "costs of expected_cost cannot be"),
    ],
)
def test_a_parameter_that_cannot_be_is_refused_before_anything_is_scored(name, message):
    with pytest.raises(BenchError, match=message):
        for_target(TWO, [name])


@pytest.mark.parametrize("target", [POINT, QUANTILE, FOUR])
@pytest.mark.parametrize("name", ["macro_f2", "f1_*", "coverage_101", "!rsme"])
def test_a_name_of_no_metric_is_refused(target, name):
    with pytest.raises(BenchError, match=r"unknown metric"):
        for_target(target, [name])


def test_an_interval_that_the_levels_lack_is_refused_with_the_choice():
    with pytest.raises(BenchError, match=r"'coverage_77': did you mean coverage_"):
        for_target(QUANTILE, ["coverage_77"])


def test_a_new_metric_needs_a_direction():
    with pytest.raises(BenchError, match="`register` needs 'direction'"):
        register("point")(lambda target, y, prediction: 0.0)  # noqa: ARG005 - a metric of any other form is refused first


def test_no_weight_at_all_is_undefined():
    for kind, name in METRICS:
        y, prediction = sample(TARGETS[kind], 0)
        assert math.isnan(value(name, y, replace(prediction, weight=np.zeros(len(y)))))


# --- laws of every metric, with ties and with classes in order, which the examples of `bench.checks` do not have -----


@pytest.mark.parametrize("kind", TARGETS)
@law
@given(seed=seeds)
def test_rows_of_any_order_and_weights_of_any_unit_give_the_same_value(kind, seed):
    """The order of rows is irrelevant, an integer weight is that many rows, and only the ratios of weights matter."""
    y, prediction = sample(TARGETS[kind], seed, weighted=True, coarse=True)
    for array in (y, prediction.values, prediction.weight):
        array.flags.writeable = False
    copies, repeated = rows(y, prediction, np.repeat(np.arange(len(y)), prediction.weight.astype(int)))
    others = {
        "order": rows(y, prediction, np.random.default_rng(seed).permutation(len(y))),
        "copies": (copies, replace(repeated, weight=None)),
        "unit": (y, replace(prediction, weight=prediction.weight * 300)),
    }
    for name in listed(TARGETS[kind]):
        expected = value(name, y, prediction)
        for what, other in others.items():
            np.testing.assert_allclose(value(name, *other), expected, rtol=1e-9, atol=1e-12, err_msg=f"{name} {what}")


@pytest.mark.parametrize("kind", ["two", "four"])
@law
@given(seed=seeds, weighted=st.booleans(), coarse=st.booleans())
def test_the_names_of_classes_are_irrelevant(kind, seed, weighted, coarse):
    y, prediction = sample(TARGETS[kind], seed, weighted=weighted, coarse=coarse)
    codes = np.random.default_rng(seed).permutation(prediction.target.width)
    target = replace(prediction.target, positive=int(codes[prediction.target.positive]))
    renamed = replace(prediction, target=target, values=prediction.values[:, np.argsort(codes)])
    for name, metric in listed(TARGETS[kind]).items():
        if coarse and metric.label:  # where two classes tie, the first is decided on
            continue
        found = value(name, codes[y], renamed)
        np.testing.assert_allclose(found, value(name, y, prediction), rtol=1e-9, atol=1e-12, err_msg=name)


def truth(target, y):
    """Predict the truth for certain."""
    if target.kind == "class":
        return Prediction(target, np.eye(target.width)[y])
    return Prediction(target, np.repeat(y[:, None], target.width, axis=1))


@pytest.mark.parametrize(("kind", "name"), OPTIMISED)
def test_the_truth_is_the_optimum(kind, name):
    target = TARGETS[kind]
    y, prediction = sample(target, 0)
    direction, best = listed(target)[name].direction, value(name, y, truth(target, y))
    np.testing.assert_allclose(best, BEST[direction], atol=1e-12)
    sign = 1 if direction == "max" else -1
    assert sign * best >= sign * value(name, y, prediction) - 1e-12


@pytest.mark.parametrize("kind", ["two", "four", "ordered"])
def test_only_label_metrics_see_the_rule(kind):
    y, prediction = sample(TARGETS[kind], 1)
    y = np.roll(y, 1)  # a good prediction would have the best sensitivity or specificity by either rule
    ruled = replace(prediction, rule=np.arange(1.0, prediction.target.width + 1))
    assert (ruled.labels != prediction.labels).any()
    for name, metric in for_target(prediction.target).items():
        if name in UNDEFINED[kind]:
            assert math.isnan(value(name, y, ruled))
        else:
            assert (value(name, y, ruled) != value(name, y, prediction)) == metric.label


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
def test_any_integer_type_of_codes_will_do(dtype):
    wide = Target("class", tuple(range(30)))
    y, prediction = sample(wide, 0)
    for name in for_target(wide):
        np.testing.assert_array_equal(value(name, y.astype(dtype), prediction), value(name, y, prediction))


# --- point ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_point_metrics_are_those_of_sklearn(weighted):
    from sklearn import metrics as sk

    y, prediction = sample(POINT, 7, weighted=weighted)
    predictions, weight = prediction.values[:, 0], prediction.weight
    for name, oracle in {
        "rmse": sk.root_mean_squared_error,
        "mae": sk.mean_absolute_error,
        "r2": sk.r2_score,
    }.items():
        np.testing.assert_allclose(value(name, y, prediction), oracle(y, predictions, sample_weight=weight))


def test_r2_is_empty_where_y_is_constant():
    weight = np.array([0.1, 0.7, 0.3, 0.0])
    prediction = Prediction(POINT, np.arange(4.0)[:, None], weight=weight)
    assert math.isnan(value("r2", np.array([0.1, 0.1, 0.1, 5.0]), prediction))


# --- quantile -------------------------------------------------------------------------------------


def interval_score(y, lower, upper, alpha):
    outside = np.maximum(lower - y, 0) + np.maximum(y - upper, 0)
    return (upper - lower) + 2 / alpha * outside


@law
@given(seed=seeds, weighted=st.booleans())
def test_wis_is_that_of_bracher_with_the_median_counted_once(seed, weighted):
    y, prediction = sample(QUANTILE, seed, weighted=weighted)
    q, levels = prediction.values, np.array(DEFAULT_LEVELS)
    total = np.abs(y - q[:, 4]) / 2
    for j in range(4):
        total += levels[j] * interval_score(y, q[:, j], q[:, 8 - j], 2 * levels[j])
    expected = np.average(total / 4.5, weights=prediction.weight)
    np.testing.assert_allclose(value("wis", y, prediction), expected)
    np.testing.assert_allclose(value("mean_pinball", y, prediction), expected / 2)


def test_wis_sum_form():
    """2 Σ_τ ψ_τ = Σ_i (a_i (u - l) + 2 dist) + |y - median| = |levels| WIS, on 99 levels."""
    levels = tuple(np.arange(1, 100) / 100)
    y, prediction = sample(Target("quantile", levels), 5)
    q, total = prediction.values, np.abs(y - prediction.values[:, 49])
    for j in range(49):
        outside = np.maximum(q[:, j] - y, 0) + np.maximum(y - q[:, 98 - j], 0)
        total += 2 * levels[j] * (q[:, 98 - j] - q[:, j]) + 2 * outside
    np.testing.assert_allclose(99 * value("wis", y, prediction), total.mean())


@pytest.mark.parametrize("weighted", [False, True])
def test_mean_pinball_is_that_of_sklearn(weighted):
    from sklearn.metrics import mean_pinball_loss

    y, prediction = sample(QUANTILE, 8, weighted=weighted)
    each = [
        mean_pinball_loss(y, prediction.values[:, k], alpha=level, sample_weight=prediction.weight)
        for k, level in enumerate(DEFAULT_LEVELS)
    ]
    np.testing.assert_allclose(value("mean_pinball", y, prediction), np.mean(each))


def test_wis_of_the_median_alone_is_the_absolute_error():
    y, prediction = sample(Target("quantile", (0.5,)), 2)
    np.testing.assert_allclose(value("wis", y, prediction), np.abs(y - prediction.values[:, 0]).mean())
    assert value("crossing_rate", y, prediction) == 0


def test_levels_that_are_not_symmetric_have_no_wis_and_no_intervals():
    y, prediction = sample(Target("quantile", (0.1, 0.5, 0.8)), 2)
    assert math.isnan(value("wis", y, prediction))
    assert value("mean_pinball", y, prediction) > 0
    assert set(for_target(prediction.target)) >= {"wis", "mean_pinball", "crossing_rate"}
    assert not [name for name in for_target(prediction.target) if name.startswith(("coverage_", "width_"))]
    assert for_target(prediction.target, ["coverage_80"]) == {}
    assert math.isnan(registry.scheme("coverage")(prediction.target, y, prediction))


def test_coverage_and_width_by_hand():
    target = Target("quantile", (0.1, 0.25, 0.75, 0.9))
    values = np.array([[0, 1, 2, 4], [0, 1, 3, 4], [0, 0, 0, 0], [5, 6, 7, 8]], dtype=float)
    prediction = Prediction(target, values, weight=np.array([1.0, 1, 2, 4]))
    y = np.array([4.0, 2.0, 0.0, 9.0])
    assert value("coverage_80", y, prediction) == 4 / 8
    assert value("coverage_50", y, prediction) == 3 / 8
    assert value("width_80", y, prediction) == (4 + 4 + 0 + 12) / 8
    assert value("width_50", y, prediction) == (1 + 2 + 0 + 4) / 8


def test_crossing_rate_reads_the_prediction_before_the_sort():
    target = Target("quantile", (0.25, 0.5, 0.75))
    before = np.array([[1.0, 2, 3], [1, 1, 1], [1, 0, 3], [3, 2, 1]])
    prediction = Prediction(target, np.sort(before, axis=1), unsorted=before)
    assert value("crossing_rate", np.zeros(4), prediction) == 0.5
    assert value("crossing_rate", np.zeros(4), replace(prediction, unsorted=None)) == 0
    assert value("crossing_rate", np.zeros(4), replace(prediction, weight=np.array([1.0, 0, 3, 0]))) == 0.75


# --- labels ---------------------------------------------------------------------------------------


def test_golden_f1():
    y, predicted = golden()
    np.testing.assert_array_equal(np.bincount(y), [1394, 407, 157, 42])
    np.testing.assert_allclose(counts(y, predicted, FOUR).f1, [0.8535, 0.7557, 0.5931, 0.3248], atol=5e-5)
    for name, expected in {
        "micro_f1": 0.7755,
        "weighted_f1": 0.80206,
        "dodrans_f1": 0.77675,
        "entropy_f1": 0.70569,
        "macro_f1": 0.63177,
    }.items():
        np.testing.assert_allclose(value(name, *labelled(FOUR, y, predicted)), expected, atol=5e-6)


@pytest.mark.parametrize(
    ("name", "total", "expected"),
    [
        ("weighted", None, 0.68369),
        ("dodrans", None, 0.66114),
        ("entropy", None, 0.64420),
        ("entropy", 407 + 157 + 42, 0.5854),
        ("macro", None, 0.55786),
    ],
)
def test_golden_f1_of_the_positive_classes(name, total, expected):
    y, predicted = golden()
    scheme = class_weights.registry.scheme(name)
    found = f1_average(y, predicted, scheme, labels=[1, 2, 3], total=total)
    np.testing.assert_allclose(found, expected, atol=5e-5 if total else 5e-6)
    np.testing.assert_allclose(f1_pooled(y, predicted, labels=[1, 2, 3]), 0.64281, atol=5e-6)


def test_f1_without_a_class_is_that_of_the_others():
    """The setting of Harbecke et al. (2022): the negative class counts in no average."""
    y, prediction = labelled(FOUR, *golden())
    wanted = {"micro": 0.64281, "weighted": 0.68369, "dodrans": 0.66114, "entropy": 0.64420, "macro": 0.55786}
    for name, metric in for_target(FOUR, [f"{name}_f1:without=a" for name in wanted]).items():
        expected = wanted[name.partition("_")[0]]
        np.testing.assert_allclose(metric.function(FOUR, y, prediction), expected, atol=5e-6)
    assert for_target(FOUR, ["micro_f1:without=e"]) == {}
    assert metric_info("micro_f1:without=e").name == "micro_f1:without=e"


@law
@given(seed=seeds, weighted=st.booleans(), labels=st.sets(st.integers(0, 5)))
def test_micro_f1_is_the_average_by_true_and_predicted_rows(seed, weighted, labels):
    y, prediction = sample(FOUR, seed, weighted=weighted)
    table = counts(y, prediction.labels, FOUR, prediction.weight)
    chosen = [c for c in labels if c < 4]
    rows_of = (table.true + table.predicted)[chosen]
    f1 = np.nan_to_num(table.f1[chosen])
    expected = np.average(f1, weights=rows_of) if rows_of.sum() else math.nan
    found = f1_pooled(y, prediction.labels, labels=sorted(labels), weight=prediction.weight)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("target", [TWO, FOUR])
@law
@given(seed=seeds, weighted=st.booleans())
def test_label_metrics_are_those_of_sklearn(target, seed, weighted):
    from sklearn import metrics as sk

    y, prediction = sample(target, seed, n=200, weighted=weighted)
    predictions, weight = prediction.labels, prediction.weight

    def f1(average):
        return sk.f1_score(y, predictions, average=average, sample_weight=weight)

    for name, expected in {
        "micro_f1": f1("micro"),
        "macro_f1": f1("macro"),
        "weighted_f1": f1("weighted"),
        "accuracy": sk.accuracy_score(y, predictions, sample_weight=weight),
        "balanced_accuracy": sk.balanced_accuracy_score(y, predictions, sample_weight=weight),
        "mcc": sk.matthews_corrcoef(y, predictions, sample_weight=weight),
        "g_mean": np.prod(sk.recall_score(y, predictions, average=None, sample_weight=weight)) ** (1 / target.width),
    }.items():
        np.testing.assert_allclose(value(name, y, prediction), expected, rtol=1e-9, atol=1e-12)
    matrix, table = (
        sk.confusion_matrix(y, predictions, sample_weight=weight),
        counts(y, predictions, target, weight),
    )
    np.testing.assert_allclose(table.hit, np.diag(matrix))
    np.testing.assert_allclose(table.true, matrix.sum(axis=1))
    np.testing.assert_allclose(table.predicted, matrix.sum(axis=0))


@pytest.mark.parametrize("name", ["macro", "weighted", "dodrans", "entropy"])
@law
@given(seed=seeds, weighted=st.booleans())
def test_averaged_f1_is_the_naive_one(name, seed, weighted):
    y, prediction = sample(FOUR, seed, weighted=weighted)
    weight = np.ones(len(y)) if prediction.weight is None else prediction.weight
    formula = {
        "macro": lambda n: n**0,
        "weighted": lambda n: n,
        "dodrans": lambda n: n**0.75,
        "entropy": lambda n: -n * math.log(n / weight.sum()),
    }[name]
    above = below = 0.0
    for c in range(4):
        n, predictions = weight[y == c].sum(), weight[prediction.labels == c].sum()
        if n > 0:
            above += formula(n) * 2 * weight[(y == c) & (prediction.labels == c)].sum() / (n + predictions)
            below += formula(n)
    np.testing.assert_allclose(value(f"{name}_f1", y, prediction), above / below)


def test_a_prediction_of_an_absent_class_costs_its_row():
    y = np.array([0, 0, 1, 1])
    good, lost = labelled(FOUR, y, y), labelled(FOUR, y, np.array([0, 3, 1, 1]))
    assert value("macro_f1", *good) == 1
    np.testing.assert_allclose(value("macro_f1", *lost), (2 / 3 + 1) / 2)
    np.testing.assert_allclose(value("balanced_accuracy", *lost), 0.75)
    np.testing.assert_allclose(value("g_mean", *lost), math.sqrt(0.5))
    assert value("micro_f1", *lost) == 0.75


def test_one_class_in_the_truth():
    y, prediction = labelled(FOUR, np.array([2, 2, 2]), np.array([2, 2, 0]))
    assert math.isnan(value("entropy_f1", y, prediction))
    assert value("macro_f1", y, prediction) == pytest.approx(0.8)
    assert value("mcc", y, prediction) == 0
    assert math.isnan(value("auroc", y, prediction))
    assert math.isnan(value("macro_auprc", y, prediction))


def test_f1_of_no_class_is_empty():
    y = np.array([0, 1])
    macro = class_weights.registry.scheme("macro")
    assert math.isnan(f1_average(y, y, macro, labels=[7]))
    assert math.isnan(f1_pooled(y, y, labels=[]))


def test_binary_f1_is_that_of_the_positive_class():
    from sklearn.metrics import f1_score

    y, predicted = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    for positive in (0, 1):
        target = replace(TWO, positive=positive)
        assert value("binary_f1", *labelled(target, y, predicted)) == f1_score(y, predicted, pos_label=positive)
    assert math.isnan(value("binary_f1", *labelled(TWO, np.zeros(3, dtype=int), np.array([0, 1, 0]))))
    assert math.isnan(value("binary_f1", *labelled(FOUR, y, predicted)))


def test_mcc_is_zero_where_one_side_is_constant():
    y = np.array([0, 1, 2, 3])
    assert value("mcc", *labelled(FOUR, y, np.zeros(4, dtype=int), np.full(4, 0.1))) == 0


def test_g_mean_of_many_classes_does_not_underflow():
    wide = Target("class", tuple(range(400)))
    y = np.repeat(np.arange(400), 10)
    predicted = np.where(np.arange(4000) % 10 == 0, y, (y + 1) % 400)
    np.testing.assert_allclose(value("g_mean", *labelled(wide, y, predicted)), 0.1)


# --- probabilities --------------------------------------------------------------------------------


@pytest.mark.parametrize("target", [TWO, FOUR])
@law
@given(seed=seeds, weighted=st.booleans(), coarse=st.booleans())
def test_probability_metrics_are_those_of_sklearn(target, seed, weighted, coarse):
    from sklearn import metrics as sk

    y, prediction = sample(target, seed, weighted=weighted, coarse=coarse)
    p, weight = prediction.values, prediction.weight
    hot = np.eye(target.width)[y]
    ranks = [
        (
            sk.roc_auc_score(hot[:, k], p[:, k], sample_weight=weight),
            sk.average_precision_score(hot[:, k], p[:, k], sample_weight=weight),
        )
        for k in range(target.width)
        if np.average(hot[:, k], weights=weight) > 0
    ]
    auroc, auprc = np.mean(ranks, axis=0)
    for name, expected in {
        "log_loss": sk.log_loss(y, p, labels=range(target.width), sample_weight=weight),
        "brier": np.average(np.square(p - hot).sum(axis=1), weights=weight),
        "auroc": ranks[1][0] if target is TWO else auroc,
        "macro_auprc": auprc,
        "average_precision": ranks[1][1] if target is TWO else np.nan,
    }.items():
        np.testing.assert_allclose(value(name, y, prediction), expected, rtol=1e-9)


@law
@given(seed=seeds)
def test_auroc_is_the_share_of_ordered_pairs(seed):
    y, prediction = sample(TWO, seed, weighted=True, coarse=True)
    score, weight = prediction.values[:, 1], prediction.weight
    above = below = 0.0
    for i in np.flatnonzero(y == 1):
        for j in np.flatnonzero(y == 0):
            above += weight[i] * weight[j] * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
            below += weight[i] * weight[j]
    np.testing.assert_allclose(value("auroc", y, prediction), above / below)


def test_a_probability_of_zero_for_the_truth_is_clipped():
    y, prediction = labelled(TWO, np.array([0, 1]), np.array([1, 1]))
    np.testing.assert_allclose(value("log_loss", y, prediction), -np.log(1e-15) / 2)
    assert value("brier", y, prediction) == 1


def test_ece_is_the_mean_over_bins_of_equal_size():
    rng = np.random.default_rng(4)
    top = rng.uniform(0.5, 1, 300)
    y = (rng.random(300) > top**2).astype(int)
    prediction = Prediction(TWO, np.column_stack([top, 1 - top]))
    order = np.argsort(top)
    bins = np.split((y == 0)[order] - top[order], 15)
    np.testing.assert_allclose(value("ece", y, prediction), np.mean([abs(part.mean()) for part in bins]))


def test_ece_pools_ties_and_shares_a_tied_top_class():
    level = Prediction(TWO, np.full((10, 2), 0.5))
    np.testing.assert_allclose(value("ece", np.array([0] * 9 + [1]), level), 0, atol=1e-12)
    sure = Prediction(TWO, np.tile([0.8, 0.2], (10, 1)))
    np.testing.assert_allclose(value("ece", np.array([0] * 5 + [1] * 5), sure), 0.3)


def test_ece_does_not_see_noise_in_the_last_digit():
    top = 0.8 + np.array([0, 1, -1, 2, -2, 3, -3, 4, -4, 0]) * 1e-16
    prediction = Prediction(TWO, np.column_stack([top, 1 - top]))
    np.testing.assert_allclose(value("ece", np.arange(10) % 2, prediction), 0.3)


# --- classes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_per_class_table(weighted):
    from sklearn.metrics import precision_recall_fscore_support

    y, prediction = sample(FOUR, 11, n=100, weighted=weighted)
    weight = np.ones(100) if prediction.weight is None else prediction.weight
    table = per_class(FOUR, y, prediction)
    assert list(table["class"]) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(table["n_rows"], np.bincount(y))
    expected = precision_recall_fscore_support(y, prediction.labels, sample_weight=weight)
    np.testing.assert_allclose(table[["precision", "recall", "f1"]].to_numpy().T, expected[:3])
    np.testing.assert_allclose(table["share"], expected[3] / weight.sum())
    np.testing.assert_allclose(table["mean_probability"], np.average(prediction.values, axis=0, weights=weight))
    np.testing.assert_allclose(table[["share", "predicted_share", "mean_probability"]].sum(), 1)
    means = {"log_loss": "balanced_log_loss", "brier": "stratified_brier", "auroc": "auroc", "auprc": "macro_auprc"}
    for column, name in means.items():
        np.testing.assert_allclose(table[column].mean(), value(name, y, prediction))
    np.testing.assert_allclose(table["brier"] @ table["share"], value("brier", y, prediction))
    np.testing.assert_allclose(table["log_loss"] @ table["share"], value("log_loss", y, prediction))


def test_per_class_table_is_empty_where_a_number_is_undefined():
    table = per_class(FOUR, *labelled(FOUR, np.array([0, 0, 1]), np.array([0, 2, 0])))
    np.testing.assert_array_equal(table["recall"], [0.5, 0, np.nan, np.nan])
    np.testing.assert_array_equal(table["precision"], [0.5, np.nan, 0, np.nan])
    np.testing.assert_array_equal(table["f1"], [0.5, 0, np.nan, np.nan])
    np.testing.assert_allclose(table["brier"], [1, 2, np.nan, np.nan])
    assert table[["log_loss", "auroc", "auprc"]].isna().sum().tolist() == [2, 2, 2]
    nothing = per_class(FOUR, *labelled(FOUR, np.array([0, 1]), np.array([0, 1]), np.zeros(2)))
    assert nothing[["share", "mean_probability", "f1"]].isna().all(axis=None)
