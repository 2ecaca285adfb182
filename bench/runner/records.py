"""What the journal keeps: the ending of a fit or a cell, the record of a cell, the record of a task.

A new column of cells.csv, failures.csv or timing.csv is a field of `CellResult`, its name in the columns below, and the
place that fills it, `worker.score_result`. `record_json` makes JSON of a record, and back.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from bench.core.json_values import check_fields
from bench.tasks.task_spec import CvSpec, TaskSpec

CELL_COLUMNS = (
    "status", "cause", "detail", "train_loss", "gap", "seed", "key", "data_hash", "versions", "clipped", "protocol",
    "learners_used", "guarantee",
)  # fmt: skip
"""Fields of a record in cells.csv, behind the identity of the cell; only ever appended to."""
FAILURE_COLUMNS = ("status", "cause", "detail", "traceback", "rerun")
"""Fields of a record in failures.csv."""
TIMING_COLUMNS = ("weigh_seconds", "fit_seconds", "predict_seconds", "predict_cost", "peak_bytes")
"""Fields of a record in timing.csv."""

ALWAYS_RETRIED = frozenset({"infra", "crashed"})
"""Causes and statuses that the next run tries again of its own accord: they are no property of the method."""
PLAIN = "none"
"""The training scheme that does nothing."""


@dataclass(frozen=True, order=True)
class FitId:
    """The identity of a fit on one split of one task: a learner and a training scheme, by their ids."""

    learner: str
    training: str

    @classmethod
    def plain(cls, learner: str) -> FitId:
        """Return the plain fit of a learner: under the training scheme that does nothing."""
        return cls(learner, PLAIN)


@dataclass(frozen=True)
class Ending:
    """How a fit or a cell ended: one of `STATUSES`, whose fault a bad one is, one line of detail, and the traceback."""

    status: str
    cause: str = ""
    detail: str = ""
    trace: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether there are predictions or scores."""
        return self.status == "ok"

    @property
    def is_bad(self) -> bool:
        """Whether something went wrong; what does not apply is skipped, and that is no failure."""
        return self.status not in {"ok", "skipped"}

    def is_retried(self, retry: Collection[str] = ()) -> bool:
        """Return whether the next run tries again what ended so; `retry` are further statuses, or `all`."""
        return self.is_bad and not ALWAYS_RETRIED.union(retry).isdisjoint({self.status, self.cause, "all"})


@dataclass(frozen=True)
class CellBasis:
    """What a cell rests on, known before it is evaluated; empty for a task that could not be loaded.

    `key` is a hash of the cell and of `parts`, all that its numbers depend on; `fits` are the keys of the fits behind
    it; `task` is the data set that the task was made from, `protocol` how its predictions came about.
    """

    key: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    fits: Mapping[FitId, str] = field(default_factory=dict)
    task: str = ""
    seed: int | None = None
    data_hash: str = ""
    versions: str = ""
    protocol: str | None = None


@dataclass(frozen=True)
class CellResult:
    """What the evaluation of a cell came to; all but the ending is empty where there is no prediction.

    `scores` are by sample (test, train) and metric, None where undefined. `n_train` is the number of rows behind
    `train_loss`. `weights` and `per_class` are rows of the tables of these names. Seconds are wall time;
    `predict_cost` is the seconds that all fits with any weight take for the test rows. `fit_seconds`,
    `predict_seconds`, `peak_bytes` (the most memory that the process of the fit held) and `clipped`, the number of rows
    with a probability near zero, are there where a cell rests on one fit.
    """

    ending: Ending
    scores: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    n_test: int | None = None
    n_train: int | None = None
    train_loss: float | None = None
    gap: float | None = None
    learners_used: int | None = None
    guarantee: str = ""
    weights: Sequence[Mapping[str, Any]] = ()
    per_class: Sequence[Mapping[str, Any]] = ()
    clipped: int | None = None
    weigh_seconds: float | None = None
    fit_seconds: float | None = None
    predict_seconds: float | None = None
    predict_cost: float | None = None
    peak_bytes: int | None = None

    @property
    def status(self) -> str:
        """How the evaluation ended."""
        return self.ending.status

    def plain(self) -> CellResult:
        """Return the result with plain values alone, as JSON has them: what schemes report may be of any class."""
        return replace(self, **{f.name: json_scalar(getattr(self, f.name)) for f in fields(self) if f.name != "ending"})


