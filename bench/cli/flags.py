"""The flags of every command that selects work, and how they become a request."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from bench.core.settings import Settings
    from bench.experiment import RunRequest

PROTOCOLS = ("refit", "bag", "nested", "split")
SETTINGS: dict[str, tuple[Callable[[str], Any], Callable[[Any], bool], str]] = {
    "protocol": (str, lambda name: name in PROTOCOLS, ", ".join(PROTOCOLS)),
    "inner": (int, lambda folds: folds >= 2, "a whole number of at least 2"),
    "calibration": (float, lambda share: 0.01 <= share <= 0.5, "a share from 0.01 to 0.5"),
}
"""How settings of the experiment are read, what they may be, and what to say where they are not."""
RETRIED = ["all", "failed", "invalid", "timeout", "oom", "crashed", "infra", "data", "code", "limit"]
WHAT, HOW, WHERE = "What is compared", "How it is run", "Where it is kept"


def ask(
    tasks: Annotated[
        list[str] | None,
        typer.Option("-t", "--task", help="openml:37 or 37, bundled:iris, file:my.csv.", rich_help_panel=WHAT),
    ] = None,
    suites: Annotated[
        list[str] | None, typer.Option("-s", "--suite", help="Suite of datasets.yaml.", rich_help_panel=WHAT)
    ] = None,
    boards: Annotated[
        list[str] | None, typer.Option("-b", "--board", help="Boards, by name or glob.", rich_help_panel=WHAT)
    ] = None,
    learners: Annotated[
        list[str] | None,
        typer.Option(
            "-l", "--learner", help="Learners: name, glob, name:parameter=value, package:Estimator, !name.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    ensembles: Annotated[
        list[str] | None,
        typer.Option("-e", "--ensemble", help="Ensemble schemes: name, glob, tag, all, !name.", rich_help_panel=WHAT),
    ] = None,
    class_weights: Annotated[
        list[str] | None,
        typer.Option(
            "-w", "--class-weight", help="Class weightings, training schemes: name, glob, tag, all, !name.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    panel: Annotated[
        str | None, typer.Option(help="Named panel of learners in datasets.yaml.", rich_help_panel=WHAT)
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=1, help="Only the first N folds of each task.", rich_help_panel=WHAT)
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="Only the first N repeats of each task.", rich_help_panel=WHAT)
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Target column of the file: tasks.", rich_help_panel=WHAT)
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="regression or classification; inferred without it.", rich_help_panel=WHAT)
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="Column whose equal values stay in one fold.", rich_help_panel=WHAT)
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="Column of time: nothing learns from later rows.", rich_help_panel=WHAT)
    ] = None,
    weight: Annotated[
        str | None, typer.Option(help="Column of row weights, for fits, schemes and metrics.", rich_help_panel=WHAT)
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(help="Classes from low to high: a,b,c; number where they are numbers.", rich_help_panel=WHAT),
    ] = None,
    max_learners: Annotated[
        int | None, typer.Option(min=1, help="Only the first N learners of the panel.", rich_help_panel=WHAT)
    ] = None,
    max_weight_rows: Annotated[
        int | None, typer.Option(min=2, help="At most N rows teach an ensemble's weights.", rich_help_panel=WHAT)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the experiment.", rich_help_panel=WHAT)] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, help="Run every split with N seeds of the learners: the noise of reseeding.",
                          rich_help_panel=WHAT)
    ] = 1,
    inner: Annotated[int | None, typer.Option(min=2, help="Inner folds; 5.", rich_help_panel=WHAT)] = None,
    levels: Annotated[
        str | None, typer.Option(help="Quantile levels: 0.1,0.5,0.9 or 0.1:0.9:0.1.", rich_help_panel=WHAT)
    ] = None,
    protocol: Annotated[
        Literal["refit", "bag", "nested", "split"] | None,
        typer.Option(
            help="What answers the test rows: refit (all training rows), bag (the folds' models), nested (and models "
            "without two folds), split (rows set aside to calibrate).",
            rich_help_panel=WHAT,
        ),
    ] = None,
    calibration: Annotated[
        float | None,
        typer.Option(min=0.01, max=0.5, help="Share that protocol split sets aside; 0.2.", rich_help_panel=WHAT),
    ] = None,
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Worker processes.", rich_help_panel=HOW)] = 1,
    time_limit: Annotated[
        str | None, typer.Option(help="Limit of one fit or one cell: 90s, 10m, 2h.", rich_help_panel=HOW)
    ] = None,
    mem_limit: Annotated[
        str | None, typer.Option(help="Limit of a worker's memory: 500MB, 4GB.", rich_help_panel=HOW)
    ] = None,
    retry: Annotated[
        list[str] | None,
        typer.Option(help="Try again: failed, timeout, oom, invalid, all (crashed and infra always are).",
                     rich_help_panel=HOW),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fit and weigh again.", rich_help_panel=HOW)] = False,
    stop: Annotated[
        bool, typer.Option("-x", "--exitfirst", help="Stop at the first cell that is not ok.", rich_help_panel=HOW)
    ] = False,
    plugins: Annotated[
        list[str] | None, typer.Option("--plugin", help="Plug-in file or module.", rich_help_panel=HOW)
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", envvar="BENCH_OFFLINE", help="Never use the network.", rich_help_panel=HOW)
    ] = False,
    results: Annotated[
        Path, typer.Option(envvar="BENCH_RESULTS", help="Results directory.", rich_help_panel=WHERE)
    ] = Path("results"),
    store: Annotated[
        Path | None,
        typer.Option(envvar="BENCH_STORE", help="Prediction store; RESULTS/store without it.", rich_help_panel=WHERE),
    ] = None,
) -> RunRequest:  # fmt: skip
    """Return the request that the flags stand for.

    Raises:
        BenchError: a value cannot be read.
    """
    from bench.core.selection import chosen_from, split_list
    from bench.experiment import RunRequest
    from bench.runner.options import Limits, RunOptions, RunSelection
    from bench.tasks.suites import TaskSpec

    names = split_list(tasks or ())
    columns = (target, kind, group, time, weight, order)
    files = [name for name in names if name.startswith("file:")] or names
    specs = [TaskSpec(name, *columns) if name in files else TaskSpec(name) for name in names]
    limits = Limits(seconds(time_limit) if time_limit else None, size(mem_limit) if mem_limit else None)
    words = tuple(chosen_from(RETRIED, retry, "status to retry")) if retry else ()
    wanted = tuple(split_list(suites or ()))
    given = {"protocol": protocol, "levels": levels, "inner": inner, "calibration": calibration, "panel": panel}
    usual, named_panel = _settings(seed, wanted, {name: str(text) for name, text in given.items() if text is not None})
    return RunRequest(
        tasks=tuple(specs),
        suites=wanted,
        chosen=RunSelection(
            tuple(boards or ()), tuple(learners or ()), tuple(ensembles or ()), tuple(class_weights or ()),
            named_panel, folds, repeats, max_learners, max_weight_rows, seeds,
        ),
        settings=usual,
        options=RunOptions(jobs, limits, words, force, stop, tuple(plugins or ())),
        results=results,
        store=store,
        offline=offline,
    )  # fmt: skip


def _setting(name: str, text: str) -> Any:
    """Read one setting of a flag or a suite.

    Raises:
        BenchError: it is no such value.
    """
    from bench.core.nouns import BenchError

    read, sound, like = SETTINGS[name]
    try:
        value = read(text)
    except ValueError:
        value = None
    if value is None or not sound(value):
        raise BenchError(f"{name} cannot be {text!r}: give {like}")
    return value


def _settings(seed: int, suites: Sequence[str], given: Mapping[str, str]) -> tuple[Settings, str]:
    """Return the settings of the experiment and the panel: as given, else as the suites want them, else the usual ones.

    Raises:
        BenchError: two suites want different settings, or a value cannot be read.
    """
    from bench.core.nouns import BenchError
    from bench.core.settings import DEFAULT_LEVELS, Settings
    from bench.tasks.suites import catalogue

    wanted: dict[str, str] = {}
    for suite in (catalogue().suite(name) for name in suites):
        for name, text in suite.settings.items():
            if wanted.setdefault(name, text) != text and name not in given:
                raise BenchError(f"suite {suite.name!r} wants {name} {text}, another {wanted[name]}: give --{name}")
    texts = {"panel": "default", **wanted, **given}
    values = {name: _setting(name, texts[name]) for name in SETTINGS if name in texts}
    if "calibration" in given and values.get("protocol") != "split":
        raise BenchError(f"calibration {given['calibration']} is for --protocol split: give both, or neither")
    levels = read_levels(texts["levels"]) if "levels" in texts else DEFAULT_LEVELS
    return Settings(seed, levels, **values), texts["panel"]


def selects_work(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command with a first parameter `request` all the flags of `ask`."""

    @functools.wraps(command)
    def wrapped(**values: Any) -> None:
        requested = {name: values.pop(name) for name in inspect.signature(ask).parameters}
        command(ask(**requested), **values)

    flags, own = _parameters(ask), _parameters(command)[1:]
    both = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*flags, *own)]
    wrapped.__signature__ = inspect.Signature(both)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in both}
    del wrapped.__wrapped__
    return wrapped


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a function, `Request` left unread since it is not imported here."""
    signature = inspect.signature(function, eval_str=True, locals={"RunRequest": object})
    return list(signature.parameters.values())


def seconds(text: str) -> float:
    """Read a duration such as 90s, 10m, 2h, or a number of seconds.

    Raises:
        BenchError: the text is no duration.
    """
    return _with_unit(text, {"": 1, "s": 1, "m": 60, "h": 3600}, "duration", "90s, 10m or 2h")


def size(text: str) -> int:
    """Read a size such as 500MB or 4GB, or a number of bytes.

    Raises:
        BenchError: the text is no size.
    """
    units = {"": 1, "b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
    return int(_with_unit(text, units, "size", "500MB or 4GB"))


def _with_unit(text: str, units: dict[str, int], what: str, example: str) -> float:
    from bench.core.nouns import BenchError

    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if not found or found[2] not in units or float(found[1]) == 0:
        raise BenchError(f"{text!r} is no {what}: write it like {example}")
    return float(found[1]) * units[found[2]]


def read_levels(text: str) -> tuple[float, ...]:
    """Read quantile levels: a comma list, or first:last:step.

    Raises:
        BenchError: a level is no number between 0 and 1, or they do not increase.
    """
    from bench.core.nouns import BenchError

    try:
        numbers = [float(part) for part in re.split("[:,]", text)]
        if ":" in text:
            first, last, step = numbers
            numbers = [round(first + j * step, 10) for j in range(round((last - first) / step) + 1)]
    except (ValueError, ZeroDivisionError):
        numbers = []
    inside = all(0 < level < 1 for level in numbers)
    if not numbers or not inside or any(a >= b for a, b in pairwise(numbers)):
        raise BenchError(
            f"levels {text!r} cannot be read: write 0.1,0.5,0.9 or 0.1:0.9:0.1, increasing, inside 0 and 1"
        )
    return tuple(numbers)
