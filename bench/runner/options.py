"""What the user chooses of a run, beside the settings of the experiment.

Nothing heavy is imported here: the command line reads its flags off these fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """Bounds on one item of a job: wall seconds, and bytes of resident memory."""

    seconds: float | None = None
    memory: int | None = None


@dataclass(frozen=True)
class RunOptions:
    """How to run, without effect on any score."""

    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    retry: tuple[str, ...] = ()
    force: bool = False
    stop_at_failure: bool = False
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunSelection:
    """What is compared: boards, learners, ensembles and class weightings by name, a panel, and how many splits.

    Every split is run with `seeds` seeds of the learners, as further repeats. `max_learners` keeps the first learners
    of a panel, `max_weight_rows` some of the rows that the weights are fitted on: for learning curves.
    """

    boards: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    ensembles: tuple[str, ...] = ()
    class_weights: tuple[str, ...] = ()
    panel: str = "default"
    folds: int | None = None
    repeats: int | None = None
    max_learners: int | None = None
    max_weight_rows: int | None = None
    seeds: int = 1

    def panel_flags(self) -> list[str]:
        """Return the flags that give the same panel again."""
        flags = [word for text in self.learners for word in ("-l", text)]
        names = ("panel", "seeds", "max_learners", "max_weight_rows")
        changed = {name: getattr(self, name) for name in names if getattr(self, name) != getattr(RunSelection, name)}
        return flags + [word for name, value in changed.items() for word in (f"--{name.replace('_', '-')}", str(value))]
