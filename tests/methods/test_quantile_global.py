"""Global quantile weights of every form, against HiGHS on the linear programs written out, and against one another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers import panel_of
from makers.panels import scheme
from scipy.optimize import linprog, minimize

from bench.core import losses
from bench.core.nouns import BenchError
from bench.solvers import pinball_levels
from bench.solvers.pinball import penalised_pinball, problem_of, solve
from bench.solvers.pinball_levels import each_level, pinball_banded, pinball_by_groups, pinball_tied
from bench.solvers.pinball_penalty import Entropy, Free, Quadratic, tied, towards_equal

pytestmark = pytest.mark.slow  # the whole file takes half a minute or more

fixed = settings(derandomize=True, deadline=None, max_examples=10)
seeds, weighted = st.integers(0, 2**32 - 1), st.booleans()
LEVELS = (0.1, 0.3, 0.5, 0.75, 0.9)
K = len(LEVELS)
EXACT = ["medium", "fine", "level-groups", "level-groups:groups=2", "banded", "banded:band=2"]
SHRUNK = ["elastic", "coarse-ridge", "coarse-entropy"]
PENALISED = ["elastic:alpha=0.1", "coarse-ridge:penalty=0.2", "coarse-entropy:penalty=0.2"]


def quantiles(seed, size=3, n=40, *, weighted=False, levels=LEVELS):
    """Learners with wrong centres, widths and shapes, sorted."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    centre = y + rng.normal(size=(size, n)) * rng.uniform(0.3, 1, size=(size, 1))
    width = rng.uniform(0.5, 2, size=(size, 1, 1))
    predictions = (
        centre[:, :, None] + width * (np.array(levels) - 0.5) * 3 + 0.2 * rng.normal(size=(size, n, len(levels)))
    )
    weight = rng.integers(1, 4, n).astype(float) if weighted else None
    return panel_of(
        np.sort(predictions, axis=2), "quantile", weight=weight, inner_fold=np.arange(n) % 4, outputs=levels
    ), y


def loss(panel, y, w):
    """Mean pinball loss before any sort, of weights of any form."""
    rule = {1: "l,lnk->nk", 2: "lk,lnk->nk", 3: "ljk,lnj->nk"}[w.ndim]
    error = y[:, None] - np.einsum(rule, w, panel.predictions)
    return np.average(
        np.maximum(panel.target.levels * error, (panel.target.levels - 1) * error).mean(axis=1), weights=panel.weight
    )


def by_dual(columns, y, level, weight):
    """Least mean pinball loss over the simplex of columns (M, n) at one level: max d'y - λ, columns d <= λ."""
    s = np.ones(len(y)) / len(y) if weight is None else weight / weight.sum()
    prediction = linprog(
        np.append(-y, 1.0),
        A_ub=np.hstack([columns, -np.ones((len(columns), 1))]),
        b_ub=np.zeros(len(columns)),
        bounds=[*zip(s * (level - 1), s * level, strict=True), (None, None)],
        method="highs",
    )
    return -prediction.fun


def banded_by_highs(panel, y, band):
    near = [[j for j in range(len(panel.target.levels)) if abs(j - k) <= band] for k in range(len(panel.target.levels))]
    parts = [
        by_dual(
            np.concatenate([predictions[:, near[k]].T for predictions in panel.predictions]), y, level, panel.weight
        )
        for k, level in enumerate(panel.target.levels)
    ]
    return np.mean(parts)


def assert_simplex(w, axes):
    np.testing.assert_allclose(w.sum(axis=axes), 1.0, atol=1e-12)
    assert w.min() >= 0


# the exact forms


@fixed
@given(seeds, st.integers(1, 4), weighted)
def test_medium_is_the_linear_program(seed, size, weighted):
    panel, y = quantiles(seed, size, weighted=weighted)
    found = scheme("medium", panel, y)
    assert_simplex(found.w, 0)
    assert 0 <= found.gap <= 1e-6
    np.testing.assert_allclose(loss(panel, y, found.w), banded_by_highs(panel, y, 0), rtol=1e-6)


