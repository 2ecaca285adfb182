"""How names are chosen: comma lists, globs, tags and `!name`; the only place that reads them.

What is a known name as it stands means that name, whatever signs are in it: `acc,none` is no list and `f1[macro]` no
glob where there are such names. A name that nobody knows is refused wherever it stands, also behind `!`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bench.core.nouns import BenchError

SEPARATOR = re.compile(r",(?![^()]*\))")
"""A comma between two parts: one inside of parentheses belongs to a value, as in `layers=(50,20)`."""


@dataclass(frozen=True)
class NameFilter:
    """A list of names as the user wrote it: what is `wanted`, and what stood behind `!`, each in its order."""

    wanted: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that must be known, the excluded names without their `!`."""
        return (*self.wanted, *self.excluded)

    def excludes(self, *names: str) -> bool:
        """Return whether one of the spellings of a thing is excluded, by name or by glob."""
        return any(matches(name, self.excluded) for name in names)


def name_filter(texts: Iterable[str], known: Collection[str] = ()) -> NameFilter:
    """Parse comma lists of names, globs and `!name`; see `split_list` for `known`."""
    parts = split_list(texts, known)
    return NameFilter(
        tuple(part for part in parts if part in known or not part.startswith("!")),
        tuple(part[1:] for part in parts if part not in known and part.startswith("!")),
    )


def split_list(texts: Iterable[str], known: Collection[str] = ()) -> list[str]:
    """Split comma lists; a part like `b=2` after `name:a=1` belongs to that name.

    The longest run of parts that is one of the `known` names, also behind `!`, stays whole.
    """
    parts: list[str] = []
    for text in texts:
        for place, (part, is_name) in enumerate(_cut_at_commas(text, known)):
            name, equals, _ = part.partition("=")
            if equals and ":" not in name and parts and place and not is_name:
                parts[-1] += f",{part}"
            elif part:
                parts.append(part)
    return parts


def _cut_at_commas(text: str, known: Collection[str]) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a comma list, and whether each is a known name as it stands, or one behind `!`."""
    rest: str | None = text
    while rest is not None:
        ends = [len(rest), *(place for place in range(len(rest) - 1, -1, -1) if rest[place] == ",")]
        runs = ((form, end) for end in ends for form in (rest[:end], rest[:end].strip()))
        found = next(((form, end) for form, end in runs if form in known or form.removeprefix("!") in known), None)
        first = cut.start() if (cut := SEPARATOR.search(rest)) else len(rest)
        form, end = found or (rest[:first].strip(), first)
        yield form, found is not None
        rest = rest[end + 1 :] if end < len(rest) else None


def is_glob(text: str) -> bool:
    """Return whether a text stands for all the names of a pattern."""
    return any(sign in text for sign in "*?[")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name is one of the names, or matches one of the globs."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def chosen_from(known: Sequence[str], texts: Iterable[str], noun: str) -> list[str]:
    """Return the known names that names, globs or `!name` choose; all of them where none is named.

    Raises:
        BenchError: a text matches no known name.
    """
    names = name_filter(texts, {*known} - {""})
    refuse_unknown(names, known, noun)
    wanted, excluded = (_name_all(known, patterns) for patterns in (names.wanted or ("*",), names.excluded))
    return [name for name in known if name in wanted and name not in excluded]


def _name_all(known: Sequence[str], patterns: Iterable[str]) -> set[str]:
    """Return the known names that some texts mean: each the name that it is, else those that match it."""
    return {name for text in patterns for name in ([text] if text in known else known) if matches(name, [text])}


def refuse_unknown(
    names: NameFilter, known: Sequence[str], noun: str, elsewhere: Callable[[str], bool] = lambda _: False
) -> None:
    """Refuse a text that matches no known name; `elsewhere` are others that are known to somebody else.

    Raises:
        BenchError: a text is unknown.
    """
    for text in names.texts:
        if not any(matches(name, [text]) for name in known) and not elsewhere(text):
            raise BenchError(f"unknown {noun} {text!r}: {suggestion(text, known)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the advice that ends an error about an unknown name: what is close to it, else all that there is."""
    names = list(known)
    # below difflib's own 0.6: without a close name the error lists all that there is
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(names)}"
