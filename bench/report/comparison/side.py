"""One side of a comparison, wherever it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from bench.report.comparison.tables import ScoreTable

Splits = Mapping[tuple[str, str], frozenset[tuple[str, str]]]
"""From board and task to the repeats and folds behind a mean."""


@dataclass(frozen=True)
class ComparedSide:
    """One side of a comparison.

    `facts` holds `data` (its hash) and `protocol` of every task, as far as they are known, `settings` those of the
    manifest. `splits` is there for a baseline alone: the repeats and folds behind every mean.
    """

    name: str
    table: ScoreTable
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    splits: Splits | None = None
    timing: pd.DataFrame | None = None
    cpu: str = ""
