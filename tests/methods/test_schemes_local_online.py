"""Schemes that look at rows, at their order, or at other schemes: each against plain loops and explicit designs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import panel_of, panels
from makers.panels import LEVELS, scheme, weight_of

from bench.core import losses
from bench.core.hashing import generator
from bench.core.nouns import BenchError, NotApplicableError, Weights
from bench.methods.ensembles import boa, register, registry
from bench.methods.ensembles.online import keep_order, shuffle_rows
from bench.solvers import row_blocks
from bench.solvers.simplex_qp import residual_gram, simplex_qp

ONLINE = ["hedge", "boa", "ml-poly", "fixed-share", "sleeping-experts"]
seeds, weighted = st.integers(0, 10**6), st.booleans()
few = settings(max_examples=10)


def dressed(make, seed, *, weighted=False, n=40, **sizes):
    """Return a panel with features, folds and row weights, one of them zero, and its y."""
    panel, y = make(seed, n=n, **sizes)
    rng = np.random.default_rng(seed + 1)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.integers(0, 2, n) * 1.0, "c": rng.normal(size=n)})
    weight = rng.uniform(0.1, 3, n) * (np.arange(n) != 2) if weighted else None
    return replace(panel, X=X, weight=weight, inner_fold=np.arange(n) % 4), y


MAKE = {kind: partial(dressed, make) for kind, make in panels.MAKE.items()}
points, classes, quantiles = MAKE.values()


# neighbours


def neighbours(panel, x, k):
    """Return the k nearest rows that have any weight, by trying all."""
    used = [i for i in range(len(panel.X)) if weight_of(panel)[i] > 0]
    return sorted(used, key=lambda i: float(np.sum((panel.X.to_numpy()[i] - x) ** 2)))[:k]


def by_hand(panel, y, test, k, rule):
    """Predict row by row with weights from `rule(right or error of the neighbours (k, L), their weights)`."""
    predictions = []
    for i, x in enumerate(test.X.to_numpy()):
        near = neighbours(panel, x, k)
        w = np.asarray(rule(near), dtype=float)
        predictions.append((w / w.sum()) @ test.predictions[:, i])
    return np.array(predictions)


@given(seed=seeds, weighted=weighted, k=st.sampled_from([1, 3, 7, 99]))
@few
def test_knora_eliminate(seed, weighted, k):
    panel, y = classes(seed, weighted=weighted)
    test, _ = classes(seed + 1, n=15)
    right = np.argmax(panel.predictions, axis=2) == y

    def rule(near):
        for few_of in range(len(near), 0, -1):
            chosen = right[:, near[:few_of]].all(axis=1)
            if chosen.any():
                return chosen
        return np.ones(len(right))

    found = scheme(f"knora-e:k={k}", panel, y)(test)
    np.testing.assert_allclose(found, by_hand(panel, y, test, k, rule), rtol=1e-10)


@given(seed=seeds, weighted=weighted, k=st.sampled_from([1, 3, 7]))
@few
def test_knora_union(seed, weighted, k):
    panel, y = classes(seed, weighted=weighted)
    test, _ = classes(seed + 1, n=15)
    right = np.argmax(panel.predictions, axis=2) == y

    def rule(near):
        votes = right[:, near] @ weight_of(panel)[near]
        return votes if votes.any() else np.ones(len(right))

    found = scheme(f"knora-u:k={k}", panel, y)(test)
    np.testing.assert_allclose(found, by_hand(panel, y, test, k, rule), rtol=1e-10)


@pytest.mark.parametrize("kind", MAKE)
@given(seed=seeds, weighted=weighted)
@few
def test_ola(kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted=weighted)
    test, _ = MAKE[kind](seed + 1, n=15)
    error = losses.proper_loss(panel.target, y, panel.predictions)
    error = (np.argmax(panel.predictions, axis=2) != y) * 1.0 if kind == "class" else error

    def rule(near):
        total = error[:, near] @ weight_of(panel)[near]
        return total <= total.min() * (1 + 1e-12)

    np.testing.assert_allclose(scheme("ola", panel, y)(test), by_hand(panel, y, test, 7, rule), rtol=1e-10)


def test_neighbours_are_found_in_chunks(monkeypatch):
    panel, y = classes(0)
    found = scheme("knora-u", panel, y)
    whole = found(panel)
    monkeypatch.setattr("bench.methods.ensembles.neighbours.CHUNK", 7)
    np.testing.assert_allclose(found(panel), whole, rtol=1e-12)


@pytest.mark.parametrize("name", ["knora-e", "knora-u", "ola"])
def test_a_neighbour_at_least(name):
    with pytest.raises(BenchError, match="cannot be 0"):
        scheme(f"{name}:k=0", *classes(0))


# feature-weighted stacking


def explicit_ridge(panel, y, features, penalty_place):
    """Build every column of the design for every row and class, and solve the normal equations."""
    s, K = weight_of(panel), panel.target.width
    Y = np.eye(K)[y] if panel.target.kind == "class" else y[:, None]
    level = np.average(Y, axis=0, weights=s)
    X = panel.X.to_numpy()
    middle = np.average(X, axis=0, weights=s)
    _, d, Vt = np.linalg.svd((X - middle) * np.sqrt(s / s.sum())[:, None], full_matrices=False)
    g = np.column_stack([np.ones(len(X)), np.clip((X - middle) @ Vt.T / d, -3, 3)[:, :features]])

    def design(k):
        return np.array([[g[n, f] * (panel.predictions[lrn, n, k] - level[k]) for lrn in range(len(panel.predictions))
                          for f in range(g.shape[1])] for n in range(len(X))])  # fmt: skip

    D = np.vstack([design(k) for k in range(K)])
    target, S = np.concatenate([Y[:, k] - level[k] for k in range(K)]), np.tile(s, K)
    normal = D.T @ (S[:, None] * D)
    penalty = np.logspace(2, -6, 9)[penalty_place] * np.trace(normal) / len(normal)
    v = np.linalg.solve(normal + penalty * np.eye(len(normal)), D.T @ (S * target))
    return np.column_stack([level[k] + design(k) @ v for k in range(K)])


@pytest.mark.parametrize("kind", ["point", "class"])
@given(seed=seeds, weighted=weighted, features=st.sampled_from([0, 2, 10]))
@few
def test_feature_weighted_is_a_ridge_on_the_explicit_design(kind, seed, weighted, features):
    panel, y = MAKE[kind](seed, weighted=weighted, learners=3, n=60)
    found = scheme(f"feature-weighted:features={features}", panel, y)(panel)
    tried = [explicit_ridge(panel, y, features, place) for place in range(9)]
    if kind == "class":
        tried = [np.maximum(one, 1e-15) / np.maximum(one, 1e-15).sum(axis=1, keepdims=True) for one in tried]
    assert min(np.abs(found - one).max() for one in tried) < 1e-6


def test_feature_weighted_finds_weights_that_depend_on_the_row():
    rng = np.random.default_rng(0)
    y, x = rng.normal(size=400), rng.uniform(-1, 1, 400)
    far = rng.normal(size=400)
    panel = panel_of(np.stack([y + far * (1 + x), y - far * (1 - x)]))  # the solution (1-x)/2, (1+x)/2 has no error
    panel = replace(panel, X=pd.DataFrame({"x": x}))
    found = scheme("feature-weighted", panel, y)
    assert np.mean((found(panel)[:, 0] - y) ** 2) < 1e-3 * np.mean((Weights(np.full(2, 0.5))(panel)[:, 0] - y) ** 2)


# online schemes, as recursions on plain numbers


def ordered(panel, order):
    s = weight_of(panel)
    used = s[order].mean()
    return [(i, s[i] / used) for i in order]


def shuffle(panel, seed=0):
    return np.random.default_rng(seed).permutation(np.flatnonzero(weight_of(panel)))


def slope_excess(panel, y, i, w):
    """Return slope'(pool - ŷ_l) of squared error, Brier score or WIS at the pool."""
    pool = sum(w[lrn] * panel.predictions[lrn, i] for lrn in range(len(w)))
    if panel.target.kind == "point":
        slope = 2 * (pool - y[i])
    elif panel.target.kind == "class":
        slope = 2 * (pool - np.eye(len(pool))[y[i]])
    else:
        slope = np.where(pool > y[i], 1 - np.array(LEVELS), -np.array(LEVELS)) * 2 / len(LEVELS)
    return np.array([slope @ (pool - panel.predictions[lrn, i]) for lrn in range(len(w))])


