"""What the user chooses of a run; the settings of the experiment are in `bench.core.settings`.

Nothing heavy is imported here: the flags of the command line are these fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.core.flag import HOW, WHERE, flag
from bench.core.settings import Settings
from bench.core.threads import available_cores
from bench.core.values import read_bytes, read_names, read_seconds
from bench.tasks.task_spec import TaskSpec, read_tasks

RETRIED = ("all", "failed", "invalid", "timeout", "oom", "crashed", "infra", "data", "code", "limit")
"""What may be tried again: every cell that is not ok, those of a status, or those of a cause."""


HOUR = 3600.0
"""Seconds."""


def read_limit(text: str) -> float | None:
    """Read a duration, or `none` for no limit.

    Raises:
        BenchError: the text is neither.
    """
    return None if text.strip().lower() == "none" else read_seconds(text)


def read_retried(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the statuses and causes that are chosen, by name or glob.

    Raises:
        BenchError: there is no such status or cause.
    """
    from bench.core.selection import chosen_from

    return tuple(chosen_from(RETRIED, texts, "status to retry"))


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a run, its `number` counted from 1."""

    number: int
    count: int

    def has(self, unit: int) -> bool:
        """Return whether a unit, counted from 0 over the whole run, is dealt to this part."""
        return unit % self.count == self.number - 1


def read_shard(text: str) -> Shard:
    """Read `i/n`, the i-th of n parts.

    Raises:
        BenchError: the text is no such part.
    """
    from bench.core.nouns import BenchError

    found = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text.strip())
    shard = Shard(int(found[1]), int(found[2])) if found else None
    if shard is None or not 1 <= shard.number <= shard.count:
        raise BenchError(f"shard {text!r} cannot be read: write 1/4 for the first of four parts")
    return shard


@dataclass(frozen=True)
class Limits:
    """Bounds on one item of a job: wall seconds, and bytes of resident memory of its process and all that it started.

    The usual one is there so that nothing can hang for ever; it is far beyond what a fit is meant to take.
    """

    seconds: float | None = field(
        default=HOUR,
        metadata=flag(
            "--time-limit",
            help_text="Limit of one fit or one cell: 90s, 10m, 2h, none; one hour without it.",
            help_panel=HOW,
            read=read_limit,
        ),
    )
    memory: int | None = field(
        default=None,
        metadata=flag(
            "--mem-limit",
            help_text="Limit of the memory of a worker and all that it started: 500MB, 4GB.",
            help_panel=HOW,
            read=read_bytes,
        ),
    )


ExecutorName = Literal["local", "dask", "slurm"]
"""Who runs jobs: one module of `bench.runner.executors` each."""


@dataclass(frozen=True)
class RunOptions:
    """How to run, without effect on any score."""

    jobs: int | None = field(
        default=None,
        metadata=flag(
            "-j",
            "--jobs",
            help_text="Worker processes, or jobs of Slurm; as many as there are cores for this program without it.",
            help_panel=HOW,
            least=1,
            envvar="BENCH_JOBS",
        ),
    )
    executor: ExecutorName = field(
        default="local",
        metadata=flag(
            help_text="Where jobs run: worker processes here, a dask cluster, jobs of Slurm.", help_panel=HOW
        ),
    )
    address: str | None = field(
        default=None,
        metadata=flag(
            help_text="Scheduler of --executor dask: tcp://host:8786.", help_panel=HOW, envvar="BENCH_DASK_ADDRESS"
        ),
    )
    limits: Limits = field(default_factory=Limits)
    retry: tuple[str, ...] = field(
        default=(),
        metadata=flag(
            help_text="Try again: failed, timeout, oom, invalid, all (crashed and infra always are).",
            help_panel=HOW,
            read_all=read_retried,
        ),
    )
    force: bool = field(default=False, metadata=flag(help_text="Fit and weigh again.", help_panel=HOW))
    stop_at_failure: bool = field(
        default=False,
        metadata=flag("-x", "--exitfirst", help_text="Stop at the first cell that is not ok.", help_panel=HOW),
    )
    wait: bool = field(
        default=False,
        metadata=flag(help_text="Wait for another run in the results directory to end.", help_panel=HOW),
    )
    max_total: float | None = field(
        default=None,
        metadata=flag(
            help_text="End the run in order after so long: 90s, 10m, 2h (exit 6); the next one goes on.",
            help_panel=HOW,
            read=read_seconds,
        ),
    )
    max_cells: int | None = field(
        default=None,
        metadata=flag(
            help_text="End the run in order after so many cells (exit 6); the next one goes on.",
            help_panel=HOW,
            least=1,
        ),
    )
    plugins: tuple[str, ...] = field(
        default=(), metadata=flag("--plugin", help_text="Plug-in file or module.", help_panel=HOW)
    )

    @property
    def workers(self) -> int:
        """How many jobs run at once."""
        return self.jobs or available_cores()


@dataclass(frozen=True)
class RunSelection:
    """What is compared: boards, learners, ensembles, class weightings, metrics by name, a panel, and how many splits.

    `metrics` are computed, kept and printed; without any, those of the tag `core`. Every split is run with `seeds`
    seeds of the learners, as further repeats. `max_learners` keeps the first learners of a panel, `max_weight_rows`
    some of the rows that the weights are fitted on: for learning curves. Tasks beyond `max_rows`, `max_features` or
    `max_classes` are skipped. With a `shard`, only its splits are run.
    """

    boards: tuple[str, ...] = field(default=(), metadata=flag("-b", "--board", help_text="Boards, by name or glob."))
    learners: tuple[str, ...] = field(
        default=(),
        metadata=flag(
            "-l", "--learner", help_text="Learners: name, glob, name:parameter=value, package:Estimator, !name."
        ),
    )
    ensembles: tuple[str, ...] = field(
        default=(),
        metadata=flag("-e", "--ensemble", help_text="Ensemble schemes: name, glob, tag, all, !name."),
    )
    class_weights: tuple[str, ...] = field(
        default=(),
        metadata=flag(
            "-w", "--class-weight", help_text="Class weightings, training schemes: name, glob, tag, all, !name."
        ),
    )
    panel: str = field(
        default="default", metadata=flag(help_text="Named panel of learners in datasets.yaml.", by_suite=True)
    )
    folds: int | None = field(default=None, metadata=flag(help_text="Only the first N folds of each task.", least=1))
    repeats: int | None = field(
        default=None, metadata=flag(help_text="Only the first N repeats of each task.", least=1)
    )
    shard: Shard | None = field(
        default=None,
        metadata=flag(
            help_text="Only part i of n (2/4): task, repeat and fold are dealt out in turn; see `bench merge`.",
            read=read_shard,
        ),
    )
    metrics: tuple[str, ...] = field(
        default=(),
        metadata=flag(
            "--metric",
            help_text="Metrics to compute, keep and print: name, glob, tag, all, name:parameter=value, !name; the core "
            "ones without it.",
        ),
    )
    max_learners: int | None = field(
        default=None, metadata=flag(help_text="Only the first N learners of the panel.", least=1)
    )
    max_weight_rows: int | None = field(
        default=None, metadata=flag(help_text="At most N rows teach an ensemble's weights.", least=2)
    )
    max_rows: int | None = field(default=None, metadata=flag(help_text="Skip tasks with more rows.", least=1))
    max_features: int | None = field(default=None, metadata=flag(help_text="Skip tasks with more features.", least=1))
    max_classes: int | None = field(default=None, metadata=flag(help_text="Skip tasks with more classes.", least=2))
    seeds: int = field(
        default=1,
        metadata=flag(help_text="Run every split with N seeds of the learners: the noise of reseeding.", least=1),
    )

    def panel_flags(self) -> list[str]:
        """Return the flags that give the same panel and the same metrics again."""
        given = {"-l": self.learners, "--metric": self.metrics}
        flags = [word for name, texts in given.items() for text in texts for word in (name, text)]
        names = ("panel", "seeds", "max_learners", "max_weight_rows")
        changed = {name: getattr(self, name) for name in names if getattr(self, name) != getattr(RunSelection, name)}
        return flags + [word for name, value in changed.items() for word in (f"--{name.replace('_', '-')}", str(value))]


@dataclass(frozen=True)
class RunRequest:
    """Everything that the user requests of a run.

    `task_flags` are options of tasks by name, for tasks of a suite that do not have them themselves.
    """

    tasks: tuple[TaskSpec, ...] = field(
        default=(),
        metadata=flag(
            "-t", "--task", help_text="openml:37 or 37, bundled:iris, file:my.csv@target.", read_all=read_tasks
        ),
    )
    suites: tuple[str, ...] = field(
        default=(), metadata=flag("-s", "--suite", help_text="Suite of datasets.yaml.", read_all=read_names)
    )
    datasets: str | None = field(
        default=None,
        metadata=flag(help_text="File of suites and panels; none for the packaged one alone.", envvar="BENCH_DATASETS"),
    )
    task_flags: Mapping[str, Any] = field(default_factory=dict)
    chosen: RunSelection = field(default_factory=RunSelection)
    settings: Settings = field(default_factory=Settings)
    options: RunOptions = field(default_factory=RunOptions)
    results: Path = field(
        default=Path("results"),
        metadata=flag(help_text="Results directory.", help_panel=WHERE, envvar="BENCH_RESULTS"),
    )
    store: Path | None = field(
        default=None,
        metadata=flag(help_text="Prediction store; RESULTS/store without it.", help_panel=WHERE, envvar="BENCH_STORE"),
    )
    offline: bool = field(
        default=False, metadata=flag(help_text="Never use the network.", help_panel=HOW, envvar="BENCH_OFFLINE")
    )
    positive: str | None = field(
        default=None,
        metadata=flag(help_text="Positive class of the tasks of two classes; the rarer of the table without it."),
    )

    @property
    def store_root(self) -> Path:
        """Where predictions are kept."""
        return self.store or self.results / "store"
