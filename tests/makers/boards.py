"""Leaderboards by method, and results that were published."""

from __future__ import annotations

import numpy as np

from bench.report.leaderboards import leaderboard

# fmt: off
DEMSAR_RANKS = np.array([
    [4, 3, 2, 1], [1, 2, 3, 4], [4, 1, 2, 3], [4, 1, 3, 2], [4, 2, 3, 1], [1, 2.5, 4, 2.5], [3, 2, 4, 1],
    [2.5, 2.5, 4, 1], [4, 3, 2, 1], [2.5, 2.5, 2.5, 2.5], [4, 2.5, 1, 2.5], [3, 2, 4, 1], [4, 1, 2, 3], [3, 1, 4, 2],
])
"""Ranks of four variants of C4.5 on 14 data sets: Demšar (2006), table 6."""

C45 = [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957]
C45_M = [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978]
"""Areas under the curve of two of them: Demšar (2006), table 2."""
# fmt: on


def board_of(scores, **how):
    """Return the leaderboard of some scores, a row a method, in the order of their names."""
    return leaderboard(scores, **how).set_index("method").sort_index()
