"""Student's t distribution for whole degrees of freedom, in closed form: a gate needs no library for it."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from bench.core.nouns import Array


def two_sided_p(t: Array, df: Array) -> Array:
    """Return P(|T| >= |t|) for T with df degrees of freedom, whole numbers from 1; both arrays of one shape.

        theta = atan(|t| / √df)
        p = 1 - sin θ (1 + 1/2 cos² θ + 1·3/(2·4) cos⁴ θ + … up to cos^(df-2) θ)               df even
        p = 1 - 2/π (θ + sin θ (cos θ + 2/3 cos³ θ + 2·4/(3·5) cos⁵ θ + … up to cos^(df-2) θ))   df odd

    Absolute errors are some 1e-16, so that p has no digits below that. Source: Abramowitz and Stegun (1964), Handbook
    of mathematical functions, 26.7.3 and 26.7.4.
    """
    t, df = np.abs(np.asarray(t, dtype=float)), np.asarray(df, dtype=int)
    p = np.full(t.shape, np.nan)
    for one in np.unique(df):
        inside = df == one
        p[inside] = 1 - _central_mass(np.arctan(t[inside] / math.sqrt(one)), int(one))
    return np.clip(p, 0.0, 1.0)


def _central_mass(theta: Array, df: int) -> Array:
    """Return P(|T| < t) for t = √df tan θ."""
    is_odd = df % 2 == 1
    cos2, sin = np.cos(theta) ** 2, np.sin(theta)
    term = np.cos(theta) if is_odd else np.ones_like(theta)
    total = term.copy() if df > 1 else np.zeros_like(theta)
    for k in range(3 if is_odd else 2, df - 1, 2):
        term = term * cos2 * ((k - 1) / k)
        total = total + term
    return np.asarray(2 / math.pi * (theta + sin * total) if is_odd else sin * total)


@lru_cache(maxsize=1024)
def central_quantile(level: float, df: int) -> float:
    """Return the t whose central interval from -t to t holds a share `level` of T with df degrees of freedom."""
    low, high = 0.0, math.pi / 2
    for _ in range(100):  # halves an interval of 1.6 far below the last digit of an angle
        theta = (low + high) / 2
        low, high = (theta, high) if _central_mass(np.array(theta), df) < level else (low, theta)
    return math.sqrt(df) * math.tan((low + high) / 2)
