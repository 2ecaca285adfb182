"""The temperature of the least log loss, against a search over a grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import probabilities
from makers.predictions import prediction_of
from scipy.optimize import minimize_scalar

from bench.core.nouns import clip_probabilities
from bench.methods.postprocess import registry

RNG = np.random.default_rng(0)
few = settings(max_examples=20)


def learned(prediction, y):
    return registry.scheme("temperature")(prediction, y, RNG)


def tempered(values, T):
    odds = np.exp((np.log(values) - np.log(values).max(axis=1, keepdims=True)) / T)
    return odds / odds.sum(axis=1, keepdims=True)


def log_loss(values, y, weight=None):
    return float(np.average(-np.log(values[np.arange(len(y)), y]), weights=weight))


def drawn(seed, sharper, weighted, n=80, K=3):
    rng = np.random.default_rng(seed)
    truth = probabilities(rng, n, K)
    y = np.array([rng.choice(K, p=p) for p in truth])
    return prediction_of(tempered(truth, sharper), rng.uniform(0.1, 3, n) if weighted else None), y


@given(seed=st.integers(0, 10**6), sharper=st.sampled_from([0.3, 1.0, 3.0]), weighted=st.booleans())
@few
def test_no_temperature_has_less_log_loss(seed, sharper, weighted):
    prediction, y = drawn(seed, sharper, weighted)
    found = log_loss(learned(prediction, y)(prediction).values, y, prediction.weight)
    grid = np.geomspace(0.05, 100, 400)
    best = min(log_loss(tempered(prediction.values, T), y, prediction.weight) for T in grid)
    exact = minimize_scalar(
        lambda T: log_loss(tempered(prediction.values, np.exp(T)), y, prediction.weight),
        bounds=np.log([0.05, 100]), method="bounded", options={"xatol": 1e-10},
    ).fun  # fmt: skip
    assert found <= min(best, exact) + 1e-9


def test_a_known_temperature_is_found():
    prediction, y = drawn(1, 0.4, weighted=False, n=20_000)
    values = learned(prediction, y)(prediction).values
    ratio = np.log(values[0, 0] / values[0, 1]) / np.log(prediction.values[0, 0] / prediction.values[0, 1])
    np.testing.assert_allclose(ratio, 0.4, rtol=0.05)  # what was divided by 0.4 is multiplied by it


def test_no_label_changes_and_neither_do_tuned_ones():
    prediction, y = drawn(2, 0.3, weighted=False)
    prediction = replace(prediction, rule=np.array([1.0, 2.5, 0.7]))
    np.testing.assert_array_equal(learned(prediction, y)(prediction).labels, prediction.labels)


def test_class_weights_of_the_training_are_tempered_alike():
    """Correcting the prior after the temperature is tempering what was corrected."""
    prediction, y = drawn(3, 0.5, weighted=False)
    prediction = replace(prediction, effective_class_weights=np.array([0.5, 1.0, 2.0]))
    change, correct = learned(prediction, y), registry.scheme("prior-correction")(prediction, y, RNG)
    power = np.log(change(prediction).effective_class_weights[0]) / np.log(0.5)
    expected = tempered(correct(prediction).values, 1 / power)
    np.testing.assert_allclose(correct(change(prediction)).values, expected, rtol=1e-9)


@pytest.mark.parametrize(("right", "T"), [(True, 0.05), (False, 100.0)])
def test_temperatures_are_held_within_bounds(right, T):
    values = np.array([[0.7, 0.3], [0.4, 0.6], [0.8, 0.2]])
    y = np.argmax(values, axis=1) if right else np.argmin(values, axis=1)
    found = learned(prediction_of(values), y)(prediction_of(values)).values
    np.testing.assert_allclose(found, tempered(values, T), rtol=1e-9, atol=1e-12)


def test_certain_predictions_are_bearable():
    values, _ = clip_probabilities(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    y = np.array([0, 1, 1, 0])
    found = learned(prediction_of(values), y)(prediction_of(values)).values
    np.testing.assert_allclose(found.max(axis=1), 0.75, rtol=1e-6)  # three of four are right


def test_integer_weights_count_like_equal_rows():
    prediction, y = drawn(4, 0.5, weighted=False)
    times = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = learned(replace(prediction, weight=times.astype(float)), y)(prediction)
    repeated = learned(prediction_of(np.repeat(prediction.values, times, axis=0)), np.repeat(y, times))(prediction)
    np.testing.assert_allclose(weighted.values, repeated.values, rtol=1e-9)
