"""Names, parameters, selection and plug-ins."""

from __future__ import annotations

import sys
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core import scheme
from bench.core.contract import held_to_its_keywords
from bench.core.exit_codes import Stop
from bench.core.nouns import BenchError
from bench.core.plugins import load_plugins, run_foreign_import
from bench.core.registry import Registry
from bench.core.scheme import PluginOptions
from bench.core.selection import chosen_from, split_list
from bench.methods import class_weights, ensembles, learners, metrics, postprocess, trainings
from bench.methods.learners import learner_scheme
from bench.methods.learners.imported import import_learners
from bench.runner import fit_spec

REGISTRIES = [class_weights.registry, ensembles.registry, learners.registry, metrics.registry, postprocess.registry]


@pytest.fixture
def shop():
    """A registry of its own with three entries; its package holds no module."""

    class Tool(Protocol):
        def __call__(self): ...

    kinds = ("wood", "metal")
    found = Registry("tool", "bench.runner.executors", kinds=kinds, contract=Tool, options=PluginOptions)
    found._searched = True

    @held_to_its_keywords
    def register(*kinds, tags=()):
        return lambda function: found.enter(function, kinds, PluginOptions(tags=tags)) or function

    @register("wood", tags=("core",))
    def big_saw(*, teeth: int = 10, fast: bool = False, name: str | None = None):
        """Cut."""
        return teeth, fast, name

    @register("wood", "metal", tags=("core",))
    def file_(*, grain: float = 1.0):
        """Rub."""

    @register("metal", tags=("extended",))
    def torch():
        """Melt."""

    return found


def ids(schemes):
    return [scheme.id for scheme in schemes]


def test_a_plug_in_is_called_by_its_function_name_in_kebab_case(shop):
    assert list(shop.entries()) == ["big-saw", "file", "torch"]
    assert list(shop.entries("metal")) == ["file", "torch"]
    assert shop.entries()["big-saw"].summary == "Cut."


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("big-saw", {}),
        ("big-saw:teeth=3", {"teeth": 3}),
        ("big-saw:fast=true,teeth=3", {"teeth": 3, "fast": True}),
        ("big-saw:fast=False", {"fast": False}),
        ("big-saw:name=7", {"name": 7}),
        ("big-saw:name=x", {"name": "x"}),
        ("big-saw:name=1.5", {"name": 1.5}),
        ("file:grain=2", {"grain": 2.0}),
    ],
)
def test_parameters_are_read_in_the_type_of_their_default(shop, text, given):
    assert dict(shop.scheme(text).parameters) == given
    assert all(type(value) is type(given[name]) for name, value in shop.scheme(text).parameters)


def test_the_plug_in_is_called_with_its_parameters(shop):
    assert shop.scheme("big-saw:teeth=3")() == (3, False, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("big-sow", "did you mean big-saw"),
        ("quantum", "choose from big-saw, file, torch"),
        ("big-saw:teeht=3", "teeht=3"),
        ("big-saw:teeth", "teeth"),
        ("torch:heat=3", "it has none"),
        ("big-saw:teeth=many", "'many'"),
        ("big-saw:fast=perhaps", "'perhaps'"),
        ("file:grain=", "''"),
    ],
)
def test_a_misspelt_name_or_value_is_refused_with_advice(shop, text, message):
    with pytest.raises(BenchError, match=r"\w") as refused:
        shop.scheme(text)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_id_does_not_depend_on_how_parameters_are_spelled(shop):
    assert shop.scheme("big-saw:teeth=3,fast=true").id == shop.scheme("big-saw:fast=TRUE,teeth=+3").id
    assert shop.scheme("file:grain=2").id == shop.scheme("file:grain=2.0").id == "file:grain=2"
    assert shop.scheme("file:grain=.5").id == shop.scheme("file:grain=5e-1").id == "file:grain=0.5"


def test_an_id_reads_back_as_the_same_scheme(shop):
    for text in ("file:grain=0.25", "file:grain=1e-9", "big-saw:fast=True,name=x,teeth=4", "file:grain=1e22"):
        once = shop.scheme(text)
        assert shop.scheme(once.id) == once


def test_ids_of_different_parameters_differ(shop):
    texts = [f"file:grain={g}" for g in ("1", "10", "1.01", "0.1", "1e300")] + ["big-saw:name=v1.0", "big-saw:name=v1"]
    assert len(set(ids(map(shop.scheme, texts)))) == len(texts)


def test_a_default_spelled_out_means_the_same(shop):
    assert shop.scheme("big-saw").meaning == shop.scheme("big-saw:teeth=10").meaning
    assert shop.scheme("big-saw").meaning != shop.scheme("big-saw:teeth=11").meaning


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], ["big-saw", "file"]),
        (["core"], ["big-saw", "file"]),
        (["all"], ["big-saw", "file"]),
        (["!file"], ["big-saw"]),
        (["file", "big-saw"], ["file", "big-saw"]),
        (["file,big-saw:teeth=2,fast=true,big-saw"], ["file", "big-saw:fast=True,teeth=2", "big-saw"]),
        (["b*"], ["big-saw"]),
        (["all,!b*"], ["file"]),
        (["file", "file"], ["file"]),
        (["torch"], []),
    ],
)
def test_selection(shop, texts, expected):
    assert ids(shop.select(texts, "wood")) == expected


