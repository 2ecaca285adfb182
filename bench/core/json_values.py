"""JSON that others may have written: read within bounds, and held to the types that it must have."""

from __future__ import annotations

import functools
import json
import math
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

MOST_INT = 2**63
"""Whole numbers stay below it: tables hold them in 64 bits."""
INFINITE = ("inf", "-inf")
"""How the journal writes a number that JSON has no sign for."""
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
"""What a lone surrogate is written with, which no file can hold as text."""

Test = Callable[[Sequence[Any]], bool]
"""Whether each of some JSON values is what a type may hold: of many at once, since a suite has millions."""


def parse_json(content: str | bytes) -> Any:
    """Return a JSON value; in its texts a lone surrogate stands as it was escaped.

    Raises:
        ValueError: it is none, is nested too deep, or has a number of more digits than Python reads.
    """
    text = content if isinstance(content, str) else content.decode("utf-8")
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    has_escape = "\\u" in text  # most texts have none, and to ask that is much quicker
    return _as_text(value) if has_escape and _HALF_PAIR.search(text) else value


def _as_text(value: Any) -> Any:
    """Return a JSON value with texts that UTF-8 can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    return {_as_text(name): _as_text(each) for name, each in value.items()} if isinstance(value, dict) else value


def check_fields(owner: type, held: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return JSON values by the names of fields, once each is what the field of the class may hold.

    Raises:
        ValueError: one is of another type.
    """
    for name, value in held.items():
        check_column(owner, name, (value,))
    return held


def check_column(owner: type, name: str, values: Sequence[Any]) -> None:
    """Refuse JSON values of which one is not what a field of a class may hold; many at once cost little more than one.

    Raises:
        ValueError: one is of another type.
    """
    _refuse_unless(_field_tests(owner)[name], values, name)


def check_value(value: Any, hint: Any, name: str) -> None:
    """Refuse a JSON value, called `name`, that is not of a type.

    Raises:
        ValueError: it is of another one.
    """
    _refuse_unless(_test_of(hint), (value,), name)


def _refuse_unless(test: Test, values: Sequence[Any], name: str) -> None:
    if not test(values):
        stray = next(value for value in values if not test((value,)))
        raise ValueError(f"{name} cannot be {reprlib.repr(stray)}")


@functools.cache
def _field_tests(owner: type) -> Mapping[str, Test]:
    return {name: _test_of(hint) for name, hint in get_type_hints(owner).items()}


def _test_of(hint: Any) -> Test:
    """Return the test of a type hint; where anything may stand, no list and no object may."""
    parts = get_args(hint)
    if not parts:
        return PLAIN_TESTS.get(hint) or functools.partial(_are_instances, hint)
    if get_origin(hint) is Literal:
        return functools.partial(_are_among, frozenset(parts))
    tests = [_test_of(part) for part in parts if part is not ...]
    return functools.partial(CONTAINER_TESTS[get_origin(hint)], tests)


def _are_instances(kind: type, values: Sequence[Any]) -> bool:
    return all(issubclass(found, kind) for found in set(map(type, values)))


def _are_among(texts: frozenset[str], values: Sequence[Any]) -> bool:
    return all(isinstance(value, str) and value in texts for value in values)


def _are_mappings(tests: Sequence[Test], values: Sequence[Any]) -> bool:
    return {dict}.issuperset(map(type, values)) and tests[1]([*chain.from_iterable(map(dict.values, values))])


def _are_lists(tests: Sequence[Test], values: Sequence[Any]) -> bool:
    return {list}.issuperset(map(type, values)) and tests[0]([*chain.from_iterable(values)])


def _are_any_of(tests: Sequence[Test], values: Sequence[Any]) -> bool:
    # a suite has millions of `float | None`, and most are of the type that stands first
    there = [value for value in values if value is not None] if _are_none in tests else values
    return tests[0](there) or all(any(test((value,)) for test in tests) for value in there)


def _are_none(values: Sequence[Any]) -> bool:
    return not any(value is not None for value in values)


def _are_whole_numbers(values: Sequence[Any]) -> bool:
    return {int}.issuperset(map(type, values)) and (not values or -MOST_INT <= min(values) <= max(values) < MOST_INT)


def _are_floats(values: Sequence[Any]) -> bool:
    return _are_numbers([value for value in values if type(value) is not str or value not in INFINITE])


def _are_numbers(values: Sequence[Any]) -> bool:
    whole = [value for value in values if type(value) is int]
    return {int, float}.issuperset(map(type, values)) and _are_whole_numbers(whole) and all(map(math.isfinite, values))


def _are_scalars(values: Sequence[Any]) -> bool:
    return _are_numbers([value for value in values if type(value) not in PLAIN])


PLAIN = frozenset({str, bool, type(None)})
"""Types of JSON of which every value may stand where anything may."""
PLAIN_TESTS: Mapping[Any, Test] = {
    Any: _are_scalars,
    float: _are_floats,
    int: _are_whole_numbers,
    type(None): _are_none,
}
CONTAINER_TESTS: Mapping[Any, Callable[[Sequence[Test], Sequence[Any]], bool]] = {
    Mapping: _are_mappings,
    Sequence: _are_lists,
    tuple: _are_lists,
    Union: _are_any_of,
    UnionType: _are_any_of,
}
