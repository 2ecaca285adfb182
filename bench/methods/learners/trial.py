"""A trial fit: parameters that a learner cannot use are refused before a run, not in the middle of it."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from bench.core.nouns import BenchError, Kind, Target
from bench.methods.learners import import_path, learner_scheme
from bench.tasks import encoders

TARGETS = {
    "point": Target("point"),
    "class": Target("class", ("0", "1")),
    "quantile": Target("quantile", (0.1, 0.5, 0.9)),
}
N_ROWS = 80
"""Rows of the trial: few, so that it takes a moment."""


@functools.cache
def try_parameters(learner: str, kind: Kind) -> None:
    """Build and fit a learner that has parameters, or is an imported estimator, on a few made-up rows.

    Raises:
        BenchError: it cannot be built, or the fit raises, so the parameters are of no use.
    """
    scheme, is_imported = learner_scheme(learner), import_path(learner) is not None
    if not scheme.parameters and not is_imported:
        return
    X = pd.DataFrame({"a": np.sin(np.arange(N_ROWS)), "b": np.cos(3.0 * np.arange(N_ROWS))})
    y = (X["a"] > X["b"]).to_numpy(dtype=int) if kind == "class" else (X["a"] + X["b"]).to_numpy()
    try:
        encoder = encoders.encoder(scheme.options.encoding).fit(X)
        scheme(TARGETS[kind], 0).fit(encoder.transform(X), y, None)
    except Exception as error:
        if is_imported and isinstance(error, BenchError):  # a sentence of its own
            raise
        reason = " ".join(str(error).split()).rstrip(".")
        raise BenchError(
            f"learner {scheme.id!r} does not work with these parameters ({reason}): give others"
        ) from error
