"""k-means without chance; nothing is registered here."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array

ROUNDS = 100
"""Rounds at most."""

WIDE = 300
"""More columns than this, and the principal axis is found by power iteration."""

POWER_TURNS = 50
"""Turns of the power iteration."""


def k_means(X: Array, share: Array, clusters: int) -> Array:
    """Return the centres (C, d) of rows X (n, d) of shares (n,); fewer where the rows lie in fewer places.

    Lloyd (1982), "Least squares quantization in PCM", from the start of Su and Dy (2007), "In search of deterministic
    methods for initializing k-means and Gaussian mixture clustering": PCA-Part.
    """
    return _lloyd(X, share, _cut(X, share, clusters))


def nearest(centres: Array, X: Array) -> Array:
    """Return the number of the nearest centre of every row; of centres at one distance the first."""
    return np.argmin(np.square(centres).sum(axis=1) - 2 * (X @ centres.T), axis=1)


def _cut(X: Array, share: Array, clusters: int) -> Array:
    """Cut the cluster of the largest spread until there are enough, and return the centres (C, d)."""
    place = np.zeros(len(X), dtype=int)
    for new in range(1, clusters):
        spread = np.array([_scatter(X[place == c], share[place == c]) for c in range(new)])
        widest = int(np.argmax(spread))
        if spread[widest] <= 0:
            break
        rows = np.flatnonzero(place == widest)
        axis = _principal_places(X[rows], share[rows])
        place[rows[axis > 0]] = new
    return _cluster_means(X, share, place)


def _scatter(X: Array, share: Array) -> float:
    """Return the weighted squared distance to the mean, 0 where it is rounding."""
    middle = np.average(X, axis=0, weights=share)
    total = float(share @ np.square(X - middle).sum(axis=1))
    # deviations below 1e-10 of the rows' size are rounding, here squared
    return total if total > 1e-20 * float(share @ np.square(X).sum(axis=1)) else 0.0


def _principal_places(X: Array, share: Array) -> Array:
    """Return where rows lie along their principal axis, from their mean, (n,); one that has some spread for sure."""
    centred = X - np.average(X, axis=0, weights=share)
    if X.shape[1] <= WIDE:
        return np.asarray(centred @ np.linalg.eigh(centred.T @ (share[:, None] * centred))[1][:, -1])
    axis = np.zeros(X.shape[1])
    axis[np.argmax(share @ np.square(centred))] = 1.0
    for _ in range(POWER_TURNS):
        axis = centred.T @ (share * (centred @ axis))
        axis /= np.linalg.norm(axis)
    return np.asarray(centred @ axis)


def _lloyd(X: Array, share: Array, centres: Array) -> Array:
    """Move rows to the nearest centre and centres to the mean of their rows until nothing moves."""
    place = nearest(centres, X)
    for _ in range(ROUNDS):
        centres = _cluster_means(X, share, place)
        new = nearest(centres, X)
        if (new == place).all():
            break
        place = new
    return centres


def _cluster_means(X: Array, share: Array, place: Array) -> Array:
    """Return the mean of every cluster that has rows, (C, d)."""
    return np.stack([np.average(X[place == c], axis=0, weights=share[place == c]) for c in np.unique(place)])
