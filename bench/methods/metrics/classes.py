"""Rows by class: what several metrics need; nothing is registered here."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array


def shares(codes: Array, weight: Array | None, width: int) -> Array:
    """Return the share of the row weight that each class code has, shape (K,)."""
    mass = np.bincount(codes, weights=weight, minlength=width)
    return mass / mass.sum()


def class_balanced(y: Array, weight: Array | None) -> Array:
    """Return row weights (n,) with which every class that y has counts alike: their mean is a mean over classes."""
    weight = np.ones(len(y)) if weight is None else weight
    mass = np.bincount(y, weights=weight)[y]
    return np.divide(weight, mass, out=np.zeros(len(y)), where=mass > 0)
