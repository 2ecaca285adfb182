"""Rules of a gate: `METRIC:AMOUNT` is how much worse a metric may become, on the mean over tasks or on any one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.core.nouns import BenchError
from bench.core.selection import matches
from bench.core.tables import OLD_METRICS

Pair = tuple[str, str]
"""A board and a metric of it."""
AMOUNT = re.compile(r"[+-]?(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)\s*(?P<percent>%?)")
COLLAPSE = 0.2
"""Share that no single task may lose of a metric under a rule, unless another rule for tasks says otherwise."""
NO_RULE = "none"


@dataclass(frozen=True)
class Rule:
    """Worse by more than `amount` fails: a share where `relative`, else a number in the metric's own unit.

    `name` is METRIC or BOARD/METRIC, each a name or a glob. `text` is the rule as people wrote it.
    """

    text: str
    name: str
    amount: float
    relative: bool

    def is_named(self, metric: str) -> bool:
        """Return whether a metric is named as it stands, with or without a board before it."""
        return self.name == metric or self.name.endswith(f"/{metric}")

    def covers(self, board: str, metric: str) -> bool:
        """Return whether the rule is about a metric of a board, by name or by glob.

        A slash may divide board and metric, or belong to the name of either.
        """
        cuts = [place for place, sign in enumerate(self.name) if sign == "/"]
        readings = [("*", self.name), *((self.name[:cut] or "*", self.name[cut + 1 :]) for cut in cuts)]
        return any(matches(board, [of_board]) and matches(metric, [of_metric]) for of_board, of_metric in readings)


def rule(text: str) -> Rule:
    """Read `[BOARD/]METRIC:AMOUNT[%]`; a sign before the amount has no meaning, it is always `worse by more than`.

    The amount stands behind the last colon: the name of a metric may hold others.

    Raises:
        BenchError: it cannot be read.
    """
    name, _, amount = text.strip().rpartition(":")
    number = AMOUNT.fullmatch(amount.strip())
    if not name.strip(" /") or not number or not math.isfinite(float(number["number"])):
        raise BenchError(
            f"rule {text!r} cannot be read: write METRIC:AMOUNT like macro_f1:0.5%, or BOARD/METRIC:AMOUNT"
        )
    of_board, slash, metric = name.strip().rpartition("/")
    share = float(number["number"]) / (100 if number["percent"] else 1)
    return Rule(text.strip(), of_board + slash + OLD_METRICS.get(metric, metric), share, bool(number["percent"]))


def rules(texts: Sequence[str] | None, flag: str) -> list[Rule]:
    """Read the rules of a flag, each text of which may hold several with commas between.

    There are none if the flag is not there, or says `none`.

    Raises:
        BenchError: the flag is there and empty, as by a variable that is not set, or a rule cannot be read.
    """
    words = _split(texts, flag, lambda word: word == NO_RULE)
    return [] if words == [NO_RULE] else [rule(word) for word in words]


def task_rules(texts: Sequence[str] | None, gate: Sequence[Rule]) -> list[Rule]:
    """Read the rules for any one task, behind those that hold by default: `COLLAPSE` for every metric of the gate.

    `none` lifts the default.

    Raises:
        BenchError: the flag is there and empty, or a rule cannot be read.
    """
    words = _split(texts, "--fail-any", lambda word: word == NO_RULE)
    default = [] if NO_RULE in words else [_default_for_tasks(one) for one in gate]
    return [*default, *(rule(word) for word in words if word != NO_RULE)]


def _default_for_tasks(one: Rule) -> Rule:
    return replace(one, text=f"{one.name}:{COLLAPSE:.0%} by default", amount=COLLAPSE, relative=True)


def noises(texts: Sequence[str] | None) -> list[Rule]:
    """Read how much scores change by the seed alone, one or several a text.

    Raises:
        BenchError: the flag is there and empty, or cannot be read.
    """
    return [noise(word) for word in _split(texts, "--noise", lambda word: bool(AMOUNT.fullmatch(word)))]


def noise(text: str) -> Rule:
    """Read how much scores change by the seed alone: `METRIC:AMOUNT`, or `AMOUNT` for every metric.

    Raises:
        BenchError: it cannot be read.
    """
    return rule(text if ":" in text else f"*:{text}")


def _split(texts: Sequence[str] | None, flag: str, stands_alone: Callable[[str], bool]) -> list[str]:
    """Return the rules of a flag, and the words that need no amount.

    Raises:
        BenchError: the flag is there and holds none.
    """
    words = [word for text in texts or () for word in _cut_at_commas(text, stands_alone)]
    if texts and not words:
        raise BenchError(f"{flag} is empty: write METRIC:AMOUNT like macro_f1:0.5%, or leave the flag out")
    return words


def _cut_at_commas(text: str, stands_alone: Callable[[str], bool]) -> Iterator[str]:
    """Yield the rules of a text; a part without an amount is the start of a name with a comma, as in `acc,none:1%`."""
    held = ""
    for part in text.split(","):
        held = (f"{held},{part}" if held else part).strip()
        _, colon, amount = held.rpartition(":")
        if stands_alone(held) or (colon and AMOUNT.fullmatch(amount.strip())):
            yield held
            held = ""
    if held:
        yield held


def find_meant(one: Rule, pairs: Iterable[Pair]) -> set[Pair]:
    """Return the boards and metrics that a rule means: those that it names as they stand, else those that it covers."""
    known = set(pairs)
    named = {pair for pair in known if one.name in {pair[1], "/".join(pair)}}
    return named or {pair for pair in known if one.covers(*pair)}


def assign_rules(rules: Iterable[Rule], pairs: Iterable[Pair]) -> dict[Pair, Rule]:
    """Return the rule that decides on each board and metric: the last one that means it."""
    known = set(pairs)
    return {pair: one for one in rules for pair in find_meant(one, known)}
