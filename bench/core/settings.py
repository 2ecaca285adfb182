"""What belongs to an experiment. Nothing heavy is imported here: the flags of the command line are these fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from bench.core.flag import flag, flag_of
from bench.core.json_values import check_fields
from bench.core.values import read_levels

ProtocolName = Literal["refit", "bag", "nested", "split"]
PROTOCOLS: tuple[ProtocolName, ...] = get_args(ProtocolName)
"""A protocol is a name here and a function in `bench.runner.out_of_fold`."""

DEFAULT_LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
"""The median, and the ends of central intervals of 50, 80, 90 and 95 per cent."""


@dataclass(frozen=True)
class Settings:
    """What belongs to the experiment: runs that differ here go to different results directories.

    `protocol` is what predicts the test rows: `refit` a model fitted on all training rows, `bag` the mean of the
    models of the inner folds, `nested` the same with further models that leave out two folds, `split` a model fitted on
    the training rows without the share `calibration`, which nothing has learned from.
    """

    seed: int = field(default=0, metadata=flag(help_text="Seed of the experiment."))
    inner: int = field(default=5, metadata=flag(help_text="Inner folds; 5.", least=2, by_suite=True))
    levels: tuple[float, ...] = field(
        default=DEFAULT_LEVELS,
        metadata=flag(
            help_text="Quantile levels: 0.1,0.5,0.9 or 0.1:0.9:0.1.",
            read=read_levels,
            by_suite=True,
        ),
    )
    protocol: ProtocolName = field(
        default="refit",
        metadata=flag(
            help_text="What answers the test rows: refit (all training rows), bag (the folds' models), nested (and "
            "models without two folds), split (rows set aside to calibrate).",
            by_suite=True,
        ),
    )
    calibration: float = field(
        default=0.2,
        metadata=flag(
            help_text="Share that protocol split sets aside; 0.2.",
            least=0.01,
            most=0.5,
            by_suite=True,
        ),
    )
    max_levels: int = field(
        default=30,
        metadata=flag(
            help_text="One-hot columns of a category at most, its other levels share one; 30.", least=1, by_suite=True
        ),
    )


def settings_from_json(held: Mapping[str, Any]) -> Settings:
    """Return the settings of a JSON object; of one that is missing the usual value, of what is no setting nothing.

    Raises:
        ValueError, BenchError: one cannot be what it is.
    """
    known = {each.name: held[each.name] for each in fields(Settings) if each.name in held}
    check_fields(Settings, known)
    for each in fields(Settings):
        flag, value = flag_of(each), known.get(each.name, each.default)
        least, most = (flag.least, flag.most) if flag else (None, None)
        if (least is not None and value < least) or (most is not None and value > most):
            raise ValueError(f"{each.name} cannot be {value!r}")
    if "levels" in known:
        known["levels"] = read_levels(",".join(map(str, known["levels"])))
    return Settings(**known)
