"""What belongs to an experiment. Nothing heavy is imported here: the command line reads its flags off these fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

ProtocolName = Literal["refit", "bag", "nested", "split"]
PROTOCOLS: tuple[ProtocolName, ...] = get_args(ProtocolName)

DEFAULT_LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)


@dataclass(frozen=True)
class Settings:
    """What belongs to the experiment: runs that differ here go to different results directories.

    `protocol` says what answers the test rows: `refit` a model fitted on all training rows, `bag` the mean of the
    models of the inner folds, `nested` the same with further models that leave out two folds, `split` a model fitted on
    the training rows without the share `calibration`, which nothing has learned from.
    """

    seed: int = 0
    levels: tuple[float, ...] = DEFAULT_LEVELS
    protocol: ProtocolName = "refit"
    inner: int = 5
    calibration: float = 0.2