def test_a_glob_that_matches_nothing_is_refused(shop):
    with pytest.raises(BenchError, match=r"z\*"):
        shop.select(["z*"], "wood")


def test_two_plug_ins_of_one_name_are_refused(shop):
    def torch():
        """Burn."""

    torch.__module__ = "elsewhere"
    with pytest.raises(BenchError, match="rename"):
        shop.enter(torch, ("wood",), PluginOptions())


@given(st.lists(st.sampled_from(["a", "b:p=1", "b:p=1,q=2", "!c", "d*"]), max_size=6), st.booleans())
def test_lists_take_commas_and_repeats_alike(parts, joined):
    assert split_list([",".join(parts)] if joined else parts) == parts


def test_spaces_and_empty_parts_of_lists_mean_nothing():
    assert split_list([" a , b,,c ", ""]) == ["a", "b", "c"]


def test_chosen_from():
    known = ["red", "green", "grey"]
    assert chosen_from(known, [], "colour") == known
    assert chosen_from(known, ["gr*,!grey"], "colour") == ["green"]
    assert chosen_from(known, ["!red"], "colour") == ["green", "grey"]
    with pytest.raises(BenchError, match="unknown colour 'gren': did you mean green"):
        chosen_from(known, ["gren"], "colour")


@pytest.mark.parametrize("found", REGISTRIES, ids=lambda found: found.noun)
def test_every_plug_in_is_documented_and_takes_keywords_with_defaults(found):
    for entry in found.entries().values():
        assert entry.summary, entry.name
        assert entry.kinds, entry.name
        assert "<class 'inspect._empty'>" not in {repr(default) for default in entry.parameters.values()}, entry.name
        assert found.scheme(entry.name).id == entry.name


def test_a_learner_by_its_import_path():
    import_learners(["sklearn.linear_model:Lasso:alpha=0.5"])
    scheme = learner_scheme("sklearn.linear_model:Lasso:alpha=0.5")
    assert scheme.entry.kinds == {"point"}
    assert dict(scheme.parameters) == {"alpha": 0.5}
    assert learner_scheme(scheme.id).meaning == scheme.meaning
    assert learner_scheme(scheme.id).id == scheme.id


@pytest.mark.parametrize(
    "text",
    ["sklearn.linear_model:Nope", "sklearn.nope:Lasso", "sklearn.linear_model:Lasso:beta=1", "rige", "rige:alpha=1",
     "sklearn.preprocessing:StandardScaler", "nowhere:Thing"],
)  # fmt: skip
def test_a_wrong_learner_is_refused(text):
    def name():
        import_learners([text])
        learner_scheme(text)

    with pytest.raises(BenchError):
        name()


# plug-ins from files

SCHEME = """
from bench.core.nouns import Weights
from bench.methods.ensembles import register
import numpy as np

@register("point")
def {name}(panel, y, rng):
    \"\"\"Listen to the first.\"\"\"
    return Weights(np.eye(len(panel.learners))[0])
"""


def test_a_file_is_a_plug_in(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SCHEME.format(name="first_one"))
    load_plugins([str(path)])
    assert ensembles.registry.scheme("first-one").entry.summary == "Listen to the first."
    load_plugins([str(path)])
    assert "first-one" in ensembles.registry.entries()


def test_two_plug_in_files_may_have_the_same_name(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(SCHEME.format(name=f"scheme_{folder}"))
    load_plugins([str(tmp_path / "one/mine.py"), str(tmp_path / "two/mine.py")])
    assert {"scheme-one", "scheme-two"} <= set(ensembles.registry.entries())


def test_a_plug_in_may_not_take_the_name_of_another(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SCHEME.format(name="equal"))
    with pytest.raises(BenchError, match="equal"):
        load_plugins([str(path)])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gone.py", None),
        ("bad.py", "1 +"),
        ("raises.py", "raise RuntimeError('no')"),
        ("ends.py", "import sys\nsys.exit(0)"),
        ("odd.py", "class Odd(BaseException):\n    def __str__(self): raise self\nraise Odd"),
        ("no_such_module_here", None),
    ],
)
def test_a_plug_in_that_does_not_import_is_refused(tmp_path, name, content):
    path = tmp_path / name
    if content:
        path.write_text(content)
    with pytest.raises(BenchError, match=name):
        load_plugins([str(path) if name.endswith(".py") else name])


def test_a_plug_in_that_ends_the_program_is_an_error_with_its_file_and_line(tmp_path):
    (tmp_path / "ends.py").write_text("import sys\n\nsys.exit(0)\n")
    with pytest.raises(BenchError, match=r"sys.exit\(0\) ends it, in line 3 of .*ends\.py"):
        load_plugins([str(tmp_path / "ends.py")])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Stop(143)])
