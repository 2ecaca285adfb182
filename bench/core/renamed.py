"""Old names: a plug-in that uses one gets the new one in one sentence. Nothing here works under its old name."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar

C = TypeVar("C", bound=type)

MODULES = {
    "bench.boards": "bench.methods.boards",
    "bench.class_weights": "bench.methods.class_weights",
    "bench.compare": "bench.report.comparison",
    "bench.ensembles": "bench.methods.ensembles",
    "bench.exports": "bench.report.exports",
    "bench.figures": "bench.report.figures",
    "bench.files": "bench.core.files",
    "bench.keys": "bench.core.hashing",
    "bench.leaderboard": "bench.report.leaderboards",
    "bench.learners": "bench.methods.learners",
    "bench.loading": "bench.tasks.loading",
    "bench.losses": "bench.core.losses",
    "bench.metrics": "bench.methods.metrics",
    "bench.methods.trainings.lesson": "bench.methods.trainings.fit_context",
    "bench.plan": "bench.runner.plan",
    "bench.plugins": "bench.core.plugins",
    "bench.postprocess": "bench.methods.postprocess",
    "bench.preprocess": "bench.tasks.encoders",
    "bench.registry": "bench.core.registry",
    "bench.results": "bench.core.tables",
    "bench.solvers.faces": "bench.solvers.active_set",
    "bench.sources": "bench.tasks.sources",
    "bench.splits": "bench.tasks.splits",
    "bench.stats.games": "bench.stats.pairwise_wins",
    "bench.suites": "bench.tasks.suites",
    "bench.trainings": "bench.methods.trainings",
    "bench.traits": "bench.tasks.meta_features",
}
"""Modules by their old path. Where a package moved, what is below it moved along."""

NAMES = {
    "bench.Answer": "bench.Prediction",
    "bench.core.Answer": "bench.Prediction",
    "bench.experiment.Request": "bench.runner.options.RunRequest",
    "bench.experiment.outlook": "bench.runner.outlook.look_ahead",
    "bench.experiment.prepare": "bench.runner.prepare.prepare",
    "bench.methods.learners.adapters.counted": "bench.methods.learners.adapters.positive_weight_rows",
    "bench.methods.learners.adapters.fitted": "bench.methods.learners.adapters.fit_estimator",
    "bench.methods.trainings.Lesson": "bench.methods.trainings.FitContext",
    "bench.methods.trainings.Say": "bench.methods.trainings.Predictor",
    "bench.methods.trainings.Taught": "bench.methods.trainings.FittedModel",
    "bench.tasks.sources.Request": "bench.tasks.sources.TaskRequest",
} | {
    f"bench.core.{name}": f"bench.{name}"
    for name in (
        "BenchError", "NotApplicableError", "Panel", "Split", "Target", "Task", "Weights", "clip_probabilities",
    )
}  # fmt: skip
"""Classes and functions by the module where one looks for them now and their old name."""

_MISSING_NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")


def new_name(error: BaseException) -> str:
    """Return the sentence with the new name of what an import did not find, or nothing if there is none."""
    if isinstance(error, ModuleNotFoundError):
        return describe_move(error.name or "")
    if isinstance(error, ImportError):
        missing = _MISSING_NAME.search(str(error))  # ImportError.name_from, which says the same, needs Python 3.12
        return describe_move(f"{missing[2]}.{missing[1]}") if missing else ""
    if isinstance(error, AttributeError):
        return describe_move(f"{getattr(error.obj, '__name__', '')}.{error.name}")
    return ""


def describe_move(old: str) -> str:
    """Return the sentence with the new path of a module, class or function, or nothing if it has none."""
    new = MODULES.get(old) or NAMES.get(old)
    return f"{old} is now {new}" if new else ""


def renamed_fields(**names: str) -> Callable[[C], C]:
    """Return the decorator that lets a class name the new names of its fields, `old="new"`.

    An old name that is read raises AttributeError, as any unknown name does, so that `hasattr`, copies and pickles are
    as before; an old keyword of the constructor raises TypeError. Both errors hold the new name.
    """

    def decorate(cls: C) -> C:
        dataclass: Any = cls  # what is set below is set unseen, so that type checkers know every name of the class

        def read(self: object, name: str) -> Any:
            sentence = f"{cls.__name__}.{name} is now {cls.__name__}.{names[name]}" if name in names else ""
            raise AttributeError(sentence or f"{cls.__name__!r} object has no attribute {name!r}", name=name, obj=self)

        construct = dataclass.__init__

        @functools.wraps(construct)
        def construct_anew(self: object, *values: Any, **keywords: Any) -> None:
            if old := names.keys() & keywords.keys():
                name = min(old)
                raise TypeError(f"{cls.__name__}({name}=...) is now {cls.__name__}({names[name]}=...)")
            construct(self, *values, **keywords)

        dataclass.__getattr__ = read
        dataclass.__init__ = construct_anew
        return cls

    return decorate
