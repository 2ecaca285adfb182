"""JSON that others may have written: read within bounds, and held to the types that it must have."""

from __future__ import annotations

import functools
import json
import math
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

MOST_INT = 2**63
"""Whole numbers stay below it: tables hold them in 64 bits."""
INFINITE = ("inf", "-inf")
"""How the journal writes a number that JSON has no sign for."""
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
"""What a lone surrogate is written with, which no file can hold as text."""

Test = Callable[[Any], bool]


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
    return _as_text(value) if _HALF_PAIR.search(text) else value


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
    tests = _field_tests(owner)
    for name, value in held.items():
        _refuse_unless(tests[name](value), value, name)
    return held


def check_value(value: Any, hint: Any, name: str) -> None:
    """Refuse a JSON value, called `name`, that is not of a type.

    Raises:
        ValueError: it is of another one.
    """
    _refuse_unless(_test_of(hint)(value), value, name)


def _refuse_unless(fits: bool, value: Any, name: str) -> None:  # noqa: FBT001 - what the sentence is about
    if not fits:
        raise ValueError(f"{name} cannot be {reprlib.repr(value)}")


@functools.cache
def _field_tests(owner: type) -> Mapping[str, Test]:
    return {name: _test_of(hint) for name, hint in get_type_hints(owner).items()}


def _test_of(hint: Any) -> Test:
    """Return whether a JSON value is what a type hint says; where anything may stand, no list and no object may."""
    parts = get_args(hint)
    if not parts:
        return PLAIN_TESTS.get(hint) or (lambda value: isinstance(value, hint))
    if get_origin(hint) is Literal:
        return lambda value: isinstance(value, str) and value in parts
    tests = [_test_of(part) for part in parts if part is not ...]
    return functools.partial(CONTAINER_TESTS[get_origin(hint)], tests)


def _is_mapping(tests: Sequence[Test], value: Any) -> bool:
    return isinstance(value, dict) and all(map(tests[1], value.values()))


def _is_list(tests: Sequence[Test], value: Any) -> bool:
    return isinstance(value, list) and all(map(tests[0], value))


def _is_any_of(tests: Sequence[Test], value: Any) -> bool:
    return any(test(value) for test in tests)


def _is_number(value: Any) -> bool:
    if type(value) is int:
        return -MOST_INT <= value < MOST_INT
    return type(value) is float and math.isfinite(value)


def _is_whole_number(value: Any) -> bool:
    return type(value) is int and _is_number(value)


def _is_float(value: Any) -> bool:
    return _is_number(value) or (isinstance(value, str) and value in INFINITE)


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


PLAIN_TESTS: Mapping[Any, Test] = {Any: _is_scalar, float: _is_float, int: _is_whole_number}
CONTAINER_TESTS: Mapping[Any, Callable[[Sequence[Test], Any], bool]] = {
    Mapping: _is_mapping,
    Sequence: _is_list,
    tuple: _is_list,
    Union: _is_any_of,
    UnionType: _is_any_of,
}
