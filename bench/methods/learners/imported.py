"""Any scikit-learn estimator as a learner, by its import path: `sklearn.linear_model:Lasso:alpha=0.1`.

A path is imported where the command line names it, and nowhere else: `import_learners` is called with what a user
wrote, and all that reads ids, also those of records and tables, knows the classes that it found.
"""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from bench.core.nouns import BenchError, Kind, Target
from bench.core.plugins import import_named_module, module_exists, run_foreign_import
from bench.core.scheme import Entry, Scheme
from bench.core.selection import SEPARATOR
from bench.methods.learners import LearnerOptions, Model, import_path, registry
from bench.methods.learners.adapters import ClassModel, PointModel

METHODS = ("fit", "predict", "get_params", "set_params")
"""What scikit-learn calls on every estimator."""
KINDS: dict[str, Kind] = {"classifier": "class", "regressor": "point"}

_entries: dict[str, Entry[LearnerOptions]] = {}
"""What was imported so far, by its path: as the registry holds the functions of plug-ins."""


def import_learners(texts: Iterable[str]) -> None:
    """Import the estimators that ids name, so that `learner_scheme` knows them; the texts must be the user's own words.

    Raises:
        BenchError: there is no such estimator, or it is of no use as a learner.
    """
    for path in filter(None, map(import_path, texts)):
        head = path.partition(":")[0]
        # a head that is no module is a misspelt learner: the registry suggests the nearest names
        if path not in _entries and ("." in head or module_exists(head)):
            _entries[path] = run_foreign_import(f"learner {path!r}", functools.partial(_entry, path))


def imported_paths() -> tuple[str, ...]:
    """Return the import paths of all learners that are known, for another process to import."""
    return tuple(_entries)


def imported_scheme(path: str, given: str) -> Scheme[LearnerOptions] | None:
    """Return the scheme of the estimator at `module:name`, None where it was not imported.

    It reads the encoding `scaled`, is fitted on y as it is, and takes the parameters that the constructor takes;
    `given` has the form `parameter=value,...`, with values as in Python. Nothing is constructed.

    Raises:
        BenchError: a parameter is unknown.
    """
    entry = _entries.get(path)
    if entry is None:
        return None
    parameters = (_parameter(entry, part) for part in SEPARATOR.split(given) if part)
    return Scheme(entry, tuple(sorted(parameters, key=itemgetter(0))))


def from_estimator(path: str, target: Target, seed: int, **given: Any) -> Model:
    """Return the model of the estimator at `path`, which is built with the `given` parameters and seeded."""
    estimator = _find(path)

    def make(_: int) -> Any:
        return _seeded(_build(path, estimator, target, given), seed, set(given))

    return ClassModel(make, target.width) if target.kind == "class" else PointModel(make)


def _find(path: str) -> type:
    module, _, name = path.partition(":")
    found = getattr(import_named_module(module), name)
    if inspect.isroutine(found):
        raise BenchError(f"learner {path!r} is a function: give the import path of a class of estimators")
    if not inspect.isclass(found):
        raise BenchError(f"learner {path!r} is no class: give the import path of an estimator")
    return found


def _entry(path: str) -> Entry[LearnerOptions]:
    """Import an estimator and return its entry, from what its class says of itself; nothing is constructed.

    Raises:
        BenchError: it is no classifier and no regressor of scikit-learn's kind.
    """
    estimator: Any = _find(path)
    kind = _kind_of_estimator(path, estimator)
    function = functools.partial(from_estimator, path)
    module = estimator.__module__ if estimator.__module__ in sys.modules else path.partition(":")[0]
    # the registry reads parameters, text and source file off the function: show it those of the estimator
    named = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    parameters = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=Any)
        for each in _parameters_of(estimator)
        if each.kind in named
    ]
    vars(function).update(
        __signature__=inspect.Signature(parameters), __doc__=inspect.getdoc(estimator), __module__=module
    )
    weights = any(each.name == "sample_weight" for each in _parameters_of(estimator.fit))
    return Entry(path, function, frozenset({kind}), LearnerOptions(encoding="scaled", weights=weights))


def _parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # compiled code need not say
        return []


def _kind_of_estimator(path: str, estimator: Any) -> Kind:
    from sklearn.base import ClassifierMixin, RegressorMixin

    declared = KINDS.get(str(getattr(estimator, "_estimator_type", None)))
    mixins: dict[type, Kind] = {ClassifierMixin: "class", RegressorMixin: "point"}
    kind = next((kind for mixin, kind in mixins.items() if issubclass(estimator, mixin)), declared)
    if kind is None:
        raise BenchError(
            f"learner {path!r} is neither classifier nor regressor: inherit from ClassifierMixin or RegressorMixin"
        )
    missing = [name for name in METHODS if not callable(getattr(estimator, name, None))]
    if missing:
        raise BenchError(f"learner {path!r} has no {missing[0]!r}: give a scikit-learn estimator")
    if kind == "class" and not hasattr(estimator, "predict_proba"):
        raise BenchError(f"learner {path!r} gives no probabilities: choose a classifier with predict_proba")
    return kind


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
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return name, value


def _build(path: str, estimator: Callable[..., Any], target: Target, given: dict[str, Any]) -> Any:
    try:
        built = estimator(**given)
    except Exception as error:
        raise BenchError(
            f"learner {path!r} cannot be built ({type(error).__name__}: {error}): give other parameters"
        ) from error
    if target.kind == "class" and not hasattr(built, "predict_proba"):
        raise BenchError(f"learner {path!r} gives no probabilities as it is built: choose others of its parameters")
    return built


def _seeded(estimator: Any, seed: int, given: set[str]) -> Any:
    """Set every `random_state`, those of nested estimators too, that the user did not give."""
    known = estimator.get_params()
    free = [name for name in known if name.split("__")[-1] == "random_state" and name not in given]
    return estimator.set_params(**dict.fromkeys(free, seed))