def naive_hedge(panel, y):
    L = len(panel.predictions)
    gone, gap, used, mass = np.zeros(L), 0.0, np.zeros(L), 0.0
    for i, s in ordered(panel, shuffle(panel)):
        loss = s * np.array(
            [losses.proper_loss(panel.target, y[i : i + 1], panel.predictions[lrn, i : i + 1])[0] for lrn in range(L)]
        )
        if gap == 0:
            w = (gone == gone.min()) / np.sum(gone == gone.min())
            mix = loss[w > 0].min()
        else:
            eta = np.log(L) / gap
            w = np.exp(-eta * (gone - gone.min()))
            w /= w.sum()
            mix = -np.log(np.sum(w * np.exp(-eta * loss))) / eta
        used, mass = used + s * w, mass + s
        gap += max(w @ loss - mix, 0)
        gone = gone + loss
    return used / mass


def naive_boa(panel, y):
    L = len(panel.predictions)
    w, history, gained, used, mass = [1 / L] * L, [], [0.0] * L, np.zeros(L), 0.0
    for i, s in ordered(panel, shuffle(panel)):
        used, mass = used + s * np.array(w), mass + s
        history.append(s * slope_excess(panel, y, i, w))
        eta = [1 / np.sqrt(2.2 * sum(r[lrn] ** 2 for r in history)) for lrn in range(L)]
        gained = [gained[lrn] + history[-1][lrn] - eta[lrn] * history[-1][lrn] ** 2 for lrn in range(L)]
        odds = [eta[lrn] * np.exp(eta[lrn] * gained[lrn]) for lrn in range(L)]
        w = [each / sum(odds) for each in odds]
    return used / mass


