"""Rules of a gate: `METRIC:AMOUNT` is how much worse a metric may become, on the mean over tasks or on any one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.core.nouns import BenchError
from bench.core.selection import is_glob, matches, split_list

RULE = re.compile(r"(?P<name>.+):(?P<amount>[^:]+)", re.DOTALL)
"""A metric may be called anything, so the amount stands behind the last colon."""
AMOUNT = re.compile(r"[+-]?(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*(?P<percent>%?)")


COLLAPSE = "20%"
"""What no single task may lose of a metric under a rule, unless another rule for tasks says otherwise."""
NO_RULE = "none"


@dataclass(frozen=True)
class Rule:
    """Worse by more than `amount` fails: a share where `relative`, else a number in the metric's own unit.

    `name` is a metric, or a board and a metric with a slash between; each may be a glob.
    """

    text: str
    name: str
    amount: float
    relative: bool

    @property
    def broad(self) -> bool:
        """Whether the metric is a glob, so that metrics with too few tasks are passed over."""
        return is_glob(self.name.rpartition("/")[2])

    def covers(self, board: str, metric: str) -> bool:
        """Return whether the rule is about a metric of a board: it has exactly this name, or else a glob matches."""
        if self.name in {metric, f"{board}/{metric}", f"*/{metric}"}:
            return True
        before, slash, behind = self.name.partition("/")
        return matches(board, [before]) and matches(metric, [behind]) if slash else matches(metric, [self.name])


def rule(text: str) -> Rule:
    """Read `[BOARD/]METRIC:AMOUNT[%]`; a sign before the amount has no meaning, it is always `worse by more than`.

    Raises:
        BenchError: it cannot be read.
    """
    found = RULE.fullmatch(text.strip())
    number = AMOUNT.fullmatch(found["amount"].strip()) if found else None
    if not found or not number or not math.isfinite(float(number["number"])):
        raise BenchError(
            f"rule {text!r} cannot be read: write METRIC:AMOUNT like macro_f1:0.5%, or BOARD/METRIC:AMOUNT"
        )
    share = float(number["number"]) / (100 if number["percent"] else 1)
    return Rule(text.strip(), found["name"].strip(), share, bool(number["percent"]))


def rules(texts: Sequence[str] | None, flag: str) -> list[Rule]:
    """Read the rules of a flag, each of which may hold several with commas between; none if the flag is not there.

    Raises:
        BenchError: the flag is there and empty, as by a variable that is not set, or a rule cannot be read.
    """
    return [rule(text) for text in _split(texts, flag)]


def _split(texts: Sequence[str] | None, flag: str) -> list[str]:
    """Return the words of a flag; a piece without an amount belongs to the name of the next, which has a comma.

    Raises:
        BenchError: it is there and holds none.
    """
    words: list[str] = []
    open_ = False
    for piece in split_list(texts or ()):
        words = [*words[:-1], f"{words[-1]},{piece}"] if open_ else [*words, piece]
        amount = piece.rpartition(":")[2].strip()
        open_ = piece != NO_RULE and not AMOUNT.fullmatch(amount)
    if texts and not words:
        raise BenchError(f"{flag} is empty: write METRIC:AMOUNT like macro_f1:0.5%, or leave the flag out")
    return words


def task_rules(texts: Sequence[str] | None, gate: Sequence[Rule]) -> list[Rule]:
    """Read the rules for any one task, behind those that hold by default: `COLLAPSE` for every metric of the gate.

    `none` lifts the default.

    Raises:
        BenchError: the flag is there and empty, or a rule cannot be read.
    """
    words = _split(texts, "--fail-any")
    lifted = NO_RULE in words
    default = [] if lifted else [rule(f"{one.name}:{COLLAPSE}") for one in gate]
    return [*default, *(rule(text) for text in words if text != NO_RULE)]


def noises(texts: Sequence[str] | None) -> list[Rule]:
    """Read how much scores change by the seed alone, one or several a text.

    Raises:
        BenchError: the flag is there and empty, or cannot be read.
    """
    return [noise(text) for text in _split(texts, "--noise")]


def noise(text: str) -> Rule:
    """Read how much scores change by the seed alone: `METRIC:AMOUNT`, or `AMOUNT` for every metric.

    Raises:
        BenchError: it cannot be read.
    """
    return rule(text if ":" in text else f"*:{text}")


def find_rule(rules: Sequence[Rule], board: str, metric: str) -> Rule | None:
    """Return the rule that decides on a metric of a board: the last one that covers it."""
    return next((one for one in reversed(rules) if one.covers(board, metric)), None)


def find_idle_rules(rules: Iterable[Rule], pairs: Iterable[tuple[str, str]]) -> list[Rule]:
    """Return the rules that cover none of the boards and metrics."""
    known = list(pairs)
    return [one for one in rules if not any(one.covers(board, metric) for board, metric in known)]
