"""Cases of plug-ins that are not ours, in processes of their own: what dies there breaks its law, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from bench.checks.cases import cases
from bench.checks.law import Case, Outcome
from bench.runner.executors import results
from bench.runner.executors.local import Pool
from bench.runner.foreign_code import starter


@dataclass(frozen=True)
class _CasesJob:
    """The cases of one scheme, from the one at `first` on."""

    noun: str
    scheme: str
    first: int = 0
    context: str = ""
    is_foreign: bool = True

    def items(self, _: None) -> Iterator[tuple[str, str]]:
        """Yield how each case ended: status and reason."""
        for case in list(cases(self.noun, [self.scheme]))[self.first :]:
            outcome = case.run()
            yield outcome.status, outcome.reason


def run_cases(wanted: Sequence[Case], plugins: Sequence[str]) -> Iterator[tuple[Case, Outcome]]:
    """Yield how each case ended; those of a scheme that is not ours are examined in a process of its own."""
    for (noun, scheme, is_foreign), group in groupby(wanted, key=_place):
        of_scheme = list(group)
        if not is_foreign:
            yield from ((case, case.run()) for case in of_scheme)
            continue
        yield from zip(of_scheme, _outcomes(_CasesJob(noun, scheme), len(of_scheme), plugins), strict=True)


def _place(case: Case) -> tuple[str, str, bool]:
    return case.law.noun, case.scheme.id, case.scheme.entry.is_foreign


def _outcomes(job: _CasesJob, n: int, plugins: Sequence[str]) -> Iterator[Outcome]:
    """Yield the outcomes of the n cases of a job; behind one whose process is lost, another goes on."""
    for _ in range(n):  # each process ends at least one case
        if job.first == n:
            return
        for event in results([job], {"": None}, Pool(1, starter(plugins))):
            if event.kind == "done":
                continue
            yield Outcome(*event.value) if event.kind == "item" else Outcome("broken", event.value)
            job = replace(job, first=job.first + 1)
