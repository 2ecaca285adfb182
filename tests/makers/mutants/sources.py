"""Wrong plug-ins: sources."""

from dataclasses import replace

import numpy as np
import pandas as pd

from bench.core.nouns import Task
from makers.mutants import mutant

CATALOGUE = ("table",)
"""What the planted sources can read."""


def table(y=None, x=None, meta=None, kind="classification"):
    X = pd.DataFrame({"x": np.arange(6.0) if x is None else x})
    predictions = {"about": "numbers", "source": "nowhere", "licence": "none"}
    y = np.arange(6) % 2 if y is None else np.asarray(y)
    classes = tuple(str(k) for k in range(2)) if kind == "classification" else ()
    return Task("planted", X, y, kind, (), classes, meta=predictions if meta is None else meta)


@mutant("source", "table", "same_hash")
def another_table_each_time(request):
    """Draw the table afresh."""
    return table(x=np.random.default_rng().normal(size=6))


@mutant("source", "table", "columns")
def column_of_objects(request):
    """Leave a column as it came."""
    return table(x=np.array(["a", 1, None, 2, 3, 4], dtype=object))


@mutant("source", "table", "columns")
def infinite_column(request):
    """Leave an infinite number."""
    return table(x=np.array([1.0, np.inf, 2, 3, 4, 5]))


@mutant("source", "table", "target")
def codes_with_a_gap(request):
    """Leave a class out of the codes."""
    return table(y=[0, 2, 0, 2, 0, 2])


@mutant("source", "table", "target")
def missing_target(request):
    """Leave a gap in y."""
    return table(y=[0.1, np.nan, 1, 2, 3, 4], kind="regression")


@mutant("source", "table", "parts")
def short_groups(request):
    """Give fewer groups than rows."""
    return replace(table(), groups=np.arange(3))


@mutant("source", "table", "described")
def without_licence(request):
    """Leave out the licence."""
    return table(meta={"about": "numbers", "source": "nowhere", "licence": " "})
