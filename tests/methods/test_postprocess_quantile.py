"""Quantiles that do not cross, and intervals that cover: against their definitions, step by step."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom

from bench.core import losses
from bench.core.nouns import BenchError, NotApplicableError, Prediction, Target
from bench.core.settings import DEFAULT_LEVELS
from bench.methods.postprocess import registry
from bench.methods.postprocess.pava import isotonic_rows

RNG = np.random.default_rng(0)
LEVELS = {"default": DEFAULT_LEVELS, "even": (0.1, 0.25, 0.75, 0.9), "pair": (0.1, 0.9), "three": (0.1, 0.5, 0.9)}
few = settings(max_examples=15)


def prediction_of(predictions, levels=DEFAULT_LEVELS, **more):
    predictions = np.asarray(predictions, dtype=float)
    return Prediction(Target("quantile", tuple(levels)), np.sort(predictions, axis=1), unsorted=predictions, **more)


def step(name, prediction, y):
    return registry.scheme(name)(prediction, np.asarray(y, dtype=float), RNG)


def changed(name, predictions, levels=DEFAULT_LEVELS):
    prediction = prediction_of(predictions, levels)
    return step(name, prediction, [])(prediction).values


def crossing(seed, n=30, width=9, *, ties=False):
    rng = np.random.default_rng(seed)
    predictions = np.linspace(-1, 1, width) + rng.normal(size=(n, width)) * rng.choice([0.1, 1, 5], size=(n, 1))
    return np.round(predictions) if ties else predictions


def summed_pinball(y, predictions, levels):
    return losses.pinball(y, predictions, np.asarray(levels)).sum(axis=1)


# --- quantiles that do not cross ------------------------------------------------------------------


@given(seed=st.integers(0, 10**6), ties=st.booleans(), n=st.integers(1, 40))
def test_pava_is_the_isotonic_regression_of_each_row(seed, ties, n):
    from sklearn.isotonic import isotonic_regression

    predictions = crossing(seed, n, 1 + seed % 12, ties=ties)
    expected = np.array([isotonic_regression(row) for row in predictions])
    np.testing.assert_allclose(isotonic_rows(predictions), expected, rtol=1e-12, atol=1e-12)


def test_pava_leaves_a_row_in_order_as_it_is():
    predictions = np.array([[1 / 3, 1 / 3, 0.4], [-np.inf, 0, np.inf], [0.1, 0.3, 0.2]])
    found = isotonic_rows(predictions)
    assert found[:2].tobytes() == predictions[:2].tobytes()
    np.testing.assert_allclose(found[2], [0.1, 0.25, 0.25])


def test_pava_pools_from_the_end_to_the_start():
    predictions = np.append(np.arange(1.0, 99), -1e6)[None]
    np.testing.assert_allclose(isotonic_rows(predictions), np.full((1, 99), predictions.mean()))


def test_pava_on_a_large_offset_keeps_its_digits():
    predictions = crossing(1)
    np.testing.assert_allclose(isotonic_rows(predictions + 2.0**30) - 2.0**30, isotonic_rows(predictions), atol=1e-6)


@given(seed=st.integers(0, 10**6), name=st.sampled_from(["sort", "pava"]), levels=st.sampled_from(sorted(LEVELS)))
def test_sort_and_pava_never_raise_the_summed_pinball(seed, name, levels):
    levels = LEVELS[levels]
    predictions, y = crossing(seed, width=len(levels)), np.random.default_rng(seed + 1).normal(size=30)
    found = changed(name, predictions, levels)
    assert np.all(np.diff(found, axis=1) >= 0)
    assert np.all(summed_pinball(y, found, levels) <= summed_pinball(y, predictions, levels) + 1e-12)


def test_minmax_may_raise_the_summed_pinball():
    predictions, levels, y = np.array([[0.0, -2.0, -1.0]]), (0.1, 0.5, 0.9), np.array([0.0])
    found = changed("minmax", predictions, levels)
    np.testing.assert_array_equal(found, [[-2.0, -2.0, -1.0]])
    assert summed_pinball(y, found, levels) > summed_pinball(y, predictions, levels)
    assert summed_pinball(y, changed("sort", predictions, levels), levels) < summed_pinball(y, predictions, levels)


@given(seed=st.integers(0, 10**6), width=st.integers(1, 8))
def test_minmax_sweeps_outwards_from_the_median(seed, width):
    levels = np.arange(1, width + 1) / (width + 1)
    predictions = crossing(seed, width=width)
    middle = min(range(width), key=lambda k: (round(abs(levels[k] - 0.5), 9), k))
    for row, found in zip(predictions, changed("minmax", predictions, levels), strict=True):
        expected = [max(row[middle : k + 1]) if k >= middle else min(row[k : middle + 1]) for k in range(width)]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["sort", "pava", "minmax"])
def test_what_is_in_order_stays_and_the_unsorted_prediction_is_kept(name):
    predictions = np.sort(crossing(3), axis=1)
    assert changed(name, predictions).tobytes() == predictions.tobytes()
    prediction = prediction_of(crossing(3))
    assert step(name, prediction, [])(prediction).unsorted is prediction.unsorted
    without = replace(prediction, unsorted=None)
    np.testing.assert_array_equal(step(name, without, [])(without).values, prediction.values)


def test_a_sort_after_another_step_is_no_step():
    prediction = prediction_of(crossing(4))
    pooled = step("pava", prediction, [])(prediction)
    assert step("sort", pooled, [])(pooled).values.tobytes() == pooled.values.tobytes()


# --- split conformal ------------------------------------------------------------------------------


def naive_cqr(known, y, test):
    """Romano, Patterson and Candès, one interval and one row at a time; then widen from the centre outwards."""
    values, n = test.values.copy(), len(y)
    for lo, hi in known.target.intervals.values():
        missed = sorted(max(row[lo] - v, v - row[hi]) for row, v in zip(known.values, y, strict=True))
        rank = math.ceil(round((known.target.levels[hi] - known.target.levels[lo]) * (n + 1), 9))
        margin = missed[rank - 1] if rank <= n else math.inf
        values[:, lo] -= margin
        values[:, hi] += margin
    return widened(values, test)


def widened(values, test):
    half, width = values.shape[1] // 2, values.shape[1]
    for row, predictions in zip(values, test.values, strict=True):
        low = high = (predictions[half] + predictions[(width - 1) // 2]) / 2
        for k in reversed(range(half)):
            low = row[k] = min(low, row[k])
            high = row[width - 1 - k] = max(high, row[width - 1 - k])
    return values


def exchangeable(seed, n, m=20, levels=DEFAULT_LEVELS, scale=1.0):
    """Draw known rows and test rows of one kind, with quantiles that are wrong."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(n + m, 1))
    spread = rng.uniform(0.2, 2, size=(n + m, 1)) * scale
    predictions = 0.3 + centre + spread * np.linspace(-1, 1, len(levels)) + 0.2 * rng.normal(size=(n + m, len(levels)))
    y = centre[:, 0] + rng.normal(size=n + m)
    return prediction_of(predictions[:n], levels), y[:n], prediction_of(predictions[n:], levels), y[n:]


