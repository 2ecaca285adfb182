"""Trial fits of the learners that a user names: what cannot work is refused before a run, not in the middle of it."""

from __future__ import annotations

from bench.core.nouns import BenchError
from bench.methods.learners import learner_scheme
from bench.runner.executors import results
from bench.runner.executors.choice import executor_of
from bench.runner.options import RunOptions
from bench.runner.plan import Plan
from bench.runner.store import Store
from bench.runner.worker import TrialJob


def try_learners(plan: Plan, store: Store, options: RunOptions) -> None:
    """Fit every learner that was named with parameters, or by an import path, on a few made-up rows, where fits run.

    Raises:
        BenchError: the fit raises, breaks a limit or kills its process.
    """
    kinds = {
        (learner, board_plan.board.target_kind)
        for board_plan in plan.board_plans
        if plan.tasks[board_plan.task].external is None
        for learner in (board_plan.learners if plan.chosen.learners else ())
    }
    schemes = {learner: learner_scheme(learner) for learner, _ in kinds}
    jobs = [
        TrialJob(learner, kind, schemes[learner].entry.is_foreign)
        for learner, kind in sorted(kinds)
        if schemes[learner].parameters or ":" in learner
    ]
    if not jobs:
        return
    faults: dict[TrialJob, str] = {}
    for event in results(jobs, {"": None}, executor_of(options, store)):
        if event.kind == "item":
            faults[event.job] = event.value
        elif event.kind != "done":
            faults[event.job] = f"a trial fit of learner {event.job.learner!r} failed: {event.value}: give another one"
    for job in jobs:  # in their order: which one ends first is chance
        if job in faults:
            raise BenchError(faults[job])