GOLDEN_BOA = [
    [1 / 3, 1 / 3, 1 / 3],
    [0.19202245, 0.76808981, 0.03988774],
    [0.25648938, 0.7090232, 0.03448742],
    [0.17389399, 0.78530395, 0.04080206],
    [0.25993691, 0.68748877, 0.05257432],
    [0.45189427, 0.27459698, 0.27350876],
]
"""Weights of the R package opera for squared error, uniform prior, on the rows of the test below."""


def weights_by_row(stream):
    """Return the weights of boa before each row, and after the last."""
    (block,) = stream.blocks()
    w, state = boa.learn(boa.first_state(block.predictions.shape[1]), block.excess, len(block.y))
    return np.vstack([w, state.w])


def test_boa_gives_the_weights_of_the_reference_implementation():
    rows = [(1, 2, 4), (2, 2.5, 3), (0, 1, 1.5), (3, 2, 2), (1, 3, 2)]
    stream = keep_order(panel_of(np.transpose(rows)), np.array([2, 2, 1, 2.5, 1.5]))
    np.testing.assert_allclose(weights_by_row(stream), GOLDEN_BOA, atol=5e-9)


def test_boa_freezes_the_mean_of_its_weights_before_each_row():
    panel, y = points(2, weighted=True)
    stream = shuffle_rows(panel, y, np.random.default_rng(0))
    expected = stream.weight @ weights_by_row(stream)[:-1] / stream.weight.sum()
    np.testing.assert_allclose(scheme("boa", panel, y).w, expected, rtol=1e-12)


def test_a_learner_that_never_differs_from_the_pool_keeps_its_first_weight_in_boa():
    y = np.arange(6.0)
    equal = weights_by_row(keep_order(panel_of([y + 0.3] * 3), y))
    np.testing.assert_array_equal(equal, np.full((7, 3), 1 / 3))
    wrong = y + np.array([1, 0.5, 0.25, 2, 1, 1])
    middle = weights_by_row(keep_order(panel_of([wrong + 1, wrong, wrong - 1]), y))
    np.testing.assert_allclose(middle[1, 1], 1 / 3, rtol=1e-12)
    np.testing.assert_allclose(middle.sum(axis=1), 1, rtol=1e-12)
    assert middle[1, 2] > middle[1, 0]


def naive_ml_poly(panel, y):
    L = len(panel.predictions)
    w, history, used, mass = np.full(L, 1 / L), [], np.zeros(L), 0.0
    for i, s in ordered(panel, shuffle(panel)):
        used, mass = used + s * w, mass + s
        history.append(s * slope_excess(panel, y, i, w))
        past = np.array(history)
        w = np.maximum(past.sum(axis=0), 0) / ((past**2).max() + (past**2).sum(axis=0))
        w = w / w.sum() if w.any() else np.full(L, 1 / L)
    return used / mass


