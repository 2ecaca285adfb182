"""Panels of learners of different skill, with the truth; and what a scheme makes of a panel."""

from __future__ import annotations

import itertools

import numpy as np

from bench.core import losses
from bench.methods.ensembles import registry
from makers import panel_of, probabilities

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)


def scheme(text, panel, y, seed=0):
    """Return what a scheme learns on a panel."""
    return registry.scheme(text)(panel, y, np.random.default_rng(seed))


def points(seed, weighted=None, learners=4, n=25):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n) + 3
    predictions = (
        y + rng.normal(size=(learners, n)) * rng.uniform(0.3, 1.5, (learners, 1)) + rng.normal(size=(learners, 1)) / 4
    )
    return panel_of(predictions, weight=rng.uniform(0.1, 3, n) if weighted else None), y


def classes(seed, weighted=None, learners=4, n=25, width=3):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, width, n)
    y[:width] = np.arange(width)[:n]  # every class has a row, where there are as many
    predictions = probabilities(rng, learners, n, width)
    predictions[:, np.arange(n), y] += rng.uniform(0, 1, (learners, 1))
    predictions /= predictions.sum(axis=-1, keepdims=True)
    return panel_of(predictions, "class", weight=rng.uniform(0.1, 3, n) if weighted else None), y


def quantiles(seed, weighted=None, learners=4, n=25):
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n)
    predictions = np.sort(rng.normal(size=(learners, n, len(LEVELS))) * rng.uniform(0.5, 2, (learners, 1, 1)), axis=-1)
    return panel_of(predictions, "quantile", weight=rng.uniform(0.1, 3, n) if weighted else None, outputs=LEVELS), y


MAKE = {"point": points, "class": classes, "quantile": quantiles}


def weight_of(panel):
    return np.ones(panel.predictions.shape[1]) if panel.weight is None else panel.weight


def loss_of(panel, y, values):
    return float(np.average(losses.proper_loss(panel.target, y, values), weights=panel.weight))


def simplex_points(size, seed, n=400):
    """Return corners, edges' middles and random points of the simplex."""
    corners = np.eye(size)
    middles = [(corners[a] + corners[b]) / 2 for a, b in itertools.combinations(range(size), 2)]
    return np.vstack([corners, middles, np.random.default_rng(seed).dirichlet(np.full(size, 0.5), n)])


def naive_greedy(panel, y, rounds, badness, among=None):
    """Caruana's loop as it is written down: keep a bag, try every learner, keep the best bag seen."""
    among = range(len(panel.learners)) if among is None else sorted(among)
    bag, best = [], (np.inf, [])
    for _ in range(rounds):
        tried = {j: badness(panel.predictions[[*bag, j]].mean(axis=0)) for j in among}
        pick = min(tried, key=tried.get)
        bag = [*bag, pick]
        if tried[pick] < best[0]:
            best = (tried[pick], bag)
    return np.bincount(best[1], minlength=len(panel.learners)) / len(best[1])