@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), levels=st.sampled_from(sorted(LEVELS)), wide=st.booleans())
def test_cqr_is_as_defined(seed, n, levels, wide):
    known, y, test, _ = exchangeable(seed, n, levels=LEVELS[levels], scale=5.0 if wide else 1.0)
    found = step("cqr", known, y)(test)
    np.testing.assert_allclose(found.values, naive_cqr(known, y, test), rtol=1e-12, atol=1e-12)
    assert np.all(found.values[:, 1:] >= found.values[:, :-1])
    assert found.unsorted is found.values


@pytest.mark.parametrize(("n", "infinite"), [(3, [80, 90, 95]), (4, [90, 95]), (9, [95]), (18, [95]), (19, [])])
def test_a_rank_beyond_the_rows_gives_an_infinite_interval(n, infinite):
    known, y, test, _ = exchangeable(0, n)
    found = step("cqr", known, y)(test).values
    for interval, (lo, hi) in test.target.intervals.items():
        unbounded = np.isneginf(found[:, lo]) & np.isposinf(found[:, hi])
        assert unbounded.all() if interval in infinite else not np.isinf(found[:, [lo, hi]]).any()
    assert np.isfinite(found[:, 4]).all()


@pytest.mark.parametrize("n", [9, 10, 20, 24])
def test_coverage_follows_its_exact_law(n):
    """The hits among m new rows are beta-binomial with (rank, n + 1 - rank), for scores without ties."""
    levels, m, rounds = (0.1, 0.5, 0.9), 10, 3000
    rank = math.ceil(round(0.8 * (n + 1), 9))
    rng, hits = np.random.default_rng(n), np.zeros(rounds, dtype=int)
    for i in range(rounds):
        y = rng.normal(size=n + m)
        predictions = np.tile([-1.0, 0.0, 1.0], (n + m, 1)) + 0.1 * rng.normal(size=(n + m, 1))
        found = step("cqr", prediction_of(predictions[:n], levels), y[:n])(
            prediction_of(predictions[n:], levels)
        ).values
        hits[i] = np.sum((found[:, 0] <= y[n:]) & (y[n:] <= found[:, 2]))
    law = betabinom(m, rank, n + 1 - rank)
    np.testing.assert_allclose(hits.mean(), law.mean(), atol=4 * law.std() / np.sqrt(rounds))
    assert hits.mean() / m >= 0.8 - 4 * law.std() / m / np.sqrt(rounds)
    shares = np.bincount(hits, minlength=m + 1) / rounds
    np.testing.assert_allclose(shares, law.pmf(np.arange(m + 1)), atol=4 * 0.5 / np.sqrt(rounds))


