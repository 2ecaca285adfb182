"""Tuned decisions against a search over all cuts, and the correction of priors."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from makers import probabilities
from makers.predictions import prediction_of

from bench.core.nouns import BenchError, clip_probabilities
from bench.methods import metrics
from bench.methods.postprocess import registry

METRICS = ["macro_f1", "binary_f1", "accuracy", "balanced_accuracy", "weighted_f1", "g_mean", "mcc", "dodrans_f1"]
RNG = np.random.default_rng(0)


def tuned(prediction, y, metric="macro_f1"):
    return registry.scheme(f"threshold:metric={metric}")(prediction, y, RNG)(prediction)


def value_of(metric, y, prediction):
    return metrics.get_metric(prediction.target, metric).function(prediction.target, y, prediction)


def best_cut(metric, prediction, y):
    """Try every cut between two odds, and beyond the ends."""
    odds = np.unique(prediction.values[:, 0] / prediction.values[:, 1])
    cuts = [odds[0] / 2, *((a + b) / 2 for a, b in itertools.pairwise(odds)), odds[-1] * 2]
    found = [value_of(metric, y, replace(prediction, rule=np.array([1.0, cut]))) for cut in [1.0, *cuts]]
    return np.nanmax(found) if np.isfinite(found).any() else np.nan


def binary(seed, n, tied, weighted):
    rng = np.random.default_rng(seed)
    p = rng.integers(1, 8, n) / 8 if tied else rng.uniform(0.02, 0.98, n)
    y = (rng.uniform(size=n) < 0.3).astype(int)
    weight = rng.integers(0, 4, n).astype(float) if weighted else None
    if weight is not None and not weight.any():
        weight[0] = 1.0
    return prediction_of(np.column_stack([1 - p, p]), weight), y


@pytest.mark.parametrize("metric", METRICS)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 30), tied=st.booleans(), weighted=st.booleans())
def test_two_classes_get_the_best_of_all_cuts(metric, seed, n, tied, weighted):
    prediction, y = binary(seed, n, tied, weighted)
    found = tuned(prediction, y, metric)
    np.testing.assert_allclose(value_of(metric, y, found), best_cut(metric, prediction, y), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found.values, prediction.values)


@settings(max_examples=20)  # a search from many starts takes a tenth of a second
@given(seed=st.integers(0, 10**6), n=st.integers(2, 40), classes=st.integers(3, 5), weighted=st.booleans())
@example(seed=0, n=3, classes=3, weighted=True)
def test_more_classes_never_do_worse_than_without_a_rule(seed, n, classes, weighted):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    weight = rng.uniform(0.1, 3, n) if weighted else None
    prediction = prediction_of(probabilities(rng, n, classes), weight)
    for metric in ("macro_f1", "accuracy", "balanced_accuracy"):
        found = tuned(prediction, y, metric)
        assert found.rule.shape == (classes,)
        assert np.all(np.isfinite(found.rule) & (found.rule > 0))
        assert value_of(metric, y, found) >= value_of(metric, y, prediction) - 1e-12


def test_three_classes_leave_no_single_multiplier_to_improve():
    rng = np.random.default_rng(3)
    y = rng.choice(3, 60, p=[0.7, 0.2, 0.1])
    prediction = prediction_of(probabilities(rng, 60, 3))
    found = tuned(prediction, y)
    reached = value_of("macro_f1", y, found)
    for k, factor in itertools.product(range(3), np.geomspace(0.05, 20, 400)):
        rule = found.rule.copy()
        rule[k] *= factor
        assert value_of("macro_f1", y, replace(prediction, rule=rule)) <= reached + 1e-12


def best_of_three(metric, prediction, y):
    """Try multipliers in every cell: all lie beside a corner, where two switches of rows from class to class meet."""
    logs = np.log(prediction.values)
    first, second, third = logs[:, 0] - logs[:, 1], logs[:, 0] - logs[:, 2], logs[:, 1] - logs[:, 2]
    corners = [(a, b) for a in first for b in second]
    corners += [(a, a + c) for a in first for c in third] + [(b - c, b) for b in second for c in third]
    around = 1e-7 * np.exp(1j * np.arange(0.1, 2 * np.pi, np.pi / 6))
    rules = np.exp([(0, a + step.real, b + step.imag) for a, b in corners for step in around])
    labels = np.argmax(prediction.values * rules[:, None], axis=2)
    distinct = np.unique(labels, axis=0)
    return max(value_of(metric, y, prediction_of(np.eye(3)[label])) for label in distinct)


def unequal(seed, n, shares):
    rng = np.random.default_rng(seed)
    y = rng.choice(len(shares), n, p=shares)
    y[: len(shares)] = np.arange(len(shares))
    odds = np.exp(rng.normal(size=(n, len(shares))) + np.eye(len(shares))[y]) * shares
    return prediction_of(odds / odds.sum(axis=1, keepdims=True)), y


@pytest.mark.parametrize("metric", ["macro_f1", "g_mean", "mcc"])
@pytest.mark.parametrize("seed", range(4))
def test_three_classes_get_the_best_of_all_multipliers(metric, seed):
    prediction, y = unequal(seed, 16, np.array([0.6, 0.3, 0.1]))
    np.testing.assert_allclose(
        value_of(metric, y, tuned(prediction, y, metric)), best_of_three(metric, prediction, y), rtol=1e-9
    )


def test_two_classes_that_are_never_decided_on_are_no_dead_end():
    """One multiplier alone cannot raise a geometric mean in which two recalls are zero."""
    prediction, y = unequal(0, 300, np.array([0.9, 0.04, 0.03, 0.03]))
    prediction = replace(prediction, values=prediction_of(prediction.values**3).values)
    prediction = replace(prediction, values=prediction.values / prediction.values.sum(axis=1, keepdims=True))
    assert value_of("g_mean", y, prediction) == 0
    assert value_of("g_mean", y, tuned(prediction, y, "g_mean")) > 0.5


def test_a_rule_that_is_as_good_as_none_is_none():
    prediction, y = prediction_of([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])
    np.testing.assert_array_equal(tuned(prediction, y).rule, [1, 1])


def test_integer_weights_count_like_equal_rows():
    prediction, y = binary(5, 30, tied=False, weighted=True)
    times = prediction.weight.astype(int)
    many = prediction_of(np.repeat(prediction.values, times, axis=0))
    np.testing.assert_allclose(tuned(prediction, y).rule, tuned(many, np.repeat(y, times)).rule, rtol=1e-12)


def test_a_row_of_weight_zero_does_not_move_the_cut():
    prediction, y = binary(6, 30, tied=False, weighted=False)
    weight = np.ones(30)
    weight[::3] = 0
    used = weight > 0
    alone = replace(prediction, values=prediction.values[used])
    np.testing.assert_array_equal(tuned(replace(prediction, weight=weight), y).rule, tuned(alone, y[used]).rule)


def test_the_order_of_rows_does_not_matter():
    prediction, y = binary(7, 40, tied=True, weighted=True)
    order = np.random.default_rng(0).permutation(40)
    shuffled = prediction_of(prediction.values[order], prediction.weight[order])
    np.testing.assert_array_equal(tuned(prediction, y).rule, tuned(shuffled, y[order]).rule)


def test_probabilities_at_the_clip_are_no_trouble():
    values, _ = clip_probabilities(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]))
    y = np.array([0, 1, 1, 0])
    found = tuned(prediction_of(values), y)
    np.testing.assert_allclose(value_of("macro_f1", y, found), best_cut("macro_f1", prediction_of(values), y))


@pytest.mark.parametrize("y", [[0, 0, 0], [1, 1, 1]])
def test_a_lone_class_in_the_truth(y):
    prediction = prediction_of([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    found = tuned(prediction, np.array(y))
    assert value_of("accuracy", np.array(y), found) == 1


@pytest.mark.parametrize("metric", ["log_loss", "nope", "auroc"])
def test_only_label_metrics_can_be_tuned(metric):
    prediction, y = binary(0, 10, tied=False, weighted=False)
    with pytest.raises(BenchError, match=metric):
        tuned(prediction, y, metric)


# priors


def corrected(prediction):
    return registry.scheme("prior-correction")(prediction, np.zeros(len(prediction.values), dtype=int), RNG)(prediction)


@given(st.integers(0, 10**6))
def test_a_correction_undoes_the_weights(seed):
    """A model trained with weights w predicts w_k p_k / Σ w_j p_j where it should predict p_k."""
    rng = np.random.default_rng(seed)
    truth, w = probabilities(rng, 20, 3), rng.uniform(0.2, 5, 3)
    predictions = truth * w / (truth * w).sum(axis=1, keepdims=True)
    found = corrected(prediction_of(predictions, effective_class_weights=w))
    np.testing.assert_allclose(found.values, truth, rtol=1e-10)
    assert found.effective_class_weights is None
    np.testing.assert_array_equal(corrected(found).values, found.values)


def test_without_weights_nothing_is_corrected():
    prediction = prediction_of(probabilities(np.random.default_rng(0), 5, 3))
    np.testing.assert_array_equal(corrected(prediction).values, prediction.values)
    equal = replace(prediction, effective_class_weights=np.full(3, 2.5))
    np.testing.assert_allclose(corrected(equal).values, prediction.values, rtol=1e-14)
