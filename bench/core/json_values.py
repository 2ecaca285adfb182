"""JSON that others may have written: read within bounds, and held to the types that it must have."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType, UnionType
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
        if not tests[name](value):
            raise ValueError(f"{name} cannot be {reprlib.repr(value)}")
    return held


@cache
def _field_tests(owner: type) -> Mapping[str, Test]:
    return {name: _test_of(hint) for name, hint in get_type_hints(owner).items()}


def _test_of(hint: Any) -> Test:
    """Return whether a JSON value is what a type hint says; where anything may stand, no list and no object may."""
    if hint is Any:
        return lambda value: isinstance(value, str | bool | NoneType) or _is_number(value)
    if hint is float:
        return lambda value: math.isfinite(value) if type(value) is float else _is_number(value) or value in INFINITE
    if hint is int:
        return lambda value: type(value) is int and _is_number(value)
    origin, parts = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        first, *others = (_test_of(part) for part in parts)  # a suite has millions of `float | None`
        return lambda value: first(value) or any(test(value) for test in others)
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in parts
    if origin is Mapping:
        of_value = _test_of(parts[1])
        return lambda value: isinstance(value, dict) and all(map(of_value, value.values()))
    if origin in {Sequence, tuple}:
        of_entry = _test_of(parts[0])
        return lambda value: isinstance(value, list) and all(map(of_entry, value))
    return lambda value: isinstance(value, hint)


def _is_number(value: Any) -> bool:
    if type(value) is int:
        return -MOST_INT <= value < MOST_INT
    return type(value) is float and math.isfinite(value)