def naive_fixed_share(panel, y, rate=1.0, share=0.01):
    L, rows = len(panel.predictions), ordered(panel, np.flatnonzero(weight_of(panel)))
    own = losses.proper_loss(panel.target, y, panel.predictions)
    loss = {i: s * own[:, i] for i, s in rows}
    eta = rate / np.mean([np.ptp(loss[i]) for i, _ in rows])
    w = np.full(L, 1 / L)
    for i, _ in rows:
        w = w * np.exp(-eta * loss[i])
        w = (1 - share) * w / w.sum() + share / L
    return w


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize(
    ("name", "naive"),
    [("hedge", naive_hedge), ("boa", naive_boa), ("ml-poly", naive_ml_poly), ("fixed-share", naive_fixed_share)],
)
@given(seed=seeds, weighted=weighted)
@few
def test_online_schemes_are_their_recursions(name, naive, kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted=weighted, n=30)
    np.testing.assert_allclose(scheme(name, panel, y).w, naive(panel, y), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", MAKE)
@given(seed=seeds, weighted=weighted)
@few
def test_sleeping_experts_wake_by_group(kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted=weighted)
    group, L = panel.X["b"].to_numpy().astype(int), len(panel.predictions)
    awake_in = [lambda g: g == 0, lambda g: g == 1, np.isfinite]  # whose copy it is
    history, used, mass = [], np.zeros((2, L)), np.zeros((2, 1))
    for i, s in ordered(panel, shuffle(panel)):
        awake = np.array([wakes(group[i]) for wakes in awake_in])[:, None]
        past = np.array(history).reshape(-1, 3, L)
        w = np.zeros((3, L))
        if len(past):
            w = np.maximum(past.sum(axis=0), 0) / ((past**2).max() + (past**2).sum(axis=0)) * awake
        w = w / w.sum() if w.any() else awake / awake.sum() / L
        pooled = w.sum(axis=0) * np.ones(L)
        used[group[i]] += s * pooled
        mass[group[i]] += s
        history.append(s * slope_excess(panel, y, i, pooled) * awake)
    found = scheme("sleeping-experts:column=b", panel, y)
    np.testing.assert_allclose(found.w, used / mass, rtol=1e-8, atol=1e-10)
    expected = np.array([found.w[group[i]] @ panel.predictions[:, i] for i in range(len(y))])
    np.testing.assert_allclose(found(panel), expected, rtol=1e-10)


def test_groups_are_values_or_ranges():
    panel, y = points(0, n=100)
    assert scheme("sleeping-experts:column=b", panel, y).cuts.tolist() == [0.5]
    found = scheme("sleeping-experts:column=a,levels=4", panel, y)
    np.testing.assert_array_equal(np.bincount(found.group(panel)), [25, 25, 25, 25])
    assert scheme("sleeping-experts", panel, y).column == "a"
    beyond = replace(panel, X=panel.X.assign(a=np.where(np.arange(100) < 50, -99.0, 99.0)))
    assert set(found.group(beyond)) == {0, 3}
    rare = replace(panel, X=panel.X.assign(a=np.where(np.arange(100) < 95, 1.0, np.arange(100.0))))
    assert scheme("sleeping-experts:column=a", rare, y).w.shape[1] == 4


def test_an_unknown_column():
    with pytest.raises(BenchError, match=r"column 'nope' .* choose from a, b, c"):
        scheme("sleeping-experts:column=nope", *points(0))


def test_fixed_share_follows_change_and_hedge_does_not():
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    noise = rng.normal(size=(2, 400)) * np.where(np.arange(400) < 250, [[0.1], [2]], [[2], [0.1]])
    panel = panel_of(y + noise)
    assert scheme("fixed-share", panel, y).w[1] > 0.9
    assert scheme("hedge", panel, y).w[1] < 0.5


def test_online_schemes_come_near_the_exact_weights():
    rng = np.random.default_rng(1)
    y = rng.normal(size=4000)
    panel = panel_of(y + rng.normal(size=(5, 4000)) * np.array([0.5, 0.5, 1, 1, 2])[:, None])
    loss = {name: np.mean((scheme(name, panel, y)(panel)[:, 0] - y) ** 2) for name in ("qp-simplex", "boa", "ml-poly")}
    assert max(loss.values()) < 1.05 * loss["qp-simplex"]


@pytest.mark.parametrize("text", ["fixed-share:rate=0", "fixed-share:share=0", "sleeping-experts:levels=0"])
def test_rates_that_make_no_sense(text):
    with pytest.raises(BenchError, match="give a"):
        scheme(text, *points(0))


# ties between the classes


def brier_tied(panel, y):
    grams = [residual_gram(panel.predictions[:, :, k], (y == k) * 1.0, panel.weight) for k in range(panel.target.width)]
    return simplex_qp(np.sum(grams, axis=0)).w, [simplex_qp(gram).w for gram in grams]


@given(seed=seeds, weighted=weighted)
@few
def test_both_ends_of_the_elastic_path(seed, weighted):
    panel, y = classes(seed, weighted=weighted)
    tied, free = brier_tied(panel, y)
    np.testing.assert_allclose(scheme("elastic-stack:alpha=inf", panel, y).w, np.tile(tied, (3, 1)).T, atol=1e-12)
    np.testing.assert_allclose(scheme("elastic-stack:alpha=0", panel, y).w, np.transpose(free), atol=1e-12)
    np.testing.assert_allclose(scheme("elastic-stack:alpha=1e5", panel, y).w, np.tile(tied, (3, 1)).T, atol=1e-3)
    np.testing.assert_allclose(scheme("elastic-stack:alpha=inf", panel, y)(panel), Weights(tied)(panel), rtol=1e-9)


def elastic_value(panel, y, w, alpha):
    s = weight_of(panel) / weight_of(panel).sum()
    error = np.einsum("lk,lnk->nk", w, panel.predictions) - np.eye(3)[y]
    size = np.mean([s @ ((panel.predictions[:, :, k] - (y == k)) ** 2).T for k in range(3)])
    return s @ (error**2).sum(axis=1) + alpha * size * np.sum((w - w.mean(axis=1, keepdims=True)) ** 2)


@given(seed=seeds, weighted=weighted, alpha=st.sampled_from([0.001, 0.03, 1.0, 50.0]))
@few
def test_elastic_weights_are_beaten_by_none_near_them(seed, weighted, alpha):
    panel, y = classes(seed, weighted=weighted)
    found = scheme(f"elastic-stack:alpha={alpha}", panel, y).w
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-9)
    assert found.min() >= 0
    rng = np.random.default_rng(seed)
    others = [rng.dirichlet(np.full(4, 0.5), 3).T for _ in range(60)] + [np.tile(brier_tied(panel, y)[0], (3, 1)).T]
    tried = [found + a * (each - found) for each in others for a in (1, 0.1, 0.01)]
    reached = elastic_value(panel, y, found, alpha)
    assert reached <= min(elastic_value(panel, y, w, alpha) for w in tried) + 1e-7 * reached