def test_a_signal_ends_the_program_while_it_imports_a_plug_in(error):
    def load():
        raise error

    with pytest.raises(type(error)):
        run_foreign_import("plug-in", load)


def test_the_working_directory_is_on_the_path_only_while_what_the_user_names_is_imported(tmp_path):
    before = list(sys.path)
    (tmp_path / "neighbour_of_mine.py").write_text("")
    (tmp_path / "named_by_me.py").write_text("import sys\nimport neighbour_of_mine\nlast = sys.path[-1]\n")
    load_plugins(["named_by_me"])
    assert sys.modules["named_by_me"].last == str(tmp_path)
    assert sys.path == before


def test_a_changed_plug_in_file_has_another_source_hash(tmp_path, monkeypatch):
    hashes = []
    for name in ("first_one", "first_two"):
        path = tmp_path / "mine.py"
        path.write_text(SCHEME.format(name=name))
        load_plugins([str(path)])
        hashes.append(ensembles.registry.scheme(name.replace("_", "-")).entry.source)
        monkeypatch.delitem(sys.modules, next(m for m in sys.modules if m.startswith("bench_plugin_mine")))
        scheme.source_hash.cache_clear()
    assert hashes[0] != hashes[1]


def _imports(module):
    """Return the modules of bench that a module's file imports, wherever in the file."""
    import ast
    import importlib
    from pathlib import Path

    path = Path(importlib.import_module(module).__file__)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bench"):
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name for name in [node.module, *below] if _is_module(name)}
    return found


def _is_module(name):
    from importlib.util import find_spec

    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


NEUTRAL = {
    "bench",
    "bench.core.exit_codes",
    "bench.core",
    "bench.methods",
    "bench.tasks",
    "bench.solvers",
    "bench.methods.learners",
    "bench.core.contract",
    "bench.core.registry",
    "bench.core.scheme",
    "bench.core.renamed",
    "bench.core.losses",
    "bench.core.files",
}
"""Modules that hold what a learner is, not what it predicts."""


def _reached(module, seen=None):
    seen = set() if seen is None else seen
    for name in _imports(module) - seen - NEUTRAL:
        seen.add(name)
        _reached(name, seen)
    return seen


def _covered(module, roots):
    return any(module == root or module.startswith(f"{root}.") for root in roots)


@pytest.mark.parametrize("entry", learners.registry.entries().values(), ids=lambda entry: entry.name)
def test_all_the_code_behind_a_learner_is_in_its_key(entry):
    """A change of a file that a learner's own file imports must make its stored predictions stale."""

    home = entry.function.__module__
    roots = {
        *fit_spec.FIT_CODE,
        *learners.registry.shared_modules(),
        *learner_scheme(entry.name).options.code,
        home,
    }
    loose = [name for name in _reached(home) if not _covered(name, roots)]
    if entry.source != scheme.source_hash(home):  # the hash covers more than the one file
        pytest.skip("the source hash of a learner covers more than its own file")
    assert loose == []


def _scheme(panel, y, rng):
    """Answer."""


def _loose(panel, y, rng, **given):
    """Answer."""


def _short(panel):
    """Answer."""


@pytest.mark.parametrize(
    ("register", "kinds", "options", "function", "message"),
    [
        (ensembles.register, ("point",), {"tag": ("core",)}, _scheme, "no 'tag': did you mean tags"),
        (ensembles.register, ("point",), {"brekas": {"a": "b"}}, _scheme, "no 'brekas': did you mean breaks"),
        (ensembles.register, ("quantiles",), {}, _scheme, "no kind 'quantiles': did you mean quantile?"),
        (ensembles.register, (), {}, _scheme, "serves no kind"),
        (ensembles.register, ("point",), {"tags": "core"}, _scheme, "tags is the text 'core'"),
        (ensembles.register, ("point",), {}, _loose, "it takes any 'given'"),
        (ensembles.register, ("point",), {}, _short, "it takes (panel), but is called with (panel, y, rng)"),
        (learners.register, ("point",), {}, _scheme, "`register` needs 'encoding'"),
        (learners.register, ("point",), {"encoding": "scald"}, lambda _target, _seed: None, "did you mean scaled"),
        (metrics.register, ("class",), {"direction": "up"}, _scheme, "direction is 'up'"),
        (trainings.register, ("fit",), {"hook": "resampling"}, lambda _context: None, "did you mean resample"),
        (postprocess.register, ("class",), {"learns": "test"}, _scheme, "learns is 'test'"),
        (class_weights.register, ("train",), {}, lambda _counts, _total: None, "there is no kind 'train'"),
    ],
)
def test_a_plug_in_that_is_none_is_refused_when_it_is_imported(register, kinds, options, function, message):
    """One sentence names the function, its file and what to write instead."""
    with pytest.raises(BenchError) as refused:
        register(*kinds, **options)(function)
    text = str(refused.value)
    assert message in text
    assert repr(function.__name__) in text
    assert __file__ in text
    assert "\n" not in text
