"""What belongs to an experiment. Nothing heavy is imported here: the command line reads its flags off these fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
"""Variables that hold numerical libraries to one thread, if they are set before numpy is imported."""

ProtocolName = Literal["refit", "bag", "nested", "split"]
"""A protocol is a name here and a function in `bench.runner.out_of_fold`."""
PROTOCOLS: tuple[ProtocolName, ...] = get_args(ProtocolName)

DEFAULT_LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)


@dataclass(frozen=True)
class Settings:
    """What belongs to the experiment: runs that differ here go to different results directories.

    `protocol` says what predicts the test rows: `refit` a model fitted on all training rows, `bag` the mean of the
    models of the inner folds, `nested` the same with further models that leave out two folds, `split` a model fitted on
    the training rows without the share `calibration`, on which nothing is fitted.
    """

    seed: int = 0
    levels: tuple[float, ...] = DEFAULT_LEVELS
    protocol: ProtocolName = "refit"
    inner: int = 5
    calibration: float = 0.2
