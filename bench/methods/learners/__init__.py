"""Base learners, one family a file: `learner(target, seed, *, parameters) -> Model`.

Traits: `encoding` names the encoder of `bench.tasks.encoders` whose rows the model reads; `weights` says whether
its fit hears row weights.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any, Protocol

from bench.core.nouns import Array
from bench.core.registry import Registry, Scheme

registry = Registry("learner", __name__)
register = registry.register

_IMPORT_PATH = re.compile(r"(?P<path>[A-Za-z_][\w.]*:[A-Za-z_]\w*)(?::(?P<given>.*))?")


class Model(Protocol):
    """A learner that can be fitted and asked."""

    def fit(self, X: Any, y: Array, weight: Array | None) -> object:
        """Learn from the encoded matrix X (n, d), y (n,) and row weights (n,) or None."""

    def predict(self, X: Any) -> Array:
        """Answer with shape (n, K): points, quantiles at the target's levels, or class probabilities."""


def learner_scheme(text: str) -> Scheme:
    """Parse a registered `name:parameters`, or `module:Estimator:parameters` of any scikit-learn estimator.

    Raises:
        BenchError: the learner or a parameter is unknown, or the estimator is no classifier or regressor.
    """
    found = _IMPORT_PATH.fullmatch(text)
    head = text.partition(":")[0]
    # A head that is no module is a misspelt learner: the registry knows what was meant.
    if not found or head in registry.entries() or ("." not in head and find_spec(head) is None):
        return registry.scheme(text)
    from bench.methods.learners.imported import imported_scheme

    return imported_scheme(found["path"], found["given"] or "")
