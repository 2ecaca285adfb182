"""Any scikit-learn estimator as a learner, by its import path: `sklearn.linear_model:Lasso:alpha=0.1`."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
from collections.abc import Callable
from dataclasses import replace
from operator import itemgetter
from typing import Any

from bench.core.nouns import BenchError, Target
from bench.core.registry import Entry, Scheme
from bench.core.selection import SEPARATOR
from bench.methods.learners import LearnerOptions, Model, registry
from bench.methods.learners.adapters import ClassModel, PointModel


def imported_scheme(path: str, given: str) -> Scheme[LearnerOptions]:
    """Return the scheme of the estimator at `module:name`, a class or a function that makes one.

    It reads the encoding `scaled`, is fitted on y as it is, and takes the parameters that the constructor takes;
    `given` has the form `parameter=value,...`, with values as in Python.

    Raises:
        BenchError: there is no such estimator, it is of no use as a learner, or a parameter is unknown.
    """
    maker = _find(path)
    function = functools.partial(from_estimator, path)
    # the registry reads parameters, text and source file off the function: show it those of the estimator
    vars(function).update(__signature__=_signature(maker), __doc__=inspect.getdoc(maker), __module__=maker.__module__)
    entry = Entry(path, function, frozenset(), LearnerOptions())
    parameters = tuple(sorted((_parameter(entry, part) for part in SEPARATOR.split(given) if part), key=itemgetter(0)))
    estimator = _make(path, maker, dict(parameters))
    return Scheme(
        replace(entry, kinds=frozenset({_kind_of_estimator(path, estimator)}), options=_options(estimator)), parameters
    )


def _parameter(entry: Entry[LearnerOptions], text: str) -> tuple[str, Any]:
    """Parse `parameter=value` as Python would read the value, as a text where it reads none: `gamma=scale`.

    What a default is does not tell what else may stand there: that of `SVR(gamma="scale")` is a text.

    Raises:
        BenchError: the estimator has no such parameter, or it takes a truth value and this is none.
    """
    name, _, value = text.partition("=")
    if not value or name not in entry.parameters or isinstance(entry.parameters[name], bool):
        return registry.parameter(entry, text)
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def from_estimator(path: str, target: Target, seed: int, **given: Any) -> Model:
    """Return the model of the estimator at `path`, built with the `given` parameters and seeded."""
    maker = _find(path)

    def make(_: int) -> Any:
        return _seeded(_make(path, maker, given), seed, set(given))

    return ClassModel(make, target.width) if target.kind == "class" else PointModel(make)


def _find(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BenchError(f"learner {path!r} does not import ({error}): check module and name") from error
    if not callable(found):
        raise BenchError(f"learner {path!r} is no class: give the import path of an estimator")
    return found


def _make(path: str, maker: Callable[..., Any], given: dict[str, Any]) -> Any:
    try:
        return maker(**given)
    except TypeError as error:
        raise BenchError(f"learner {path!r} cannot be built ({error}): give other parameters") from error


def _kind_of_estimator(path: str, estimator: Any) -> str:
    from sklearn.base import is_classifier, is_regressor

    if is_regressor(estimator):
        return "point"
    if not is_classifier(estimator):
        raise BenchError(f"learner {path!r} is neither classifier nor regressor: give a scikit-learn estimator")
    if not hasattr(estimator, "predict_proba"):
        raise BenchError(f"learner {path!r} gives no probabilities: choose a classifier with predict_proba")
    return "class"


def _options(estimator: Any) -> LearnerOptions:
    from sklearn.utils.validation import has_fit_parameter

    return LearnerOptions(encoding="scaled", weights=has_fit_parameter(estimator, "sample_weight"))


def _signature(maker: Callable[..., Any]) -> inspect.Signature:
    """Return the constructor's parameters as keyword-only ones, as the registry expects them."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = [p for p in inspect.signature(maker).parameters.values() if p.kind in named]
    return inspect.Signature([p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=Any) for p in found])


def _seeded(estimator: Any, seed: int, given: set[str]) -> Any:
    """Set every `random_state`, those of nested estimators too, that the user did not give."""
    known = estimator.get_params()
    free = [name for name in known if name.split("__")[-1] == "random_state" and name not in given]
    return estimator.set_params(**dict.fromkeys(free, seed))
