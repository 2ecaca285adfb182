"""What every solver of a weight problem returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Solution:
    """Weights of shape (L,) on the simplex, the certificate `gap` (relative; see each solver), the value."""

    w: Array
    gap: float
    value: float
