"""bench: which way of weighting wins, on which tabular tasks, and is the difference real?

The public surface for plug-ins: the registries `ensembles`, `learners`, `class_weights`, `trainings`, `metrics`,
`postprocess`, `sources` and `columns` (each with a `register` decorator), `losses`, and the nouns below. Everything is
imported on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(("Prediction", "BenchError", "NotApplicableError", "Panel", "Split"), "bench.core.nouns"),
    **dict.fromkeys(("Target", "Task", "Weights", "clip_probabilities"), "bench.core.nouns"),
    "load": "bench.core.tables:load_scores",
}
_MODULES = {
    **dict.fromkeys(("class_weights", "ensembles", "learners", "metrics", "postprocess", "trainings"), "bench.methods"),
    "columns": "bench.report.leaderboards",
    "losses": "bench.core",
    "sources": "bench.tasks",
}
"""Modules that plug-ins take from here, by the room in which they live."""

__all__ = [
    "BenchError",
    "NotApplicableError",
    "Panel",
    "Prediction",
    "Split",
    "Target",
    "Task",
    "Weights",
    "clip_probabilities",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home on first use."""
    if name in _MODULES:
        return importlib.import_module(f"{_MODULES[name]}.{name}")
    if name not in _HOMES:
        from bench.core.renamed import describe_move

        raise AttributeError(describe_move(f"bench.{name}") or f"module 'bench' has no attribute {name!r}")
    home, _, name_there = _HOMES[name].partition(":")
    return getattr(importlib.import_module(home), name_there or name)
