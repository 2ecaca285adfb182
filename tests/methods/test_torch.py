"""What needs torch: networks that learn, alone with their random state, and a gate that knows where who is best."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.core import losses
from bench.core.nouns import BenchError, Panel, Target
from bench.methods import ensembles
from bench.methods.ensembles import gating
from bench.methods.learners import learner_scheme
from bench.methods.learners.networks import _hold_out
from bench.solvers import network
from bench.solvers.network import Course, Layers

torch = pytest.importorskip("torch")

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
TARGET = Target("quantile", LEVELS)
NETWORKS = ("gaussian-network", "joint-network", "simultaneous-network")

every = pytest.mark.parametrize("name", NETWORKS)


def fitted(text, X, y, seed=0, target=TARGET):
    model = learner_scheme(text)(target, seed)
    model.fit(X, y, None)
    return model


def fan(n, seed=0):
    """Return rows whose y bends with the first column and spreads with the second."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.7, 1.7, size=(n, 2))
    return X, np.sin(2 * X[:, 0]) + np.exp(0.8 * X[:, 1]) * 0.4 * rng.normal(size=n)


def wis(y, predictions):
    return losses.wis(y, np.sort(predictions, axis=1), TARGET.levels).mean()


@every
def test_networks_learn_where_the_mean_and_the_spread_are(name):
    (X, y), (X_test, y_test) = fan(600), fan(500, seed=1)
    predictions = fitted(name, X, y).predict(X_test)
    constant = np.tile(np.quantile(y, LEVELS), (500, 1))
    assert wis(y_test, predictions) < 0.75 * wis(y_test, constant)
    width = predictions[:, -1] - predictions[:, 0]
    wide, narrow = X_test[:, 1] > 1, X_test[:, 1] < -1
    assert width[wide].mean() > 1.5 * width[narrow].mean()


@every
def test_the_same_seed_gives_the_same_bytes_and_torch_is_left_as_it_was(name):
    X, y = fan(60)
    before = [torch.random.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()]
    one = fitted(name, X, y, seed=5).predict(X)
    after = [torch.random.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()]
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    torch.rand(3)
    assert fitted(name, X, y, seed=5).predict(X).tobytes() == one.tobytes()
    assert fitted(name, X, y, seed=6).predict(X).tobytes() != one.tobytes()


