"""Old names are told, and work nowhere."""

import copy
import importlib
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bench
from bench.core import renamed
from bench.core.nouns import BenchError, Panel, Prediction, Target, Task
from bench.core.plugins import load_plugins
from bench.methods.trainings import FitContext, FittedModel


def _lookup(path):
    """Return what stands at a dotted path: a module, or a name in one."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("new", sorted({*renamed.MODULES.values(), *renamed.NAMES.values()}))
def test_every_new_path_leads_somewhere(new):
    assert _lookup(new) is not None


@pytest.mark.parametrize("old", sorted(renamed.MODULES))
def test_no_old_module_can_be_imported(old):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(old)


@pytest.mark.parametrize("old", sorted(renamed.NAMES))
def test_no_old_name_works(old):
    with pytest.raises((AttributeError, ModuleNotFoundError)):
        _lookup(old)


def _panel():
    return Panel(Target("point"), ("a",), pd.DataFrame({"x": [1.0, 2.0]}), np.zeros((1, 2, 1)))


def _prediction():
    return Prediction(Target("point"), np.zeros((2, 1)))


OLD_FIELDS = [
    (_panel(), "said", "Panel.said is now Panel.predictions"),
    (_panel(), "fold", "Panel.fold is now Panel.inner_fold"),
    (_prediction(), "fold", "Prediction.fold is now Prediction.inner_fold"),
    (_prediction(), "emphasis", "Prediction.emphasis is now Prediction.effective_class_weights"),
    (FittedModel(np.asarray), "say", "FittedModel.say is now FittedModel.predict"),
    (FittedModel(np.asarray), "emphasis", "FittedModel.emphasis is now FittedModel.effective_class_weights"),
    (Task("t", pd.DataFrame(), np.zeros(0), "regression", ()), "given", "Task.given is now Task.external"),
    (
        FitContext(pd.DataFrame(), np.zeros(0), None, Target("class"), None, None, 0, None),
        "teach",
        "FitContext.teach is now FitContext.fit",
    ),
]


@pytest.mark.parametrize(("thing", "old", "sentence"), OLD_FIELDS)
def test_an_old_attribute_tells_the_new_one(thing, old, sentence):
    with pytest.raises(AttributeError, match=f"^{sentence}$"):
        getattr(thing, old)
    assert not hasattr(thing, old)
    assert getattr(thing, old, "default") == "default"


def test_an_unknown_attribute_is_unknown_as_ever():
    with pytest.raises(AttributeError, match="'Panel' object has no attribute 'predicted'"):
        _ = _panel().predicted


def test_an_old_keyword_tells_the_new_one():
    with pytest.raises(TypeError, match=r"^Panel\(said=...\) is now Panel\(predictions=...\)$"):
        replace(_panel(), said=np.ones((1, 2, 1)))
    with pytest.raises(TypeError, match=r"Prediction\(fold=...\) is now Prediction\(inner_fold=...\)"):
        Prediction(Target("point"), np.zeros((2, 1)), fold=np.zeros(2))


def test_copies_and_pickles_are_as_before():
    for twin in (copy.copy(_panel()), copy.deepcopy(_panel()), pickle.loads(pickle.dumps(_panel()))):
        np.testing.assert_array_equal(twin.predictions, _panel().predictions)
        assert twin.learners == ("a",)


def test_an_old_name_of_the_package_is_told():
    with pytest.raises(AttributeError, match=r"^bench\.Answer is now bench\.Prediction$"):
        _ = bench.Answer


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("from bench import Answer", "bench.Answer is now bench.Prediction"),
        ("import bench.ensembles", "bench.ensembles is now bench.methods.ensembles"),
        ("from bench.trainings import Lesson", "bench.trainings is now bench.methods.trainings"),
        (
            "from bench.methods.trainings import Lesson",
            "bench.methods.trainings.Lesson is now bench.methods.trainings.FitContext",
        ),
        (
            "import bench.methods.trainings as t; t.Taught",
            "bench.methods.trainings.Taught is now bench.methods.trainings.FittedModel",
        ),
        ("from bench.core import Weights", "bench.core.Weights is now bench.Weights"),
        ("from bench.sources import Request", "bench.sources is now bench.tasks.sources"),
    ],
)
def test_a_plug_in_is_told_in_one_sentence(line, sentence, tmp_path):
    path = tmp_path / "old.py"
    path.write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(BenchError) as refused:
        load_plugins([str(path)])
    assert str(refused.value) == f"plug-in {str(path)!r}: {sentence}"


def test_what_was_never_there_is_no_old_name(tmp_path):
    path = tmp_path / "odd.py"
    path.write_text("from bench import nonsense\n", encoding="utf-8")
    with pytest.raises(BenchError, match=r"does not import \(ImportError"):
        load_plugins([str(path)])