def test_a_negative_margin_shrinks_an_interval_down_to_the_median_at_most():
    known = prediction_of(np.tile([-10.0, 0, 10], (9, 1)), (0.1, 0.5, 0.9))
    test = prediction_of([[-12.0, 1, 12], [0.5, 1, 2]], (0.1, 0.5, 0.9))
    found = step("cqr", known, np.linspace(-4, 4, 9))(test).values
    np.testing.assert_allclose(found, [[-6.0, 1, 6], [1, 1, 1]])


def test_a_wider_interval_is_widened_never_a_narrower_one_cut():
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    known = prediction_of(np.tile([-9.0, -1, 0, 1, 9], (19, 1)), levels)
    y = np.concatenate([np.linspace(-5, 5, 19)])
    test = prediction_of([[-3.0, -2.5, 0, 2.5, 3]], levels)
    found = step("cqr", known, y)(test).values[0]
    inner = sorted(abs(y) - 1)[9]
    np.testing.assert_allclose(found, [-2.5 - inner, -2.5 - inner, 0, 2.5 + inner, 2.5 + inner])


def test_row_weights_give_weighted_coverage():
    """Heavy rows scatter more: with their weights the weighted coverage is right, and without them it is too low."""
    levels, rounds, covered = (0.1, 0.5, 0.9), 800, np.zeros((2, 2))
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        weight = rng.choice([1.0, 8.0], 40)
        y = rng.normal(size=40) * weight
        predictions = np.tile([-1.0, 0, 1], (40, 1))
        for j, used in enumerate([weight, None]):
            known = prediction_of(predictions[:20], levels, weight=None if used is None else used[:20])
            test = prediction_of(predictions[20:], levels, weight=None if used is None else used[20:])
            found = step("cqr", known, y[:20])(test).values
            hit = (found[:, 0] <= y[20:]) & (y[20:] <= found[:, 2])
            covered[j] += [weight[20:] @ hit, weight[20:].sum()]
    weighted, plain = covered[:, 0] / covered[:, 1]
    assert weighted >= 0.8 - 0.01
    assert plain < 0.78


def test_ties_do_not_cost_coverage():
    known, test = prediction_of(np.zeros((20, 3)), (0.1, 0.5, 0.9)), prediction_of(np.zeros((1, 3)), (0.1, 0.5, 0.9))
    found = step("cqr", known, np.repeat([0, 1, 2, 3], 5))(test).values
    np.testing.assert_array_equal(found, [[-3, 0, 3]])


@pytest.mark.parametrize("name", ["cqr", "weighted-cqr", "cv-plus", "asymmetric-cqr", "cqr-r", "group-cqr", "aci"])
@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.8), (0.5,), (0.2, 0.3)])
def test_levels_that_form_no_intervals_are_refused(name, levels):
    prediction = prediction_of(np.zeros((5, len(levels))), levels, inner_fold=np.arange(5) % 2)
    with pytest.raises(NotApplicableError, match="around the median"):
        step(name, prediction, np.zeros(5))


