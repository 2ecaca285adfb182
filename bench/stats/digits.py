"""Numbers to so many digits as count: float noise is a tie, not an order."""

from __future__ import annotations

import numpy as np

from bench.core.nouns import Array

SIGNIFICANT_DIGITS = 12
"""Scores are compared to this many digits."""


def round_digits(values: Array) -> Array:
    """Round each number to `SIGNIFICANT_DIGITS`; infinite numbers and NaN stay."""
    size = np.abs(np.where(np.isfinite(values) & (values != 0), values, 1.0))
    with np.errstate(over="ignore", invalid="ignore"):
        # half a unit of the last digit more: what is rounded up to a power of ten has the scale of that power
        power = np.floor(np.log10(size * (1 + 5 * 10.0**-SIGNIFICANT_DIGITS)))
        scale = 10.0 ** (SIGNIFICANT_DIGITS - 1 - power)
        rounded = np.round(values * scale) / scale
    return np.where(np.isfinite(rounded), rounded, values)
