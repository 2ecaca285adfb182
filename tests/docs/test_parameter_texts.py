"""Every parameter that a page or a list shows runs from the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from makers import class_columns, regression_columns, write_table

from bench.cli.catalog import LISTED_REGISTRIES
from bench.methods import ensembles, learners, metrics, postprocess, trainings
from bench.methods.boards import BOARDS, method
from bench.methods.learners.imported import import_learners
from bench.methods.learners.trial import try_parameters

ROOT = Path(__file__).parents[2]
PAGES = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]
TEXT = re.compile(r"(?<![\w./:])[a-z][a-z0-9_-]*:[a-z_]+=[^`|\n\"']*?(?=[`|\n\"']|\s{2}| -| #| [a-z]|$)")
ELSEWHERE = ("name", "by-rank", "inverse-loss", "x", "lasso", "sklearn")
"""Names that stand for others, or that a page defines as a plug-in."""


def texts_of_pages():
    """Return the methods with parameters that the pages show, whatever stands behind them taken off."""
    shown = {text for page in PAGES for text in TEXT.findall(page.read_text(encoding="utf-8"))}
    found = {text.strip().rstrip(".,;:)") for listed in shown for text in re.split(r",(?=[a-z-]+[:+])", listed)}
    return sorted(text for text in found if not text.startswith(tuple(f"{name}:" for name in ELSEWHERE)))


def names_of(registry):
    return {*registry.entries(), *(name.replace("-", "_") for name in registry.entries())}


def test_the_pages_show_parameters():
    assert {"anyloss:metric=f1", "threshold:metric=binary_f1", "inverse-mse:power=2"} <= set(texts_of_pages())


def test_what_the_pages_show_runs_on_two_tables(bench, tmp_path):
    tables = {
        "class": write_table(tmp_path / "cls.csv", class_columns(90)),
        "number": write_table(tmp_path / "reg.csv", regression_columns(40)),
    }
    chosen = {"-e": ["equal"], "-w": ["none"], "--metric": ["macro_f1", "rmse", "wis"]}
    kept_aside = {"-e": ["equal"], "-w": ["none"]}
    for text in texts_of_pages():
        name = re.split(r"[:+]", text)[0]
        if name in names_of(postprocess.registry):
            able = postprocess.registry.entries()[name].options.protocols
            of_protocol = kept_aside if "split" in able and "refit" not in able else chosen
            of_protocol["-w"].append(f"none+{text}")
            of_protocol["-e"].append(f"equal+{text}")
        elif name in names_of(trainings.registry):
            chosen["-w"].append(text)
        elif name in names_of(ensembles.registry):
            # a library that is not installed is asked for by name, and that is no fault of the text
            chosen["-e"] += [] if ensembles.registry.entries()[name].missing_modules else [text]
        elif name in names_of(metrics.registry):
            chosen["--metric"].append(re.sub("other|LABEL", "c0", text))
    tasks = [word for path in tables.values() for word in ("-t", f"file:{path}")]
    for protocol, texts in {"refit": chosen, "split": kept_aside}.items():
        words = [word for flag, each in texts.items() for text in each for word in (flag, text)]
        words += ["--target", "y", "-l", "ridge,logistic,gaussian", "--folds", 1, "--inner", 2]
        done = bench("run", *tasks, *words, "--protocol", protocol, "--results", protocol, "--json")
        assert done.code == 0, done.err
        assert done.json["ok"] == done.json["planned"] - done.json["skipped"]


def test_the_learners_that_the_pages_show_can_be_made():
    texts = [text for text in texts_of_pages() if text.partition(":")[0] in learners.registry.entries()]
    parts = [part for listed in texts for part in re.split(r",(?=[a-z.]+:)", listed)]
    import_learners(parts)
    for text in parts:
        for kind in learners.learner_scheme(text).entry.kinds:
            try_parameters(text, kind)


@pytest.mark.parametrize("noun", LISTED_REGISTRIES)
def test_a_parameter_as_the_list_shows_it_is_its_default(noun):
    registry = LISTED_REGISTRIES[noun]
    for entry in registry.own().values():
        for name, default in entry.parameters.items():
            if name not in {"interval", "level"}:  # those of a family of metrics stand in the name
                assert registry.scheme(f"{entry.name}:{name}={default}").parameters == ((name, default),)


@pytest.mark.parametrize("metric", [*metrics.registry.entries("class"), "f1", "f0.5", "auprc", "micro_f1:without=b"])
def test_any_metric_of_the_registry_can_be_aimed_at(metric):
    """A metric of labels by every scheme with such a parameter, any other by those that judge probabilities."""
    name, board = metric.replace("-", "_") if ":" not in metric else metric, BOARDS["class-weight"]
    found = metrics.metric_info(name)
    assert method(board, f"tuned-power:metric={name}") is not None
    assert method(BOARDS["classification"], f"single-best:metric={name}+threshold") is not None
    for text in (f"anyloss:metric={name}", f"none+threshold:metric={name}"):
        if found.counts is None:
            with pytest.raises(Exception, match="give one of decided labels"):
                method(board, text)
        else:
            assert method(board, text).id == text
