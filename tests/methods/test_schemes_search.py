"""Schemes that search for weights: each against a slow walk of its own, and against what it may never do."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import panel_of
from makers.panels import MAKE, classes, loss_of, naive_greedy, points, quantiles, scheme

from bench.checks.examples import global_randomness
from bench.core.nouns import BenchError, Prediction, Weights
from bench.methods import metrics
from bench.methods.ensembles.cma_es import round_to_picks
from bench.methods.ensembles.objective import badness_of_weights, hinges_of, judge_of_predictions

SEARCHES = ["greedy", "hill-climb", "cma-es", "cma-es-softmax", "cma-es-explicit", "quality-diversity"]
seeds, weighted = st.integers(0, 10**6), st.booleans()
few = settings(max_examples=12)


# what searches need


@pytest.mark.parametrize("kind", MAKE)
@given(seed=seeds, weighted=weighted, n=st.sampled_from([1, 7, 25]))
@few
def test_badness_of_weights_is_the_loss_of_the_average(kind, seed, weighted, n):
    panel, y = MAKE[kind](seed, weighted=weighted, n=n)
    w = np.vstack([np.eye(4), np.random.default_rng(seed).dirichlet(np.ones(4), 6)])
    expected = [loss_of(panel, y, Weights(row)(panel)) for row in w]
    np.testing.assert_allclose(badness_of_weights(panel, y)(w), expected, rtol=1e-9, atol=1e-12)


def test_badness_reads_chunks_alike(monkeypatch):
    for make in MAKE.values():
        panel, y = make(3, weighted=True)
        w = np.random.default_rng(0).dirichlet(np.ones(4), 5)
        whole = badness_of_weights(panel, y)(w)
        monkeypatch.setattr("bench.methods.ensembles.objective.CHUNK", 4)
        np.testing.assert_allclose(badness_of_weights(panel, y)(w), whole, rtol=1e-12)
        monkeypatch.undo()


def test_only_pairs_with_errors_to_both_sides_have_a_hinge():
    panel, y = quantiles(0)
    error = panel.predictions - y[:, None]
    both = (error.min(axis=0) < 0) & (error.max(axis=0) > 0)
    (pairs,) = hinges_of(panel, y).parts()
    assert pairs.error.shape == (4, both.sum())


def test_an_undefined_metric_is_infinitely_bad():
    panel, y = classes(0)
    judge = judge_of_predictions(panel, np.zeros_like(y), "auroc")
    assert judge(panel.predictions[0]) == np.inf


# greedy selection


@given(seed=seeds, weighted=weighted)
@few
def test_greedy_of_quantiles_is_caruanas_loop(seed, weighted):
    panel, y = quantiles(seed, weighted=weighted)
    expected = naive_greedy(panel, y, 12, lambda values: loss_of(panel, y, values))
    np.testing.assert_allclose(scheme("greedy:rounds=12", panel, y).w, expected, atol=1e-12)


def test_greedy_of_quantiles_by_a_metric():
    panel, y = quantiles(5)
    metric = metrics.get_metric(panel.target, "mean_pinball")

    def badness(values):
        return metric.badness(metric.function(panel.target, y, Prediction(panel.target, values, panel.weight)))

    found = scheme("greedy:rounds=8,metric=mean_pinball", panel, y).w
    np.testing.assert_allclose(found, naive_greedy(panel, y, 8, badness), atol=1e-12)


@pytest.mark.parametrize("kind", MAKE)
def test_bagged_greedy_is_the_mean_over_random_halves(kind):
    panel, y = MAKE[kind](6, learners=5)
    rng = np.random.default_rng(9)
    halves = [rng.permutation(5)[:3] for _ in range(4)]
    loops = [naive_greedy(panel, y, 6, lambda values: loss_of(panel, y, values), half) for half in halves]
    found = scheme("greedy:rounds=6,bagging=4", panel, y, seed=9)
    np.testing.assert_allclose(found.w, np.mean(loops, axis=0), atol=1e-12)


# hill climbing


def naive_climb(panel, y, precision, rounds, badness):
    """Try every step towards every learner, and take the best while it helps."""
    single = [badness(predictions) for predictions in panel.predictions]
    w, reached = np.eye(len(single))[int(np.argmin(single))], min(single)
    steps = precision * np.arange(1, round(0.5 / precision) + 1)
    for _ in range(rounds):
        tried = [(1 - a) * w + a * corner for corner in np.eye(len(w)) for a in steps]
        found = [badness(Weights(each)(panel)) for each in tried]
        if not min(found) < reached - 1e-12 * abs(reached):
            break
        w, reached = tried[int(np.argmin(found))], min(found)
    return w


@pytest.mark.parametrize("kind", MAKE)
@given(seed=seeds, weighted=weighted)
@few
def test_hill_climb_is_the_naive_walk(kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted=weighted, n=15)
    expected = naive_climb(panel, y, 0.05, 6, lambda values: loss_of(panel, y, values))
    np.testing.assert_allclose(scheme("hill-climb:precision=0.05,rounds=6", panel, y).w, expected, atol=1e-9)


@pytest.mark.parametrize(("kind", "name"), [("point", "mae"), ("class", "brier")])
def test_hill_climb_by_a_metric(kind, name):
    panel, y = MAKE[kind](8)
    metric = metrics.get_metric(panel.target, name)
    expected = naive_climb(
        panel, y, 0.1, 10, lambda v: metric.badness(metric.function(panel.target, y, Prediction(panel.target, v)))
    )
    np.testing.assert_allclose(
        scheme(f"hill-climb:precision=0.1,rounds=10,metric={name}", panel, y).w, expected, atol=1e-9
    )


def test_hill_climb_comes_near_the_exact_weights():
    for kind, exact in (("point", "qp-simplex"), ("class", "log-stack"), ("quantile", "coarse")):
        panel, y = MAKE[kind](1, n=60)
        best, found = (loss_of(panel, y, scheme(name, panel, y)(panel)) for name in (exact, "hill-climb"))
        assert found <= best + 2e-3 * abs(best)


# populations


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12).filter(any), st.integers(1, 60))
def test_rounded_weights_are_whole_counts_near_the_weights(raw, picks):
    w = np.array(raw) / np.sum(raw)
    counts = round_to_picks(w, picks)
    assert counts.sum() == picks
    assert counts.min() >= 0
    np.testing.assert_array_equal(counts, np.round(counts))
    if (w * picks > 0.5).any():
        assert not counts[(w <= 0.5 / picks)].any()


def test_rounding_repairs_from_the_smallest_and_to_the_largest():
    np.testing.assert_array_equal(round_to_picks(np.array([0.55, 0.15, 0.15, 0.15]), 10), [6, 0, 2, 2])
    np.testing.assert_array_equal(round_to_picks(np.array([0.44, 0.34, 0.04, 0.18]), 10), [5, 3, 0, 2])
    np.testing.assert_array_equal(round_to_picks(np.full(6, 1 / 6), 2), [1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("kind", MAKE)
def test_searches_never_do_worse_than_the_best_learner(kind):
    for seed, name in itertools.product(range(3), SEARCHES):
        panel, y = MAKE[kind](seed, weighted=seed == 1)
        found = scheme(name, panel, y)
        values = np.sort(found(panel), axis=1) if kind == "quantile" else found(panel)
        assert (
            loss_of(panel, y, values)
            <= min(loss_of(panel, y, predictions) for predictions in panel.predictions) + 1e-12
        ), name
        np.testing.assert_allclose(found.w.sum(), 1, rtol=1e-9)
        if name != "cma-es":
            assert found.w.min() >= 0


def test_cma_es_finds_the_affine_optimum_of_a_square():
    panel, y = points(2, learners=5, n=200)
    E = panel.predictions[:, :, 0] - y
    w = np.linalg.solve(E @ E.T, np.ones(5))
    best = loss_of(panel, y, Weights(w / w.sum())(panel))
    assert loss_of(panel, y, scheme("cma-es", panel, y)(panel)) <= best * 1.01


def test_cma_es_with_negative_weights_predicts_probabilities():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 200)
    sharp, bias = np.eye(3)[y], rng.normal(size=(200, 3)) * 2
    odds = np.exp([0.7 * sharp + bias, bias, 0.3 * sharp + bias])
    panel = panel_of(odds / odds.sum(axis=-1, keepdims=True), "class")
    found = scheme("cma-es", panel, y)
    assert found.w.min() < 0
    values = found(panel)
    assert values.min() > 0
    np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("name", ["cma-es-softmax", "cma-es-explicit", "quality-diversity"])
def test_a_search_by_a_metric_is_as_good_as_the_best_learner(name):
    panel, y = classes(4, n=40)
    judge = judge_of_predictions(panel, y, "macro_f1")
    found = scheme(f"{name}:metric=macro_f1", panel, y)
    assert judge(found(panel)) <= min(judge(predictions) for predictions in panel.predictions)


def test_explicit_weights_are_multiples():
    panel, y = points(3)
    w = scheme("cma-es-explicit:picks=20", panel, y).w
    np.testing.assert_allclose(20 * w, np.round(20 * w), atol=1e-9)


@pytest.mark.parametrize(
    "name", ["cma-es", "cma-es-softmax", "cma-es-explicit", "quality-diversity", "greedy:bagging=3"]
)
def test_a_search_depends_on_its_generator_alone(name, capfd):
    panel, y = points(4, learners=6)
    first = scheme(name, panel, y, seed=1).w
    with global_randomness(5):
        before = np.random.get_state()[1].copy()  # noqa: NPY002 - this is what must not matter
        np.testing.assert_array_equal(scheme(name, panel, y, seed=1).w, first)
        np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert capfd.readouterr() == ("", "")
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("name", ["cma-es", "quality-diversity", "greedy:bagging=3"])
def test_the_generator_matters(name):
    panel, y = points(4, learners=6)
    assert any((scheme(name, panel, y, seed=s).w != scheme(name, panel, y, seed=1).w).any() for s in range(2, 6))


@pytest.mark.parametrize(
    "text",
    [
        "greedy:rounds=0", "greedy:bagging=-1", "hill-climb:precision=0", "hill-climb:precision=0.6", "cma-es:step=0",
        "cma-es-softmax:step=-1", "cma-es-explicit:picks=0", "quality-diversity:batch=0", "hill-climb:metric=nope",
        "cma-es:metric=nope",
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(text):
    panel, y = points(0)
    with pytest.raises(BenchError, match=text.partition(":")[2].partition("=")[2].replace(".", r"\.")):
        scheme(text, panel, y)
