"""The command that does recorded cells again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.arguments import OFFLINE, PLUGINS, TASKS
from bench.core.exit_codes import FINE, NOT_OK, NOTHING_SELECTED


def reproduce(
    cell: Annotated[str, typer.Argument(metavar="CELL|RESULTS", help="One cell as for `explain`, or a directory.")],
    results: Annotated[Path, typer.Option(envvar="BENCH_RESULTS", help="Results directory of CELL.")] = Path("results"),
    store: Annotated[
        Path | None, typer.Option(envvar="BENCH_STORE", help="Prediction store; RESULTS/store without it.")
    ] = None,
    task: TASKS = None,
    learner: Annotated[
        list[str] | None, typer.Option("-l", "--learner", help="Estimators by import path that results may name.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Largest difference, relative or absolute, that is within tolerance.")
    ] = 1e-6,  # kinds of CPU add numbers up in other orders
    jobs: Annotated[int, typer.Option("-j", "--jobs", min=1, help="Worker processes.")] = 1,
    plugins: PLUGINS = None,
    offline: OFFLINE = False,
) -> None:
    """Run cells again in a scratch place: bit-identical, within tolerance, or different, and what changed since.

    Nothing is written into the results. Learners, plug-ins and files that results name are used only if they are given
    again; cells that need others are not checked. The exit code is 1 if a cell came out different.
    """
    from bench.cli import terminal
    from bench.core.plugins import load_plugins
    from bench.core.selection import split_list
    from bench.methods.learners.imported import import_learners
    from bench.runner.options import RunOptions
    from bench.runner.reproduce import Reproduction
    from bench.tasks.task_spec import read_tasks

    load_plugins(plugins or ())
    import_learners(split_list(learner or ()))
    root, wanted = (Path(cell), None) if Path(cell).is_dir() else (results, cell)
    reproduction = Reproduction(
        root=root,
        store=store or root / "store",
        given=read_tasks(task or ()),
        learners=split_list(learner or ()),
        options=RunOptions(jobs=jobs, plugins=tuple(plugins or ())),
        tolerance=tolerance,
        offline=offline,
    )
    verdicts: Counter[str] = Counter()
    unchecked: dict[str, list[str]] = {}
    for found in reproduction.reproduce(wanted):
        verdicts[found.verdict] += 1
        if found.verdict == "not checked":
            unchecked.setdefault(found.difference, []).append(found.name)
            continue
        typer.echo(f"{found.name}: {found.verdict}{f': {found.difference}' if found.difference else ''}")
        if found.changed:
            typer.echo(f"  changed since: {', '.join(found.changed)}")
        elif found.verdict != "bit-identical":
            typer.echo("  nothing that its key holds is known to have changed since")
    for why, names in unchecked.items():  # of a task that cannot be loaded thousands of cells say the same
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        typer.echo(f"{names[0]}{others}: not checked: {why}")
    terminal.message(", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()))
    if set(verdicts) == {"not checked"}:
        raise typer.Exit(NOTHING_SELECTED)
    raise typer.Exit(NOT_OK if verdicts["different"] else FINE)
