"""The laws of class weightings."""

from __future__ import annotations

import numpy as np

from bench.checks.examples import global_randomness
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core.nouns import Array, read_only
from bench.core.scheme import PluginOptions, Scheme
from bench.methods.class_weights import fit_weights

COUNTS = (
    (40, 5, 12),
    (1, 1000, 30, 7),
    (0.5, 2.25, 90.0),
    (10**6, 3),
    (60, 40),
)
"""Rows of each class, or sums of their row weights."""


def _weights_of_counts(scheme: Scheme[PluginOptions], counts: Array) -> Array:
    return np.asarray(scheme(read_only(counts), float(counts.sum())))


def _all_counts() -> list[Array]:
    return [np.array(counts, dtype=float) for counts in COUNTS]


@law("class-weight")
def lawful(scheme: Scheme[PluginOptions], kind: str) -> None:
    """One weight per class, finite, not negative, and not all zero."""
    for counts in _all_counts():
        _demand_sound(_weights_of_counts(scheme, counts), counts)


def _demand_sound(weights: Array, counts: Array) -> None:
    sound = weights.shape == counts.shape and bool(np.all(np.isfinite(weights) & (weights >= 0)))
    if not sound or not weights.any():
        raise LawBrokenError(
            f"for {counts.tolist()} rows its weights are {weights.tolist()}, "
            f"expected {len(counts)} of them, finite, not negative and not all zero"
        )


@law("class-weight")
def class_order(scheme: Scheme[PluginOptions], kind: str) -> None:
    """The order of the classes is irrelevant."""
    for counts in _all_counts():
        order = np.roll(np.arange(len(counts)), 1)
        found, expected = _weights_of_counts(scheme, counts[order]), _weights_of_counts(scheme, counts)[order]
        demand_close(found, expected, "the weights with the classes in two orders", 1e-12, float(expected.max()))


@law("class-weight")
def equal_counts(scheme: Scheme[PluginOptions], kind: str) -> None:
    """Classes with equally many rows have equal weights."""
    for counts in (np.full(4, 25.0), np.array([8.0, 90.0, 8.0])):
        weights = _weights_of_counts(scheme, counts)
        alike = weights[counts == counts[0]]
        if np.ptp(alike) > 1e-12 * weights.max():
            raise LawBrokenError(f"for {counts.tolist()} rows its weights are {weights.tolist()}, expected equal ones")


@law("class-weight")
def empty_class(scheme: Scheme[PluginOptions], kind: str) -> None:
    """A class without rows has weight zero, and leaves the others as they would be without it."""
    for counts in _all_counts():
        whole = np.append(counts, 0.0)
        weights = _weights_of_counts(scheme, whole)
        _demand_sound(weights, whole)
        if weights[-1] != 0:
            raise LawBrokenError(f"its weight of a class without rows is {weights[-1]:.3g}, expected 0")
        expected = _weights_of_counts(scheme, counts)
        demand_close(
            weights[:-1], expected, "the weights with and without an empty class", 1e-12, float(expected.max())
        )


@law("class-weight", "fit")
def mean_row_weight(scheme: Scheme[PluginOptions], kind: str) -> None:
    """Scaled for a fit, the mean weight of a row is one."""
    for counts in _all_counts():
        mean = float(fit_weights(scheme, counts) @ counts / counts.sum())
        if not abs(mean - 1) <= 1e-9:
            raise LawBrokenError(f"for {counts.tolist()} rows the mean row weight is {mean:.9g}, expected 1")


@law("class-weight", "fit")
def rare_not_lighter(scheme: Scheme[PluginOptions], kind: str) -> None:
    """A class with fewer rows never has less weight than one with more."""
    for counts in _all_counts():
        weights = fit_weights(scheme, counts)[np.argsort(counts)]
        if (np.diff(weights) > 1e-9 * weights.max()).any():
            raise LawBrokenError(
                f"for {np.sort(counts).tolist()} rows its weights are {weights.tolist()}, expected no rise"
            )


@law("class-weight")
def same_bytes(scheme: Scheme[PluginOptions], kind: str) -> None:
    """The same counts give the same bytes, and are not written to."""
    counts = _all_counts()[0]
    before = counts.copy()
    with global_randomness(1):
        first = _weights_of_counts(scheme, counts)
    with global_randomness(2):
        demand_same_bytes(_weights_of_counts(scheme, counts), first, "the weights of the same counts")
    demand_same_bytes(counts, before, "the counts after the weighting has used them")
