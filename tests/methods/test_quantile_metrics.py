"""Metrics of quantile predictions: WIS in three forms and its parts, CRPS, calibration, infinite quantiles, names."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.predictions import QUANTILE, value
from scipy.stats import norm

from bench.core.nouns import BenchError, Prediction, Target
from bench.core.settings import DEFAULT_LEVELS
from bench.methods.metrics import for_target, metric_info, registry

law = settings(derandomize=True, deadline=None, max_examples=30)
ASYMMETRIC = Target("quantile", (0.1, 0.5, 0.8))
PARTS = ("dispersion", "underprediction", "overprediction")
seeds = st.integers(0, 10**6)


def predictions(levels, values, weight=None):
    return Prediction(Target("quantile", tuple(levels)), np.asarray(values, dtype=float), weight)


@st.composite
def cases(draw):
    """Draw y and a prediction on symmetric levels, with or without median and weights; some on a grid, with ties."""
    rng = np.random.default_rng(draw(seeds))
    pairs = draw(st.integers(1, 6))
    lower = np.sort(rng.choice(np.arange(1, 50), pairs, replace=False)) / 100
    middle = [0.5] if draw(st.booleans()) else []
    levels = tuple(float(x) for x in [*lower, *middle, *(1 - lower[::-1])])
    n = draw(st.integers(1, 12))
    digits = draw(st.sampled_from([0, 6]))
    y, values = np.round(3 * rng.normal(size=n), digits), np.round(3 * rng.normal(size=(n, len(levels))), digits)
    weight = rng.integers(1, 4, n).astype(float) if draw(st.booleans()) else None
    return y, Prediction(Target("quantile", levels), np.sort(values, axis=1), weight)


def bracher(y, quantiles, levels):
    """Work out (dispersion, under, over) of one row as the paper does, interval by interval, in plain Python."""
    K, wide, under, over = len(levels) // 2, 0.0, 0.0, 0.0
    for k in range(K):
        alpha, low, high = 2 * levels[k], quantiles[k], quantiles[-1 - k]
        wide += alpha / 2 * (high - low)
        under += alpha / 2 * (2 / alpha) * (y - high) * (y > high)
        over += alpha / 2 * (2 / alpha) * (low - y) * (y < low)
    if len(levels) % 2 == 0:
        return wide / K, under / K, over / K
    gap = y - quantiles[K]
    return tuple(part / (K + 0.5) for part in (wide, under + 0.5 * max(gap, 0), over + 0.5 * max(-gap, 0)))


# --- WIS ------------------------------------------------------------------------------------------


@law
@given(case=cases())
def test_wis_and_its_parts_are_those_of_bracher(case):
    y, prediction = case
    rows = [bracher(*row, prediction.target.outputs) for row in zip(y, prediction.values, strict=True)]
    expected = np.average(rows, axis=0, weights=prediction.weight)
    np.testing.assert_allclose([value(name, y, prediction) for name in PARTS], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(value("wis", y, prediction), expected.sum(), rtol=1e-9, atol=1e-12)


@law
@given(case=cases())
def test_the_parts_sum_to_wis(case):
    y, prediction = case
    total = sum(value(name, y, prediction) for name in PARTS)
    np.testing.assert_allclose(total, value("wis", y, prediction), rtol=1e-12, atol=1e-14)


@law
@given(case=cases())
def test_wis_is_the_sum_of_pinball_losses_over_the_number_of_levels(case):
    y, prediction = case
    total = 0.0
    for k, level in enumerate(prediction.target.outputs):
        each = [max(level * (t - q), (level - 1) * (t - q)) for t, q in zip(y, prediction.values[:, k], strict=True)]
        mean = np.average(each, weights=prediction.weight)
        np.testing.assert_allclose(value(f"pinball_{level:g}", y, prediction), mean, rtol=1e-9, atol=1e-12)
        total += 2 * mean
    np.testing.assert_allclose(value("wis", y, prediction), total / prediction.target.width, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        value("mean_pinball", y, prediction), total / prediction.target.width / 2, rtol=1e-9, atol=1e-12
    )


def test_wis_of_one_interval_by_hand():
    """Interval [2, 6] of coverage 0.8 and median 3; twice the median would give 2.4 / 2 in place of 2.4 / 1.5."""
    prediction = predictions((0.1, 0.5, 0.9), [[2, 3, 6]] * 3)
    for y, wide, under, over in ((4, 0.4, 0.5, 0), (8, 0.4, 2.5 + 2, 0), (1, 0.4, 0, 1 + 1)):
        row = replace(prediction, values=prediction.values[:1])
        found = [value(name, [y], row) for name in PARTS]
        np.testing.assert_allclose(found, np.array([wide, under, over]) / 1.5)
    np.testing.assert_allclose(value("wis", [4, 8, 1], prediction), (0.9 + 4.9 + 2.4) / 3 / 1.5)


def test_golden_numbers():
    y = np.array([0.0, 1.5, -2.0])
    prediction = Prediction(
        QUANTILE, np.add.outer([0.1, 1.0, 0.5], norm.ppf(DEFAULT_LEVELS)), np.array([1.0, 2.0, 1.0])
    )
    golden = {
        "wis": 0.53684978,
        "dispersion": 0.19023083,
        "underprediction": 0.02777778,
        "overprediction": 0.31884117,
        "mean_pinball": 0.26842489,
        "crps": 0.70047940,
        "pinball_0.025": 0.17400810,
        "pinball_0.5": 0.45,
        "level_calibration": 0.11111111,
    }
    for name, expected in golden.items():
        np.testing.assert_allclose(value(name, y, prediction), expected, rtol=1e-6, err_msg=name)


def test_levels_that_are_not_symmetric_have_no_parts():
    y, prediction = np.arange(3.0), Prediction(ASYMMETRIC, np.zeros((3, 3)))
    assert all(math.isnan(value(name, y, prediction)) for name in ("wis", *PARTS))
    names = {"wis", "mean_pinball", "crps", "crossing_rate", "level_calibration", *PARTS}
    assert set(for_target(ASYMMETRIC)) == names | {"pinball_0.1", "pinball_0.5", "pinball_0.8"}


# --- CRPS and calibration -------------------------------------------------------------------------


def test_crps_of_many_levels_is_that_of_the_distribution():
    """CRPS of N(0, 1) at y is y (2 Φ(y) - 1) + 2 φ(y) - 1 / √π."""
    y = np.array([-2.5, -0.3, 0.0, 1.0, 4.0])
    exact = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    for count, tolerance in ((9, 0.11), (99, 0.01), (1999, 5e-4)):
        levels = np.arange(1, count + 1) / (count + 1)
        prediction = predictions(levels, np.tile(norm.ppf(levels), (5, 1)))
        found = [value("crps", y[[i]], replace(prediction, values=prediction.values[[i]])) for i in range(5)]
        np.testing.assert_allclose(found, exact, atol=tolerance)


@law
@given(case=cases(), asymmetric=st.booleans())
def test_crps_is_the_trapezoidal_rule_with_level_tails(case, asymmetric):
    y, prediction = case
    keep = slice(None, -1) if asymmetric else slice(None)
    levels = np.array(prediction.target.outputs)[keep]
    cut = predictions(levels, prediction.values[:, keep], prediction.weight)
    grid = np.concatenate([[0.0], levels, [1.0]])
    error = y[:, None] - cut.values
    loss = np.maximum(levels * error, (levels - 1) * error)
    loss = np.column_stack([loss[:, 0], loss, loss[:, -1]])
    expected = np.average(2 * np.trapezoid(loss, grid, axis=1), weights=cut.weight)
    np.testing.assert_allclose(value("crps", y, cut), expected, rtol=1e-9, atol=1e-12)


def test_crps_is_wis_on_the_middles_of_equal_parts():
    rng = np.random.default_rng(0)
    prediction = predictions((np.arange(10) + 0.5) / 10, np.sort(rng.normal(size=(20, 10)), axis=1))
    y = rng.normal(size=20)
    np.testing.assert_allclose(value("crps", y, prediction), value("wis", y, prediction))
    alone = predictions((0.5,), y[:, None] + 2)
    assert value("crps", y, alone) == pytest.approx(2)


def test_level_calibration_by_hand():
    y = np.array([1.0, 2.0, 3.0, 4.0])
    prediction = predictions((0.25, 0.5, 0.9), np.tile([2.5, 2.5, 9.0], (4, 1)))
    assert value("level_calibration", y, prediction) == pytest.approx((0.25 + 0 + 0.1) / 3)
    weighted = replace(prediction, weight=np.array([1.0, 0.0, 0.0, 3.0]))
    assert value("level_calibration", y, weighted) == pytest.approx((0 + 0.25 + 0.1) / 3)


def test_level_calibration_forgives_ties_and_nothing_else():
    counts = np.array([0.0, 0.0, 0.0, 1.0])
    fair = predictions((0.5, 0.75, 0.9), np.tile([0.0, 0.0, 1.0], (4, 1)))
    assert value("level_calibration", counts, fair) == 0
    wrong = predictions((0.5, 0.75, 0.9), np.tile([0.0, 0.0, 0.0], (4, 1)))
    assert value("level_calibration", counts, wrong) == pytest.approx(0.15 / 3)


@law
@given(case=cases())
def test_level_calibration_is_the_mean_distance_of_shares_where_nothing_ties(case):
    y, prediction = case
    y = y + 1e-9
    share = np.average(y[:, None] <= prediction.values, axis=0, weights=prediction.weight)
    expected = np.abs(share - prediction.target.levels).mean()
    np.testing.assert_allclose(value("level_calibration", y, prediction), expected, rtol=1e-9, atol=1e-12)


# --- infinite quantiles ---------------------------------------------------------------------------


def wide(n=4):
    """Return a prediction whose outermost interval is the whole line."""
    values = np.tile(np.linspace(-1, 1, 9), (n, 1))
    values[:, 0], values[:, -1] = -np.inf, np.inf
    return Prediction(QUANTILE, values, unsorted=values)


def test_infinite_quantiles_give_infinite_scores_and_finite_shares():
    y, prediction = np.array([-5.0, 0.1, 0.2, 5.0]), wide()
    found = {name: metric.function(QUANTILE, y, prediction) for name, metric in for_target(QUANTILE).items()}
    endless = {"wis", "crps", "mean_pinball", "dispersion", "width_95", "pinball_0.025", "pinball_0.975"}
    assert {name for name, number in found.items() if np.isinf(number)} == endless
    assert not any(np.isnan(number) for number in found.values())
    assert (found["coverage_95"], found["coverage_90"], found["crossing_rate"]) == (1.0, 0.5, 0.0)
    assert found["width_90"] == pytest.approx(1.5)
    assert min(found["underprediction"], found["overprediction"]) > 0.8


@pytest.mark.parametrize("end", [-np.inf, np.inf])
def test_quantiles_that_are_all_infinite_are_no_nan(end):
    y, prediction = np.zeros(3), Prediction(QUANTILE, np.full((3, 9), end), unsorted=np.full((3, 9), end))
    found = {name: metric.function(QUANTILE, y, prediction) for name, metric in for_target(QUANTILE).items()}
    assert not any(np.isnan(number) for number in found.values())
    assert np.isinf(found["wis"])
    assert np.isinf(found["width_80"])
    assert np.isinf(found["underprediction" if end < 0 else "overprediction"])
    assert (found["coverage_80"], found["crossing_rate"]) == (0, 0)


def test_an_infinite_row_of_weight_zero_is_no_row():
    y = np.array([0.3, -0.2, 0.4, 2.0])
    finite = Prediction(QUANTILE, np.tile(np.linspace(-1, 1, 9), (4, 1)))
    values = finite.values.copy()
    values[3, [0, -1]] = -np.inf, np.inf
    mixed = Prediction(QUANTILE, values, np.array([1.0, 1.0, 1.0, 0.0]))
    few = replace(finite, values=finite.values[:3])
    for name in for_target(QUANTILE):
        np.testing.assert_allclose(value(name, y, mixed), value(name, y[:3], few), err_msg=name)


# --- names ----------------------------------------------------------------------------------------


def test_every_level_has_its_metric():
    found = for_target(QUANTILE, ["pinball_*"])
    assert list(found) == [f"pinball_{level:g}" for level in DEFAULT_LEVELS]
    assert all(metric.proper and metric.unit and metric.direction == "min" for metric in found.values())
    noisy = Target("quantile", (0.1, 0.1 + 0.2, 0.00001))
    assert set(for_target(noisy, ["pinball_*"])) == {"pinball_0.1", "pinball_0.3", "pinball_0.00001"}


def test_a_name_tells_the_traits_without_a_target():
    found = metric_info("pinball_0.1")
    assert (found.name, found.direction, found.unit, found.goal) == ("pinball_0.1", "min", True, None)
    prediction = Prediction(QUANTILE, np.zeros((2, 9)))
    assert found.function(QUANTILE, np.array([1.0, -1.0]), prediction) == pytest.approx((0.1 + 0.9) / 2)
    assert math.isnan(found.function(ASYMMETRIC, np.zeros(2), Prediction(ASYMMETRIC, np.zeros((2, 3))))) is False
    assert math.isnan(metric_info("pinball_0.2").function(QUANTILE, np.zeros(2), prediction))
    assert metric_info("coverage_80").goal == 0.8
    for name in ("pinball_80", "pinball_0", "pinball_1", "pinball_x", "pinball", "coverage_0", "coverage_101"):
        assert metric_info(name) is None, name
    for name in for_target(QUANTILE):
        assert metric_info(name).name == name


def test_a_level_that_no_prediction_has_is_refused():
    with pytest.raises(BenchError, match=r"'pinball_0.2': did you mean pinball_"):
        for_target(QUANTILE, ["pinball_0.2"])
    with pytest.raises(BenchError, match="unknown metric"):
        for_target(QUANTILE, ["pinball"])


@pytest.mark.parametrize("target", [Target("point"), Target("class", ("a", "b"))])
def test_levels_of_other_targets_are_known_names(target):
    assert for_target(target, ["pinball_0.025", "pinball_0.0125", "coverage_99.5", "pinball_*"]) == {}
    with pytest.raises(BenchError, match="unknown metric"):
        for_target(target, ["pinball_1.5"])


def test_a_metric_called_without_a_level_is_of_the_median():
    y, prediction = np.array([1.0]), predictions((0.25, 0.5, 0.75), [[0, 3, 4]])
    assert registry.scheme("pinball")(prediction.target, y, prediction) == pytest.approx(1)
    assert registry.scheme("pinball:level=0.25")(prediction.target, y, prediction) == pytest.approx(0.25)