def test_torch_is_put_back_after_an_error():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    state = torch.random.get_rng_state()
    within = []

    def fail():
        with network.own_random_state(torch, 0):
            within.extend([torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert within == [1, True]
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.set_num_threads(threads)


def test_a_penalty_keeps_levels_apart():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(80, 6)), rng.normal(size=80)
    target = Target("quantile", tuple(np.arange(1, 20) / 20))
    free, kept = (
        fitted(f"joint-network:crossing={cost},margin=0.01,dropout=0", X, y, target=target).predict(X)
        for cost in (0, 20)
    )
    crossed = [np.maximum(predictions[:, :-1] - predictions[:, 1:], 0).mean() for predictions in (free, kept)]
    assert crossed[1] < 0.3 * crossed[0]


def test_simultaneous_network_bears_a_rounded_loss():
    X, y = fan(300)
    predictions = fitted("simultaneous-network:huber=0.01", X, y).predict(X)
    assert wis(y, predictions) < wis(y, np.tile(np.quantile(y, LEVELS), (300, 1)))


def test_one_level_is_enough():
    X, y = fan(50)
    for name in NETWORKS:
        assert fitted(f"{name}:hidden=8", X, y, target=Target("quantile", (0.5,))).predict(X).shape == (50, 1)


def test_pinball_is_that_of_the_losses_and_rounded_where_requested():
    rng = np.random.default_rng(0)
    y, predictions = rng.normal(size=30), rng.normal(size=(30, 5))
    error, levels = torch.from_numpy(y[:, None] - predictions), torch.from_numpy(TARGET.levels)
    np.testing.assert_allclose(
        network.pinball_of_error(torch, error, levels), losses.pinball(y, predictions, TARGET.levels)
    )
    np.testing.assert_allclose(
        network.pinball_of_error(torch, error, levels, 1e-9), losses.pinball(y, predictions, TARGET.levels), atol=1e-9
    )
    u = torch.tensor([-0.5, -0.1, 0.1, 0.5], dtype=torch.float64)
    found = network.pinball_of_error(torch, u, torch.tensor(0.9, dtype=torch.float64), 0.2)
    np.testing.assert_allclose(found, [0.1 * 0.4, 0.1 * 0.025, 0.9 * 0.025, 0.9 * 0.4])


def test_crossings_are_those_of_a_slow_loop():
    rng = np.random.default_rng(1)
    predictions, margins = rng.normal(size=(7, 4)), rng.uniform(0, 0.5, size=(4, 4))
    pairs = [(j, k) for j in range(4) for k in range(j + 1, 4)]
    expected = [np.mean([max(row[j] - row[k] + margins[j, k], 0) for j, k in pairs]) for row in predictions]
    np.testing.assert_allclose(network.crossing(torch.from_numpy(predictions), torch.from_numpy(margins)), expected)


def test_batches_grow_with_the_rows_and_hold_every_row_once():
    sizes = [network.batch_size(n) for n in (1, 5, 9, 10, 99, 100, 999, 1000, 10_000, 100_000)]
    assert sizes == [1, 5, 8, 10, 16, 32, 32, 64, 128, 256]
    with network.own_random_state(torch, 0):
        batches = network._batches(torch, 128)  # four batches of 32
        for _ in range(2):
            assert sorted(torch.cat([next(batches) for _ in range(4)]).tolist()) == list(range(128))


def test_rows_are_held_out_unless_there_are_few():
    fit_rows, held = _hold_out(50, 3)
    assert sorted([*fit_rows, *held]) == list(range(50))
    assert len(held) == 10
    assert [part.tolist() for part in _hold_out(3, 3)] == [[0, 1, 2], [0, 1, 2]]


def test_training_ends_where_the_held_out_loss_was_least():
    net = torch.nn.Linear(1, 1, dtype=torch.float64)
    seen = []

    def loss(rows):  # drives the bias up for ever
        return -net.bias.sum() + 0 * rows.sum()

    def held_loss():  # is best somewhere on the way
        seen.append((abs(net.bias.item() - goal), net.bias.item()))
        return torch.tensor(seen[-1][0])

    goal = net.bias.item() + 0.25
    with network.own_random_state(torch, 0):
        network.train_network(torch, net, loss, held_loss, 20, Course(learning_rate=1e-3, weight_decay=0.0))
    assert net.bias.item() == min(seen)[1]
    assert len(seen) == 1 + seen.index(min(seen)) + network.PATIENCE // network.EVERY
    assert not net.training


@pytest.mark.parametrize(
    "text",
    [
        "joint-network:hidden=0",
        "joint-network:crossing=-1",
        "joint-network:margin=-1",
        "gaussian-network:layers=0",
        "gaussian-network:weight_decay=-1",
        "simultaneous-network:dropout=1",
        "simultaneous-network:huber=-1",
        "simultaneous-network:learning_rate=0",
    ],
)
def test_a_wrong_parameter_of_a_network_is_a_mistake_of_the_user(text):
    with pytest.raises(BenchError, match="give"):
        learner_scheme(text)(TARGET, 0)


# the gate


def regions(n, seed=0):
    """Return a panel in which one learner is right where x > 0, one where x < 0, and one nowhere."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["x", "z"])
    centre = 3 * rng.normal(size=n)
    y = centre + 0.3 * rng.normal(size=n)
    right = np.stack([X["x"] > 0, X["x"] <= 0, np.zeros(n, dtype=bool)])
    middle = centre + np.where(right, 0.0, 2.0) * rng.normal(size=(3, n))
    spread = np.where(right, 0.3, 2.0)
    predictions = middle[:, :, None] + spread[:, :, None] * np.array([-1.28, -0.67, 0, 0.67, 1.28])
    return Panel(TARGET, ("b", "a", "c"), X, predictions, None, np.arange(n) % 5), y


def learned(text, panel, y, seed=0):
    return ensembles.registry.scheme(text)(panel, y, np.random.default_rng(seed))


@pytest.mark.parametrize("form", ["coarse", "medium", "fine"])
def test_the_gate_finds_who_is_best_where(form):
    (panel, y), (test, y_test) = regions(400), regions(400, seed=1)
    local, fixed = learned(f"local-network:form={form}", panel, y), learned("coarse", panel, y)
    assert wis(y_test, local(test)) < 0.7 * wis(y_test, fixed(test))


@pytest.mark.parametrize(("form", "share"), [("coarse", 1.0), ("medium", 1.0), ("fine", gating.OWN_LEVEL)])
def test_the_gate_starts_at_the_average(form, share):
    panel, y = regions(40)
    layers, penalty = Layers(8, 2, 0.0), gating.GatePenalty(1.0, 1e-3, 0.0)
    gate = gating.train_gate(
        torch, panel, y, form=gating.FORMS[form], layers=layers, course=Course(most_steps=0), penalty=penalty, seed=0
    )
    own = panel.predictions.mean(axis=0)
    others = (own.sum(axis=1, keepdims=True) - own) / 4
    np.testing.assert_allclose(gate(panel), share * own + (1 - share) * others)


@pytest.mark.parametrize("form", ["coarse", "medium", "fine"])
def test_forms_pool_as_a_slow_loop_does(form):
    rng = np.random.default_rng(2)
    L, n, K = 3, 4, 5
    logits, predictions = rng.normal(size=(n, gating.FORMS[form].size(L, K))), rng.normal(size=(n, L, K))
    found = gating.FORMS[form].pool(torch, torch.from_numpy(logits), torch.from_numpy(predictions)).numpy()
    used = {
        "coarse": lambda o, own_predictions, k: (o, own_predictions[:, k]),
        "medium": lambda o, own_predictions, k: (o.reshape(L, K)[:, k], own_predictions[:, k]),
        "fine": lambda o, own_predictions, k: (o.reshape(L * K, K)[:, k], own_predictions.ravel()),
    }[form]
    for i, k in np.ndindex(n, K):
        weights, own_predictions = used(logits[i], predictions[i], k)
        np.testing.assert_allclose(found[i, k], np.exp(weights) @ own_predictions / np.exp(weights).sum())


def test_margins_grow_with_the_spread_of_the_residuals():
    panel, y = regions(200)
    found = gating._margins(panel, y, gating.GatePenalty(1.0, 0.1, 0.5), 2.0)
    residual = np.sort((y - np.median(panel.predictions[:, :, 2], axis=0)) / 2)
    spread = residual[np.ceil(np.array(LEVELS) * 200).astype(int) - 1]
    for j, k in np.ndindex(5, 5):
        np.testing.assert_allclose(found[j, k], 0.1 + 0.5 * max(spread[k] - spread[j], 0))


def test_the_gate_ignores_rows_without_weight_and_follows_heavy_ones():
    panel, y = regions(200)
    shifted = y + np.where(np.arange(200) % 2, 4.0, 0.0)
    odd, even = (replace(panel, weight=np.where(np.arange(200) % 2 == k, 1.0, 0.02)) for k in (1, 0))
    high, low = (learned("local-network", given, shifted)(panel).mean() for given in (odd, even))
    assert high > low + 0.5
    absent = replace(panel, weight=np.repeat([1.0, 0.0], [150, 50]))
    few = panel.rows(np.arange(150))
    one, two = learned("local-network", absent, y)(panel), learned("local-network", few, y[:150])(panel)
    np.testing.assert_allclose(one, two, atol=1e-9)


def test_a_gate_can_learn_from_a_row_or_two():
    for n in (1, 2, 3):
        panel, y = regions(n)
        assert np.isfinite(learned("local-network", replace(panel, inner_fold=None), y)(panel)).all()
    panel, y = regions(3)
    assert np.isfinite(learned("local-network", replace(panel, weight=np.array([0.0, 1.0, 0.0])), y)(panel)).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("local-network:form=broad", "choose from coarse, medium, fine"),
        ("local-network:crossing=-1", "give 0 or more"),
        ("local-network:margin=-1", "give 0 or more"),
        ("local-network:adaptive=-1", "give 0 or more"),
        ("local-network:hidden=0", "give a positive number"),
    ],
)
def test_a_wrong_parameter_of_the_gate_is_a_mistake_of_the_user(text, message):
    panel, y = regions(20)
    with pytest.raises(BenchError, match=message):
        learned(text, panel, y)