@pytest.mark.parametrize("name", ["cqr", "weighted-cqr:half_life=9", "asymmetric-cqr", "cqr-r", "cqr-m", "group-cqr"])
@pytest.mark.parametrize("levels", sorted(LEVELS))
def test_a_second_conformal_step_bears_infinite_ends(name, levels):
    known, y, test, _ = exchangeable(2, 3, levels=LEVELS[levels])
    first = step("cqr", known, y)
    found = step(name, first(known), y)(first(test)).values
    assert np.all(found[:, 1:] >= found[:, :-1])
    assert np.isneginf(found[:, 0]).all()


# --- its relatives --------------------------------------------------------------------------------


def rank_of(level, n):
    return math.ceil(round(level * (n + 1), 9))


def smallest(scores, rank):
    return sorted(scores)[rank - 1] if rank <= len(scores) else math.inf


def naive_relative(name, known, y, test):
    """Each relative of `cqr` from its paper, one interval and one row at a time."""
    values, levels = test.values.copy(), known.target.levels
    half, width = values.shape[1] // 2, values.shape[1]
    for lo, hi in known.target.intervals.values():
        cover, below, above, unit_of = levels[hi] - levels[lo], [], [], []
        for row in (*known.values, *test.values):
            middle = (row[half] + row[(width - 1) // 2]) / 2
            units = {"cqr-r": (row[hi] - row[lo],) * 2, "cqr-m": (middle - row[lo], row[hi] - middle)}
            unit_of.append(units.get(name, (1.0, 1.0)))
        for row, value, (u, v) in zip(known.values, y, unit_of[: len(y)], strict=True):
            below.append((row[lo] - value) / u)
            above.append((value - row[hi]) / v)
        if name == "asymmetric-cqr":
            margins = [smallest(each, rank_of((1 + cover) / 2, len(y))) for each in (below, above)]
        else:
            margins = [smallest(np.maximum(below, above), rank_of(cover, len(y)))] * 2
        for row, (u, v) in zip(values, unit_of[len(y) :], strict=True):
            row[lo] -= margins[0] * u
            row[hi] += margins[1] * v
    return widened(values, test)


@pytest.mark.parametrize("name", ["asymmetric-cqr", "cqr-r", "cqr-m"])
@few
@given(seed=st.integers(0, 10**6), n=st.integers(1, 60), levels=st.sampled_from(sorted(LEVELS)))
def test_relatives_of_cqr_are_as_defined(name, seed, n, levels):
    known, y, test, _ = exchangeable(seed, n, levels=LEVELS[levels])
    np.testing.assert_allclose(step(name, known, y)(test).values, naive_relative(name, known, y, test), rtol=1e-9)


@pytest.mark.parametrize("name", ["cqr-r", "cqr-m"])
def test_an_interval_without_width_moves_next_to_nothing_and_gives_no_nan(name):
    known, y, test, _ = exchangeable(3, 30)
    flat = replace(test, values=np.repeat(test.values[:, 4:5], 9, axis=1))
    found = step(name, known, y)(flat).values
    assert np.isfinite(found[:, 2:7]).all()
    assert np.ptp(found[:, 2:7], axis=1).max() < 1e-3
    every = replace(known, values=np.repeat(known.values[:, 4:5], 9, axis=1))
    np.testing.assert_array_equal(step(name, every, y)(flat).values, step("cqr", every, y)(flat).values)


def test_each_side_is_missed_as_seldom_as_it_says():
    """The quantiles are all too high, so that `cqr` misses on one side alone."""
    missed = {"cqr": [], "asymmetric-cqr": []}
    for seed in range(60):
        known, y, test, y_test = exchangeable(seed, 59, 40, levels=(0.1, 0.5, 0.9))
        known, test = (replace(each, values=each.values + 1.5) for each in (known, test))
        for name, found in missed.items():
            found.append(np.mean(y_test < step(name, known, y)(test).values[:, 0]))
    assert np.mean(missed["cqr"]) > 0.15
    assert np.mean(missed["asymmetric-cqr"]) < 0.11


def test_groups_are_calibrated_apart():
    known, y, test, _ = exchangeable(4, 90, levels=(0.1, 0.5, 0.9))
    width = known.values[:, 2] - known.values[:, 0]
    cuts = np.sort(width)[[30, 60]]
    found = step("group-cqr:groups=3", known, y)(test).values
    for g in range(3):
        own, other = (
            np.searchsorted(cuts, each.values[:, 2] - each.values[:, 0], "right") == g for each in (known, test)
        )
        assert own.sum() == 30
        alone = naive_cqr(replace(known, values=known.values[own]), y[own], replace(test, values=test.values[other]))
        np.testing.assert_allclose(found[other], alone, rtol=1e-12)
    np.testing.assert_array_equal(step("group-cqr:groups=1", known, y)(test).values, step("cqr", known, y)(test).values)


def test_adaptive_inference_by_hand():
    known, y, test, _ = exchangeable(5, 80, levels=(0.1, 0.5, 0.9))
    missed = np.maximum(known.values[:, 0] - y, y - known.values[:, 2])
    level = 0.2
    for t in range(80):
        rank = rank_of(1 - level, t)
        level += 0.05 * (0.2 - (missed[t] > (smallest(missed[:t], rank) if rank > 0 else -math.inf)))
    margin = smallest(missed, rank_of(1 - level, 80))
    expected = np.column_stack([test.values[:, 0] - margin, test.values[:, 1], test.values[:, 2] + margin])
    np.testing.assert_allclose(step("aci:rate=0.05", known, y)(test).values, widened(expected, test), rtol=1e-12)


def test_adaptive_inference_widens_after_a_change():
    known, y, test, _ = exchangeable(6, 300, levels=(0.1, 0.5, 0.9))
    y[150:] *= 6
    fast, slow = (np.ptp(step(name, known, y)(test).values, axis=1).mean() for name in ("aci:rate=0.05", "cqr"))
    assert fast > slow


NEEDED = {
    "cqr": (4, 9, 19),
    "cqr-r": (4, 9, 19),
    "cqr-m": (4, 9, 19),
    "asymmetric-cqr": (9, 19, 39),
    "weighted-cqr": (9, 18, 36),
    "group-cqr": (12, 27, 57),
    "aci": (4, 9, 17),
}
"""Calibration rows for finite intervals of 80, 90 and 95 per cent: the table of docs/quantile.md."""


@pytest.mark.parametrize(("name", "interval", "n"), [
    (name, interval, n) for name, row in NEEDED.items() for interval, n in zip((80, 90, 95), row, strict=True)
])  # fmt: skip
def test_the_docs_give_the_rows_that_each_step_needs(name, interval, n):
    a = 1 - interval / 100
    for rows, finite in ((n - 1, False), (n, True)):
        known, y, test, _ = exchangeable(0, rows, levels=(a / 2, 0.5, 1 - a / 2))
        assert np.isfinite(step(name, known, y)(test).values).all() == finite
    page = (Path(__file__).parents[2] / "docs" / "quantile.md").read_text(encoding="utf-8")
    assert f"| `+{name}` | {' | '.join(map(str, NEEDED[name]))} |" in page


# --- split conformal that forgets -----------------------------------------------------------------


def test_a_long_half_life_is_cqr():
    known, y, test, _ = exchangeable(1, 40)
    found = step("weighted-cqr:half_life=1e6", known, y)(test).values
    np.testing.assert_array_equal(found, step("cqr", known, y)(test).values)


@given(seed=st.integers(0, 10**6), n=st.integers(1, 50), half_life=st.sampled_from([0.1, 0.5, 2.0]))
def test_the_margin_is_a_weighted_quantile_with_the_predicted_row_at_infinity(seed, n, half_life):
    known, y, test, _ = exchangeable(seed, n, levels=(0.1, 0.5, 0.9))
    missed = np.maximum(known.values[:, 0] - y, y - known.values[:, 2])
    weight = np.array([0.5 ** ((n - i) / (half_life * n)) for i in range(n)])
    margin = min((e for e in missed if weight[missed <= e].sum() >= 0.8 * (weight.sum() + 1) - 1e-9), default=np.inf)
    values = test.values.copy()
    values[:, 0] -= margin
    values[:, 2] += margin
    found = step(f"weighted-cqr:half_life={half_life}", known, y)(test).values
    np.testing.assert_allclose(found, widened(values, test), rtol=1e-12)


def test_after_a_change_late_rows_count():
    """The noise grows threefold before the last third of the rows: cqr covers too little, its weighted kin less so."""
    rng, levels, hit = (
        np.random.default_rng(0),
        (0.1, 0.5, 0.9),
        dict.fromkeys(["cqr", "weighted-cqr:half_life=0.1"], 0),
    )
    for _ in range(200):
        y = rng.normal(size=150) * np.where(np.arange(150) < 100, 1, 3)
        test, truth = prediction_of(np.tile([-1.0, 0, 1], (50, 1)), levels), 3 * rng.normal(size=50)
        for name in hit:
            found = step(name, prediction_of(np.tile([-1.0, 0, 1], (150, 1)), levels), y)(test).values
            hit[name] += np.mean((found[:, 0] <= truth) & (truth <= found[:, 2])) / 200
    assert hit["cqr"] < 0.65
    assert 0.77 < hit["weighted-cqr:half_life=0.1"] < 0.83


@pytest.mark.parametrize("half_life", ["0", "-1", "nan"])
def test_a_half_life_is_above_zero(half_life):
    known, y, _, _ = exchangeable(0, 5)
    with pytest.raises(BenchError, match=r"half_life of weighted-cqr cannot be .*give a share"):
        step(f"weighted-cqr:half_life={half_life}", known, y)


# --- cross-conformal ------------------------------------------------------------------------------


def naive_cv_plus(known, y, test):
    """Barber, Candès, Ramdas and Tibshirani, one test row, interval and training row at a time."""
    values, n = test.values.copy(), len(y)
    for lo, hi in known.target.intervals.values():
        coverage = round(float(known.target.levels[hi] - known.target.levels[lo]), 9)
        low_rank = math.floor(round((1 - coverage) * (n + 1), 9))
        high_rank = math.ceil(round(coverage * (n + 1), 9))
        for t in range(len(values)):
            lows, highs = [], []
            for i in range(n):
                e = max(known.values[i, lo] - y[i], y[i] - known.values[i, hi])
                lows.append(test.by_fold[known.inner_fold[i], t, lo] - e)
                highs.append(test.by_fold[known.inner_fold[i], t, hi] + e)
            values[t, lo] = sorted(lows)[low_rank - 1] if low_rank >= 1 else -math.inf
            values[t, hi] = sorted(highs)[high_rank - 1] if high_rank <= n else math.inf
    return widened(values, test)


def cross(seed, n, folds, levels=DEFAULT_LEVELS, *, m=6, ties=False):
    known, y, test, truth = exchangeable(seed, n, m, levels)
    rng = np.random.default_rng(seed + 1)
    by_fold = np.sort(test.values + 0.4 * rng.normal(size=(folds, m, len(levels))), axis=2)
    fold = rng.permutation(np.arange(n) % folds)
    if ties:
        known, y, by_fold = replace(known, values=np.round(known.values)), np.round(y), np.round(by_fold)
    return replace(known, inner_fold=fold), y, replace(test, by_fold=by_fold), truth


@given(
    seed=st.integers(0, 10**6), n=st.integers(5, 60), folds=st.integers(2, 5),
    levels=st.sampled_from(sorted(LEVELS)), ties=st.booleans(),
)  # fmt: skip
def test_cv_plus_is_as_defined(seed, n, folds, levels, ties):
    known, y, test, _ = cross(seed, n, folds, LEVELS[levels], ties=ties)
    found = step("cv-plus", known, y)(test).values
    np.testing.assert_allclose(found, naive_cv_plus(known, y, test), rtol=1e-12, atol=1e-12)
    assert np.all(found[:, 1:] >= found[:, :-1])


@given(seed=st.integers(0, 10**6), n=st.integers(2, 30))
@few
def test_as_many_folds_as_rows_are_jackknife_plus(seed, n):
    known, y, test, _ = cross(seed, n, n)
    np.testing.assert_allclose(step("cv-plus", known, y)(test).values, naive_cv_plus(known, y, test), rtol=1e-12)


def test_folds_that_agree_give_the_margins_of_cqr():
    known, y, test, _ = cross(0, 40, 4)
    alike = replace(test, by_fold=np.stack([test.values] * 4))
    np.testing.assert_allclose(step("cv-plus", known, y)(alike).values, step("cqr", known, y)(test).values, rtol=1e-12)


def test_cv_plus_is_infinite_where_its_rank_is_beyond_the_rows():
    known, y, test, _ = cross(0, 9, 3)
    found = step("cv-plus", known, y)(test).values
    assert np.isneginf(found[:, 0]).all()
    assert np.isposinf(found[:, -1]).all()
    assert np.isfinite(found[:, 2:-2]).all()


def test_cv_plus_with_rows_far_off_and_equal():
    known, y, test, _ = cross(3, 40, 4)
    y = np.where(np.arange(40) < 6, 1e12, y)
    np.testing.assert_allclose(step("cv-plus", known, y)(test).values, naive_cv_plus(known, y, test), rtol=1e-9)


def test_cv_plus_names_its_folds_as_it_likes_and_forgets_rows_without_weight():
    known, y, test, _ = cross(1, 40, 4)
    plain = step("cv-plus", known, y)(test).values
    np.testing.assert_array_equal(
        step("cv-plus", replace(known, inner_fold=10 * known.inner_fold + 3), y)(test).values, plain
    )
    silent = np.append(known.inner_fold, [4] * 5)
    more = replace(
        known, values=np.vstack([known.values, known.values[:5]]), inner_fold=silent, weight=(silent < 4).astype(float)
    )  # fmt: skip
    fifth = replace(test, by_fold=np.concatenate([test.by_fold, 99 + test.by_fold[:1]]))
    np.testing.assert_array_equal(step("cv-plus", more, np.append(y, y[:5]))(fifth).values, plain)


def test_cv_plus_learns_from_fits_that_left_the_fold_out():
    """Least squares on few rows: it covers, where margins from rows that were seen do not."""
    rng, levels, covered = np.random.default_rng(0), (0.1, 0.5, 0.9), np.zeros(2)
    for _ in range(150):
        X, coefficients = rng.normal(size=(60, 10)), rng.normal(size=10)
        y, fold = X @ coefficients + rng.normal(size=60), np.arange(20) % 5
        fits = [np.linalg.lstsq(X[:20][fold != k], y[:20][fold != k], rcond=None)[0] for k in range(5)]
        predictions = np.array([X[i] @ fits[fold[i]] for i in range(20)])
        full = np.linalg.lstsq(X[:20], y[:20], rcond=None)[0]
        known = prediction_of(np.tile(predictions[:, None], 3), levels, inner_fold=fold)
        by_fold = np.stack([np.tile((X[20:] @ fit)[:, None], 3) for fit in fits])
        test = prediction_of(np.tile((X[20:] @ full)[:, None], 3), levels, by_fold=by_fold)
        seen = prediction_of(np.tile((X[:20] @ full)[:, None], 3), levels)
        for j, found in enumerate([step("cv-plus", known, y[:20])(test), step("cqr", seen, y[:20])(test)]):
            covered[j] += np.mean((found.values[:, 0] <= y[20:]) & (y[20:] <= found.values[:, 2])) / 150
    assert covered[0] >= 0.8
    assert covered[1] < 0.7


def test_cv_plus_leaves_known_rows_and_refuses_without_the_fold_models():
    known, y, test, _ = cross(0, 40, 4)
    change = step("cv-plus", known, y)
    assert change(known) is known
    for missing_modules in (None, test.by_fold[:3]):
        with pytest.raises(NotApplicableError, match="each inner fold predict"):
            change(replace(test, by_fold=missing_modules))
    with pytest.raises(NotApplicableError, match="which inner fold"):
        step("cv-plus", replace(known, inner_fold=None), y)


@pytest.mark.parametrize("name", ["cqr", "weighted-cqr", "cv-plus"])
def test_intervals_move_with_the_unit_and_the_origin(name):
    known, y, test, _ = cross(5, 60, 4)
    found = step(name, known, y)(test).values

    def moved(prediction):
        by_fold = None if prediction.by_fold is None else 8 * prediction.by_fold - 3
        return replace(prediction, values=8 * prediction.values - 3, by_fold=by_fold)

    np.testing.assert_allclose(step(name, moved(known), 8 * y - 3)(moved(test)).values, 8 * found - 3, rtol=1e-10)


def test_what_each_step_promises_stands_beside_it():
    entries = registry.entries("quantile")
    promised = {name for name, entry in entries.items() if entry.options.guarantee}
    assert promised == {"cqr", "cv-plus", "weighted-cqr", "asymmetric-cqr", "cqr-m", "cqr-r", "group-cqr"}
    assert {entries[name].options.protocols for name in promised - {"cv-plus"}} == {("split",)}
    assert entries["cv-plus"].options.protocols == ("bag", "nested")