@fixed
@given(seeds, st.integers(1, 4), weighted, st.integers(0, K))
def test_banded_is_the_linear_program(seed, size, weighted, band):
    panel, y = quantiles(seed, size, weighted=weighted)
    found = scheme(f"banded:band={band}", panel, y)
    assert_simplex(found.w, (0, 1))
    assert 0 <= found.gap <= 1e-6
    outside = np.abs(np.arange(K)[:, None] - np.arange(K)) > band
    assert np.all(found.w[:, outside] == 0)
    np.testing.assert_allclose(loss(panel, y, found.w), banded_by_highs(panel, y, band), rtol=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_fine_is_the_linear_program(seed):
    panel, y = quantiles(seed, 4, n=300, weighted=seed == 2)
    found = scheme("fine", panel, y)
    np.testing.assert_allclose(loss(panel, y, found.w), banded_by_highs(panel, y, K), rtol=1e-6)


@pytest.mark.parametrize(("whole", "start"), [(0, 0), (0, 5), (0, 20), (1000, 0)])
def test_pricing_columns_finds_the_same(whole, start, monkeypatch):
    panel, y = quantiles(5, 5, n=200)
    expected = banded_by_highs(panel, y, K)
    monkeypatch.setattr(pinball_levels, "WHOLE", whole)
    monkeypatch.setattr(pinball_levels, "START", start)
    found = pinball_banded(panel.predictions, y, panel.target.levels, band=K)
    assert 0 <= found.gap <= 1e-8
    np.testing.assert_allclose(found.value, expected, rtol=1e-7)
    np.testing.assert_allclose(found.value, loss(panel, y, found.w), rtol=1e-9)


def test_a_rough_gap_is_honest():
    panel, y = quantiles(6, 6, n=500)
    levels = panel.target.levels
    for solver, band in (
        (lambda tol: pinball_by_groups(panel.predictions, y, levels, groups=each_level(levels), tol=tol), 0),
        (lambda tol: pinball_banded(panel.predictions, y, levels, band=K, tol=tol), K),
    ):
        rough, best = solver(0.3), banded_by_highs(panel, y, band)
        assert 1e-9 < rough.gap <= 0.3
        assert rough.value * (1 - rough.gap) <= best * (1 + 1e-9)
        assert rough.value >= best * (1 - 1e-9)


@fixed
@given(seeds, weighted)
def test_more_freedom_never_costs_training_loss(seed, weighted):
    panel, y = quantiles(seed, 4, weighted=weighted)
    single = losses.of_learners(panel, y).min() / 2
    plain = loss(panel, y, np.full(4, 0.25))
    chain = ["fine", "banded", "medium", "level-groups:groups=2", "coarse"]
    found = [loss(panel, y, scheme(name, panel, y).w) for name in chain] + [min(single, plain)]
    for freer, tighter in itertools.pairwise(found):
        assert freer <= tighter * (1 + 2e-6)


@fixed
@given(seeds)
def test_the_ends_of_each_family(seed):
    panel, y = quantiles(seed, 3)
    pairs = {
        "level-groups:groups=1": "coarse",
        f"level-groups:groups={K}": "medium",
        "level-groups:groups=99": "medium",
        "banded:band=0": "medium",
        f"banded:band={K - 1}": "fine",
        "banded:band=99": "fine",
        "elastic:alpha=0": "medium",
        "elastic:alpha=inf": "coarse",
        "coarse-ridge:penalty=0": "coarse",
        "coarse-entropy:penalty=0": "coarse",
        "coarse-ridge:penalty=inf": "equal",
        "coarse-entropy:penalty=inf": "equal",
    }
    for end, expected in pairs.items():
        found = loss(panel, y, scheme(end, panel, y).w)
        np.testing.assert_allclose(found, loss(panel, y, scheme(expected, panel, y).w), rtol=2e-6, err_msg=end)


def test_groups_share_their_weights():
    panel, y = quantiles(3)
    w = scheme("level-groups:groups=2", panel, y).w
    for part in (slice(0, 3), slice(3, 5)):
        np.testing.assert_array_equal(w[:, part], np.repeat(w[:, part][:, :1], part.stop - part.start, axis=1))


def test_medium_finds_planted_weights():
    panel, _ = quantiles(1, 4, n=400)
    planted = np.array([0.5, 0.0, 0.2, 0.3])
    y = planted @ panel.predictions[:, :, 2]
    np.testing.assert_allclose(scheme("medium", panel, y).w[:, 2], planted, atol=1e-6)


def test_fine_finds_planted_weights_of_another_level():
    panel, _ = quantiles(1, 3, n=400)
    planted = np.zeros((3, K))
    planted[0, 4], planted[2, 1] = 0.6, 0.4
    y = np.einsum("lj,lnj->n", planted, panel.predictions)
    w = scheme("fine", panel, y).w
    for k in range(K):
        np.testing.assert_allclose(w[:, :, k], planted, atol=1e-5)


# orders, copies, threads


@pytest.mark.parametrize("name", [*EXACT, *PENALISED])
def test_the_order_of_learners_is_irrelevant(name):
    panel, y = quantiles(7, 4, n=150)
    order = np.array([2, 0, 3, 1])
    moved = panel_of(panel.predictions[order], "quantile", inner_fold=panel.inner_fold, outputs=LEVELS)
    np.testing.assert_allclose(scheme(name, moved, y).w, scheme(name, panel, y).w[order], atol=1e-4)


@pytest.mark.parametrize("name", EXACT)
def test_copies_of_learners_gain_nothing(name):
    panel, y = quantiles(8, 3, n=100)
    twice = panel_of(np.concatenate([panel.predictions, panel.predictions[:2]]), "quantile", outputs=LEVELS)
    expected = loss(panel, y, scheme(name, panel, y).w)
    np.testing.assert_allclose(loss(twice, y, scheme(name, twice, y).w), expected, rtol=2e-6)


def test_threads_give_the_same_bytes():
    panel, y = quantiles(9, 4, n=3000)
    levels = panel.target.levels
    for solver in (
        lambda threads: pinball_by_groups(panel.predictions, y, levels, groups=each_level(levels), threads=threads),
        lambda threads: pinball_banded(panel.predictions, y, levels, band=1, threads=threads),
    ):
        one, three = solver(1), solver(3)
        assert one.w.tobytes() == three.w.tobytes()
        assert one.gap == three.gap


def test_a_memory_map_of_float32_is_read_in_chunks(tmp_path):
    panel, y = quantiles(10, 3, n=20_000)
    single = panel.predictions.astype(np.float32)
    stored = np.memmap(tmp_path / "predictions", dtype=np.float32, mode="w+", shape=single.shape)
    stored[:] = single
    levels = panel.target.levels
    for solver in (
        lambda predictions: pinball_by_groups(predictions, y, levels, groups=each_level(levels)),
        lambda predictions: pinball_banded(predictions, y, levels, band=1),
    ):
        np.testing.assert_allclose(solver(stored).value, solver(single.astype(float)).value, rtol=1e-8)
        assert solver(stored).gap <= 1e-6


# penalties


def penalised(panel, y, w, price):
    """Return the objective of each penalised scheme at weights w, for a price in units of the loss."""
    size = panel.predictions.shape[0]
    return {
        "coarse-ridge": lambda: loss(panel, y, w) + price * np.square(w - 1 / size).sum(),
        "coarse-entropy": lambda: loss(panel, y, w) + price * np.sum(w * np.log(np.maximum(size * w, 1e-300))),
        "elastic": lambda: loss(panel, y, w) + price * np.square(np.diff(w, axis=1)).sum(),
    }


@pytest.mark.parametrize("name", PENALISED)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_other_weights_do_better_with_the_penalty(name, seed):
    panel, y = quantiles(seed, 3, n=60)
    bare, _, strength = name.partition(":")
    price = float(strength.partition("=")[2]) * np.median(losses.of_learners(panel, y)) / 2
    found = scheme(name, panel, y)
    assert 0 <= found.gap <= 1e-6
    value = penalised(panel, y, found.w, price)[bare]()
    rng = np.random.default_rng(seed)
    for step in (1.0, 0.1, 0.01, 0.001):
        for _ in range(50):
            other = (
                rng.dirichlet(np.full(3, 0.7), found.w.shape[1:]).T if found.w.ndim == 2 else rng.dirichlet(np.ones(3))
            )
            w = (1 - step) * found.w + step * other
            assert penalised(panel, y, w, price)[bare]() >= value * (1 - 1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_penalised_weights_against_slsqp(weighted):
    panel, y = quantiles(4, 3, n=60, weighted=weighted)
    for penalty in (towards_equal(0.5, 3), Entropy(0.3)):
        found = penalised_pinball(panel.predictions, y, panel.target.levels, panel.weight, penalty=penalty)
        best = np.inf
        for start in (np.full(3, 1 / 3), found.w * 0.9 + 0.1 / 3):
            prediction = minimize(
                lambda w, penalty=penalty: loss(panel, y, w) + penalty.value(w),
                start,
                bounds=[(1e-9, 1)] * 3,
                constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
                options={"ftol": 1e-12},
                method="SLSQP",
            )
            best = min(best, prediction.fun)
        assert found.gap <= 1e-9
        assert found.value <= best * (1 + 1e-9)
        np.testing.assert_allclose(found.value, best, rtol=1e-3)


def test_the_bound_of_a_penalty_is_below_every_value():
    rng = np.random.default_rng(0)
    for penalty in (Free(), towards_equal(0.4, 4), Entropy(0.2), tied(0.3, 2, 2)):
        for _ in range(30):
            c = rng.normal(size=4)
            w, v = (rng.dirichlet(np.ones(4 // penalty.blocks), penalty.blocks).ravel() for _ in range(2))
            assert penalty.least(c, w) <= c @ v + penalty.value(v) + 1e-12


@pytest.mark.parametrize("penalty", [towards_equal(0.4, 4), Entropy(0.2), tied(0.3, 2, 2)])
def test_slopes_of_penalties(penalty):
    w, step = np.array([0.3, 0.7, 0.45, 0.55]), 1e-6
    for place, unit in enumerate(np.eye(4)):
        slope = (penalty.value(w + step * unit) - penalty.value(w - step * unit)) / (2 * step)
        np.testing.assert_allclose(penalty.gradient(w)[place], slope, atol=1e-8)
        bend = (penalty.gradient(w + step * unit) - penalty.gradient(w - step * unit)) / (2 * step)
        np.testing.assert_allclose(penalty.curvature(w)[place], bend, atol=1e-7)


def test_stronger_ties_are_tighter():
    panel, y = quantiles(11, 3, n=200)
    steps = [
        np.abs(np.diff(scheme(f"elastic:alpha={a}", panel, y).w, axis=1)).sum() for a in (0.0, 0.01, 0.1, 1.0, 100.0)
    ]
    assert np.all(np.diff(steps) <= 1e-6)
    assert steps[-1] < 0.05 < steps[0]


def test_a_start_changes_nothing():
    panel, y = quantiles(12, 3, n=20_000)
    levels = panel.target.levels
    plain = pinball_tied(panel.predictions, y, levels, price=0.05)
    near = pinball_tied(panel.predictions, y, levels, price=0.05, start=scheme("medium", panel, y).w)
    assert max(plain.gap, near.gap) <= 1e-9
    np.testing.assert_allclose(near.w, plain.w, atol=1e-4)


def test_penalties_of_many_levels():
    levels = tuple(np.arange(1, 40) / 40)
    panel, y = quantiles(13, 3, n=60, levels=levels)
    found = pinball_tied(panel.predictions, y, panel.target.levels, price=0.01)
    assert found.gap <= 1e-9
    assert_simplex(found.w, 0)


@pytest.mark.parametrize("name", SHRUNK)
def test_inner_folds_choose_what_serves_them_best(name):
    panel, y = quantiles(14, 3, n=80, weighted=True)
    module = __import__(f"bench.methods.ensembles.{name.replace('-', '_')}", fromlist=["STRENGTHS"])
    parameter = "alpha" if name == "elastic" else "penalty"
    totals = []
    for strength in module.STRENGTHS:
        total = 0.0
        for f in range(4):
            held = panel.inner_fold == f
            w = scheme(f"{name}:{parameter}={strength}", panel.rows(~held), y[~held])
            rest = panel.rows(held)
            total += rest.weight @ losses.wis(y[held], np.sort(w(rest), axis=1), rest.target.levels)
        totals.append(total)
    best = module.STRENGTHS[int(np.argmin(totals))]
    expected = scheme(f"{name}:{parameter}={best}", panel, y).w
    np.testing.assert_allclose(scheme(name, panel, y).w, expected, atol=1e-4)


# panels that are hard


def hard_panels():
    panel, y = quantiles(20, 4, n=50)
    predictions = panel.predictions
    truth = np.repeat(y[None, :, None], K, axis=2)
    useless = predictions.copy()
    useless[1:] *= 1e8
    perfect_middle = predictions.copy()
    perfect_middle[0, :, 2] = y
    return {
        "constant learners": (np.broadcast_to(predictions[:, :1], predictions.shape), y),
        "all the same": (np.ones_like(predictions), y),
        "equal learners": (np.repeat(predictions[:1], 4, axis=0), y),
        "one learner": (predictions[:1], y),
        "one row": (predictions[:, :1], y[:1]),
        "perfect learner": (np.concatenate([predictions, truth]), y),
        "two perfect learners": (np.concatenate([predictions, truth, truth]), y),
        "perfect at one level": (perfect_middle, y),
        "all too low": (predictions - 100, y),
        "useless learners": (useless, y),
        "integers": (np.round(predictions), np.round(y)),
        "more learners than rows": (quantiles(21, 12, n=6)[0].predictions, quantiles(21, 12, n=6)[1]),
        "offset": (predictions + 1e6, y + 1e6),
        "small": (1e-9 * predictions, 1e-9 * y),
    }


@pytest.mark.parametrize("case", sorted(hard_panels()))
@pytest.mark.parametrize("name", ["medium", "fine", "banded", "level-groups", *PENALISED])
def test_survives(case, name):
    predictions, y = hard_panels()[case]
    panel = panel_of(predictions, "quantile", outputs=LEVELS)
    found = scheme(name, panel, y)
    assert_simplex(found.w, tuple(range(max(found.w.ndim - 1, 1))))
    assert 0 <= found.gap <= 1e-6
    best = losses.of_learners(panel, y).min() / 2
    if name in EXACT:
        assert loss(panel, y, found.w) <= best * (1 + 1e-6) + 1e-12 * np.abs(y).max()


@pytest.mark.parametrize("name", SHRUNK)
@pytest.mark.parametrize(
    "case", ["one row", "constant learners", "perfect learner", "two perfect learners", "equal learners"]
)
def test_choosing_survives(case, name):
    predictions, y = hard_panels()[case]
    found = scheme(name, panel_of(predictions, "quantile", outputs=LEVELS), y)
    assert 0 <= found.gap <= 1e-6


def test_rows_without_weight_are_not_read():
    panel, y = quantiles(22, 3, n=60)
    predictions, weight = panel.predictions.copy(), np.ones(60)
    weight[:6], predictions[:, :6] = 0, np.nan
    used = panel.rows(np.arange(6, 60))
    for name in ("medium", "fine"):
        hidden = panel_of(predictions, "quantile", weight=weight, outputs=LEVELS)
        np.testing.assert_allclose(scheme(name, hidden, y).w, scheme(name, used, y[6:]).w, atol=1e-5)


def test_one_level_is_enough():
    panel, y = quantiles(23, 3, levels=(0.5,))
    expected = loss(panel, y, scheme("coarse", panel, y).w)
    for name in ("medium", "fine", "banded", "level-groups", "elastic:alpha=1"):
        np.testing.assert_allclose(loss(panel, y, scheme(name, panel, y).w), expected, rtol=2e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("level-groups:groups=0", "groups of level-groups cannot be 0"),
        ("banded:band=-1", "band of banded cannot be -1"),
        ("elastic:alpha=-1", "alpha of elastic cannot be -1"),
        ("elastic:alpha=much", "alpha of elastic cannot be 'much'"),
        ("elastic:alpha=nan", "alpha of elastic cannot be nan"),
        ("coarse-ridge:penalty=-2", "penalty of coarse-ridge cannot be -2"),
        ("coarse-entropy:penalty=-2", "penalty of coarse-entropy cannot be -2"),
    ],
)
def test_refuses_parameters(text, message):
    panel, y = quantiles(24)
    with pytest.raises(BenchError, match=message):
        scheme(text, panel, y)


def test_a_penalty_alone_decides_where_all_pairs_are_linear():
    panel, y = quantiles(25, 3)
    problem = problem_of(panel.predictions - 100, y, panel.target.levels)
    found = solve((problem,), Quadratic(2e6 * np.eye(3), np.full(3, 1 / 3)), 1e-9)
    assert found.gap <= 1e-9
    np.testing.assert_allclose(found.w[0], 1 / 3, atol=1e-4)
