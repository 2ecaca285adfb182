"""`manifest.json`: where the tables of a results directory came from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from bench.core.files import write_text
from bench.core.git import call_git
from bench.core.published import publishable
from bench.runner.journal import SCHEMA
from bench.runner.options import RunRequest
from bench.runner.prepare import Prepared
from bench.runner.scheduler import Tally


def write_manifest(request: RunRequest, prepared: Prepared, tally: Tally) -> None:
    """Write what a run was asked for, what it did, and on what machine and versions."""
    manifest = json.dumps(_manifest(request, prepared, tally), indent=1, sort_keys=True)
    write_text(request.results / "manifest.json", manifest + "\n")


def _manifest(request: RunRequest, prepared: Prepared, tally: Tally) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "command": ["bench", *map(publishable, sys.argv[1:])],
        "settings": asdict(request.settings),
        "selection": asdict(request.chosen),
        "tasks": {
            name: {
                "data_hash": prepared.plan.data[name],
                **{
                    note: publishable(value) if isinstance(value, str) else value
                    for note, value in task.meta.items()
                    if isinstance(value, (str, int, float, bool, list))
                },
            }
            for name, task in prepared.plan.tasks.items()
        },
        "tally": tally.as_dict(),
        "jobs": request.options.workers,
        "threads": 1,
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {d.metadata["Name"].lower(): d.version for d in distributions() if d.metadata["Name"]},
        "git": _commit_of_git(),
    }


def cpu_model() -> str:
    """Return what the machine says of its CPU."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _commit_of_git() -> str | None:
    """Return the commit of the working directory, `+` behind it where files differ from it; None outside git."""
    try:
        revision = _run_git("rev-parse", "HEAD")
        changed = _run_git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{revision}+" if changed else revision


def _run_git(*words: str) -> str:
    done = call_git(*words)
    done.check_returncode()
    return done.stdout.decode(errors="replace").strip()