def test_elastic_stack_unties_what_experts_of_one_class_know():
    """A knows class 0 from the others, B knows 1 from 2; neither knows the rest."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 600)
    a = np.where((y == 0)[:, None], [0.96, 0.02, 0.02], [0.04, 0.48, 0.48])
    b = np.where((y == 1)[:, None], [0.33, 0.6, 0.07], [0.33, 0.07, 0.6])
    panel = replace(panel_of([a, b], "class"), inner_fold=np.arange(600) % 5)
    w = scheme("elastic-stack", panel, y).w
    assert w[0, 0] > w[0, 1] + 0.1
    with pytest.raises(BenchError, match="alpha"):
        scheme("elastic-stack:alpha=-1", panel, y)


# schemes of schemes


@pytest.mark.parametrize("kind", MAKE)
@given(seed=seeds, weighted=weighted)
@settings(max_examples=6)
def test_the_super_learner_chooses_by_held_out_loss(kind, seed, weighted):
    panel, y = MAKE[kind](seed, weighted=weighted)
    names = ["equal", "greedy:rounds=5", "single-best", "median"][: 3 if kind == "class" else 4]
    used, found = weight_of(panel) > 0, {}
    for name in names:
        values = np.empty(panel.predictions.shape[1:])
        for k in range(4):
            out = panel.inner_fold == k
            values[out] = scheme(name, panel.rows(used & ~out), y[used & ~out])(panel.rows(out))
        found[name] = np.average(losses.proper_loss(panel.target, y, values), weights=panel.weight)
    best = min(names, key=found.get)
    chosen = scheme(f"discrete-super-learner:of={'|'.join(names)}", panel, y)
    np.testing.assert_allclose(chosen(panel), scheme(best, panel, y)(panel), rtol=1e-12)


def test_the_super_learner_by_a_metric_and_by_tag():
    panel, y = classes(0)
    assert scheme("discrete-super-learner:of=single-best|equal,metric=macro_f1", panel, y).w.sum() == 1
    assert scheme("discrete-super-learner:of=baseline", panel, y)(panel).shape == (40, 3)


def test_the_super_learner_never_asks_itself():
    with pytest.raises(BenchError, match="no other point scheme"):
        scheme("discrete-super-learner:of=discrete-super-learner", *points(0))
    with pytest.raises(BenchError, match="unknown ensemble 'nope'"):
        scheme("discrete-super-learner:of=nope", *points(0))


def test_a_scheme_of_others_never_gets_the_rows_that_are_held_out(monkeypatch):
    def heedless(panel, y, rng):
        seen.append(y)
        return Weights(np.eye(len(panel.learners))[0])

    heedless.__module__ = "theirs"
    seen = []
    register("point")(heedless)
    monkeypatch.setattr(row_blocks, "WHOLE", 5)
    panel, y = points(0)
    scheme("discrete-super-learner:of=heedless", panel, y)
    *held_out, whole = map(len, seen)
    assert (held_out, whole) == ([np.sum(panel.inner_fold != k) for k in np.unique(panel.inner_fold)], len(y))


def test_the_super_learner_passes_over_what_does_not_apply():
    def shy(panel, y, rng):
        raise NotApplicableError("never")

    register("point")(shy)
    panel, y = points(0)
    np.testing.assert_array_equal(scheme("discrete-super-learner:of=shy|equal", panel, y).w, np.full(4, 0.25))
    with pytest.raises(NotApplicableError, match="no scheme of 'shy'"):
        scheme("discrete-super-learner:of=shy", panel, y)


@pytest.mark.parametrize("kind", MAKE)
def test_bootstrap_is_the_mean_over_repeated_rows(kind):
    panel, y = MAKE[kind](3)
    rng, expected = np.random.default_rng(0), []
    for _ in range(4):
        times = rng.multinomial(len(y), np.full(len(y), 1 / len(y)))
        rows = np.repeat(np.arange(len(y)), times)
        rng.integers(2**62)
        expected.append(scheme("single-best", panel.rows(rows), y[rows]).w)
    found = scheme("bootstrap:of=single-best,rounds=4", panel, y)
    np.testing.assert_allclose(found.w, np.mean(expected, axis=0), atol=1e-12)


def test_bootstrap_averages_intercepts_and_predictions():
    panel, y = points(1)
    ridge = scheme("bootstrap:of=ridge-stack,rounds=3", panel, y)
    assert ridge.intercept.shape == (1,)
    rng, predictions = np.random.default_rng(0), []
    for _ in range(3):
        drawn = replace(panel, weight=rng.multinomial(40, np.full(40, 1 / 40)) * 1.0)
        predictions.append(
            registry.scheme("ridge-stack")(drawn, y, generator(int(rng.integers(2**62)), "ridge-stack"))(panel)
        )
    np.testing.assert_allclose(ridge(panel), np.mean(predictions, axis=0), rtol=1e-10)
    assert not isinstance(scheme("bootstrap:of=median,rounds=2", panel, y), Weights)
    np.testing.assert_allclose(
        scheme("bootstrap:of=median,rounds=2", panel, y)(panel), scheme("median", panel, y)(panel), rtol=1e-12
    )


def test_bootstrap_of_what_does_not_serve():
    with pytest.raises(BenchError, match="of='log-stack'"):
        scheme("bootstrap:of=log-stack", *points(0))
    with pytest.raises(BenchError, match="rounds=0"):
        scheme("bootstrap:rounds=0", *points(0))


@pytest.mark.parametrize("kind", MAKE)
def test_all_bear_a_panel_without_folds(kind):
    panel, y = MAKE[kind](5)
    bare = replace(panel, inner_fold=None)
    for name in (*ONLINE, "ola", "feature-weighted", "elastic-stack", "discrete-super-learner", "knora-u"):
        if kind in registry.scheme(name).entry.kinds:
            assert scheme(name, bare, y)(bare).shape == panel.predictions.shape[1:]
