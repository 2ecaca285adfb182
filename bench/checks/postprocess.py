"""The laws of post-processing steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from bench.checks.examples import answer_of, global_randomness, read_only, rows_of
from bench.checks.law import LawBrokenError, demand_close, demand_same_bytes, law
from bench.core import Answer, Array, InvalidAnswerError
from bench.core import lawful as lawful_values
from bench.registry import Scheme

Change = Callable[[Answer], Answer]


def _drawn(kind: str, *, width: int = 3, seed: int = 0, n: int = 150) -> tuple[Array, Answer]:
    """Draw y and an answer; class answers come from training with class weights."""
    y, answer = answer_of(kind, n=n, width=width, seed=seed)
    emphasis = read_only(np.linspace(0.5, 2, width)) if kind == "class" else None
    return y, replace(answer, emphasis=emphasis)


def _learn(scheme: Scheme, y: Array, answer: Answer) -> Change:
    change: Change = scheme(answer, read_only(y), np.random.default_rng(0))
    return change


def _demand_lawful(answer: Answer) -> None:
    try:
        lawful_values(answer.target, answer.values, len(answer.values))
    except InvalidAnswerError as error:
        raise LawBrokenError(str(error)) from error
    rule = answer.rule
    if rule is not None and (rule.shape != (answer.target.width,) or not np.all(np.isfinite(rule) & (rule >= 0))):
        raise LawBrokenError(f"its class multipliers are {rule.tolist()}, expected one per class, finite, not negative")


def _demand_alike(found: Answer, expected: Answer, what: str) -> None:
    demand_close(found.values, expected.values, f"the values {what}", 1e-9)
    if found.rule is not None and expected.rule is not None:
        demand_close(found.rule, expected.rule, f"the decision rules {what}", 1e-9, float(expected.rule.max()))
    demand_same_bytes(found.labels, expected.labels, f"the labels {what}")


@law("postprocess")
def lawful(scheme: Scheme, kind: str) -> None:
    """Its answer is finite, in shape, a distribution where classes are asked for, and its decision rule is sound."""
    for seed in range(3):
        y, answer = _drawn(kind, seed=seed)
        change = _learn(scheme, y, answer)
        _demand_lawful(change(answer))
        _demand_lawful(change(_drawn(kind, seed=seed + 10)[1]))


@law("postprocess", "class")
def keeps_probabilities(scheme: Scheme, kind: str) -> None:
    """It changes decisions alone: the probabilities stay as they are, to the last bit."""
    y, answer = _drawn(kind)
    demand_same_bytes(_learn(scheme, y, answer)(answer).values, answer.values, "the probabilities after the step")


@law("postprocess")
def same_seed_same_bytes(scheme: Scheme, kind: str) -> None:
    """The same seed gives the same bytes, whatever the global random state; it writes to no input."""
    y, answer = _drawn(kind)
    before = [y.copy(), answer.values.copy()]
    with global_randomness(1):
        first = _learn(scheme, y, answer)(answer)
    with global_randomness(2):
        second = _learn(scheme, y, answer)(answer)
    demand_same_bytes([second.values, second.rule], [first.values, first.rule], "the answer with the same generator")
    demand_same_bytes([y, answer.values], before, "the answer after the step has seen it")


@law("postprocess")
def row_order(scheme: Scheme, kind: str) -> None:
    """The order of the rows it learns on is irrelevant."""
    y, answer = _drawn(kind)
    order = np.random.default_rng(1).permutation(len(y))
    shuffled = _learn(scheme, y[order], rows_of(answer, order))
    _demand_alike(shuffled(answer), _learn(scheme, y, answer)(answer), "learned on the rows in two orders")


@law("postprocess", "class")
def class_order(scheme: Scheme, kind: str) -> None:
    """The order and the names of the classes are irrelevant to the labels it decides on."""
    for width in (2, 3):
        y, answer = _drawn(kind, width=width)
        order = np.roll(np.arange(width), 1)
        place = np.argsort(order)
        emphasis = None if answer.emphasis is None else answer.emphasis[order]
        target = replace(answer.target, outputs=tuple(answer.target.outputs[k] for k in order))
        renamed = replace(answer, target=target, values=answer.values[:, order], emphasis=emphasis)
        found, expected = _learn(scheme, place[y], renamed)(renamed), _learn(scheme, y, answer)(answer)
        demand_close(found.values, expected.values[:, order], "the values with the classes in two orders", 1e-9)
        demand_same_bytes(found.labels, place[expected.labels], "the labels with the classes in two orders")


@law("postprocess")
def row_weights(scheme: Scheme, kind: str) -> None:
    """A row of weight three counts like three equal rows, a row of weight zero like none."""
    y, answer = _drawn(kind)
    weight = np.arange(len(y)) % 4
    weighted = _learn(scheme, y, replace(answer, weight=read_only(weight * 1.0)))
    index = np.repeat(np.arange(len(y)), weight)
    repeated = _learn(scheme, y[index], rows_of(answer, index))
    _demand_alike(weighted(answer), repeated(answer), "learned on weighted and on repeated rows")


@law("postprocess")
def test_rows_apart(scheme: Scheme, kind: str) -> None:
    """What it makes of a test row depends on that row alone."""
    y, answer = _drawn(kind)
    change, test = _learn(scheme, y, answer), _drawn(kind, seed=5, n=60)[1]
    whole, few = change(test), np.arange(0, 60, 7)
    _demand_alike(change(rows_of(test, few)), rows_of(whole, few), "for all and for few rows")


@law("postprocess", "class")
def two_classes(scheme: Scheme, kind: str) -> None:
    """It can serve two classes."""
    y, answer = _drawn(kind, width=2)
    _demand_lawful(_learn(scheme, y, answer)(answer))


@law("postprocess", "class")
def absent_class(scheme: Scheme, kind: str) -> None:
    """It can learn where a class has no row, with class weight zero."""
    y, answer = _drawn(kind)
    for absent in range(answer.target.width):
        emphasis = np.where(np.arange(answer.target.width) == absent, 0.0, np.asarray(answer.emphasis))
        index = np.flatnonzero(y != absent)
        step = _learn(scheme, y[index], replace(rows_of(answer, index), emphasis=emphasis))
        _demand_lawful(step(replace(answer, emphasis=emphasis)))


@law("postprocess")
def certain_answers(scheme: Scheme, kind: str) -> None:
    """It bears probabilities next to 0 and 1, and rows that are all alike."""
    y, answer = _drawn(kind)
    hard = np.where(answer.values == answer.values.max(axis=1, keepdims=True), 1 - 2e-15, 1e-15)
    level = np.repeat(answer.values[:1], len(y), axis=0)
    for values in [level, *([hard] if kind == "class" else [])]:
        given = replace(answer, values=read_only(values), unsorted=None)
        _demand_lawful(_learn(scheme, y, given)(given))