@dataclass(frozen=True)
class CellRecord:
    """All that the journal keeps of a cell.

    `why` is the reason of its evaluation; `traceback` names the file of the traceback and `rerun` is the command that
    runs the cell again, where it ended badly.
    """

    result: CellResult
    basis: CellBasis = field(default_factory=CellBasis)
    why: str = ""
    traceback: str = ""
    rerun: str = ""

    @property
    def ending(self) -> Ending:
        """How the cell ended."""
        return self.result.ending

    def has_scores(self, metrics: Collection[str]) -> bool:
        """Return whether the cell was scored by all of some metrics; an empty score is one."""
        return self.result.scores.get("test", {}).keys() >= {*metrics}

    def values(self) -> dict[str, Any]:
        """Return every field by its name, those of the ending, the basis and the result among them."""
        parts = (self.ending, self.basis, self.result, self)
        return {name: getattr(part, name) for part in parts for name in OWN_FIELDS[type(part)]}


OWN_FIELDS: dict[Any, tuple[str, ...]] = {
    part: tuple(f.name for f in fields(part) if f.name not in {"ending", "basis", "result"})
    for part in (Ending, CellBasis, CellResult, CellRecord)
}
"""Fields that are no part with fields of its own, by class."""
MOST_SPLITS = 10_000
"""Folds and repeats of a task at most: a record that names more asks for hours of cutting."""
_PLAIN_TYPES = frozenset({str, int, bool, type(None)})


def json_scalar(value: Any) -> Any:
    """Return a JSON value: numpy scalars become Python's, a NaN becomes None, what is infinite a text."""
    if type(value) in _PLAIN_TYPES:  # most are
        return value
    if isinstance(value, Mapping):
        return {name: json_scalar(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_scalar(each) for each in value]
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


@dataclass(frozen=True)
class TaskRecord:
    """What the journal keeps of a task: the hash of its data and splits, how it was cut, and how it was requested.

    `own_repeats` is how many repeats it has by itself: what is beyond repeats its splits with other seeds of the
    learners. Early journals hold no cuts, no `own_repeats` and no `spec`.
    """

    hash: str
    cv: CvSpec | None = None
    own_repeats: int | None = None
    meta_features: Mapping[str, Any] = field(default_factory=dict)
    spec: TaskSpec | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return {
            **(self.cv._asdict() if self.cv else {}),
            "hash": self.hash,
            "own_repeats": self.own_repeats,
            "traits": dict(self.meta_features),
            "spec": asdict(self.spec) if self.spec else None,
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> TaskRecord:
        """Return the record of a JSON object.

        Raises:
            KeyError, TypeError, ValueError: it is no record of a task.
        """
        cuts = check_fields(CvSpec, {name: held[name] for name in CvSpec._fields if name in held})
        named = {"hash": held["hash"], "own_repeats": held.get("own_repeats"), "meta_features": held.get("traits", {})}
        cv = CvSpec(**cuts) if cuts else None
        if cv is not None and not (cv.folds >= 1 and cv.repeats >= 1 and cv.folds * cv.repeats <= MOST_SPLITS):
            raise ValueError(f"it cannot be cut {cv.repeats} times into {cv.folds} folds")
        if named["own_repeats"] is not None and not 1 <= named["own_repeats"] <= MOST_SPLITS:
            raise ValueError(f"own_repeats cannot be {reprlib.repr(named['own_repeats'])}")
        spec = TaskSpec(**held["spec"]) if held.get("spec") else None
        if spec is not None:
            check_fields(TaskSpec, asdict(spec))
        return cls(**check_fields(cls, named), cv=cv, spec=spec)
