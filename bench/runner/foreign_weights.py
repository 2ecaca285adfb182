"""Class weights by weightings that are not ours: the keys of fits hold them, so that they are needed before any fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from bench.core.nouns import Array
from bench.methods import trainings
from bench.methods.trainings import is_weighting
from bench.runner.endings import ending_of_lost
from bench.runner.executors import results
from bench.runner.executors.choice import executor_of
from bench.runner.options import RunOptions
from bench.runner.plan import Plan
from bench.runner.records import Ending
from bench.runner.store import Store
from bench.runner.worker import ClassWeightsJob


class SplitId(NamedTuple):
    """The identity of an outer split in a plan."""

    task: str
    repeat: int
    fold: int


ForeignWeights = Mapping[SplitId, Mapping[str, list[Array] | Ending]]
"""By split and class weighting the weights (K,) of each model of a fit, or how the weighting ended."""


def foreign_class_weights(plan: Plan, store: Store, options: RunOptions) -> ForeignWeights:
    """Return what all class weightings of a plan that are not ours come to, each job where the fits run."""
    jobs = [
        ClassWeightsJob(board_plan.task, split, name, plan.settings)
        for board_plan in plan.board_plans
        for name in board_plan.trainings
        if is_weighting(scheme := trainings.registry.scheme(name)) and scheme.entry.is_foreign
        for split in plan.splits[board_plan.task]
    ]
    found: dict[SplitId, dict[str, list[Array] | Ending]] = {}
    if not jobs:
        return found
    for event in results(jobs, plan.tasks, executor_of(options, store)):
        if event.kind == "done":
            continue
        job: ClassWeightsJob = event.job
        value = event.value if event.kind == "item" else ending_of_lost(event.kind, event.value)
        weights = value if isinstance(value, Ending) else [np.array(each) for each in value]
        found.setdefault(SplitId(job.context, job.split.repeat, job.split.fold), {})[job.training] = weights
    return found
