"""`panel:FILE`: predictions made elsewhere become a panel, in both layouts, and nothing is fitted."""

import numpy as np
import pandas as pd
import pytest

from bench.core.nouns import BenchError
from bench.tasks.loading import load_task
from bench.tasks.sources import TaskRequest


def load(path, **fields):
    return load_task("panel", TaskRequest(str(path), **fields))


def points(n=40):
    rng = np.random.default_rng(0)
    y = rng.normal(size=n)
    return pd.DataFrame({"y": y, "a": y + 0.1 * rng.normal(size=n), "b": rng.normal(size=n)})


def long_of(wide):
    rows = wide.assign(row=[f"id{i}" for i in range(len(wide))])
    melted = rows.melt(["row", "y"], var_name="name", value_name="value")
    parts = melted["name"].str.partition("@")
    return melted.assign(learner=parts[0], output=parts[2]).drop(columns="name")


def test_points_from_the_wide_layout(tmp_path):
    table = points()
    table.to_csv(tmp_path / "p.csv", index=False)
    task = load(tmp_path / "p.csv")
    assert (task.name, task.kind, task.external.target.kind, task.splits) == ("panel:p", "regression", "point", ())
    np.testing.assert_allclose(task.y, table["y"])
    np.testing.assert_allclose(task.external.predictions["a"], table[["a"]])
    assert task.meta["protocol"] == "given: halves"


@pytest.mark.parametrize("output", ["", "@0.1,@0.5,@0.90", "@x,@y,@z"])
def test_both_layouts_hold_the_same(tmp_path, output):
    rng = np.random.default_rng(1)
    labels = output.split(",")
    y = rng.choice(["x", "y", "z"], 30) if "@x" in labels else rng.normal(size=30)
    wide = pd.DataFrame({"y": y} | {f"{name}{label}": rng.random(30) for name in "ab" for label in labels})
    wide.to_parquet(tmp_path / "wide.parquet")
    long_of(wide).to_csv(tmp_path / "long.csv", index=False)
    one, other = load(tmp_path / "wide.parquet"), load(tmp_path / "long.csv")
    assert one.external.target == other.external.target
    order = np.argsort([int(row[2:]) for row in sorted(f"id{i}" for i in range(30))])
    for learner, values in one.external.predictions.items():
        np.testing.assert_allclose(other.external.predictions[learner][order], values)
    np.testing.assert_array_equal(other.y[order], one.y)


def test_marked_parts_and_folds_become_the_splits(tmp_path):
    table = points(30)
    table.assign(part=["train"] * 20 + ["test"] * 10).to_csv(tmp_path / "parts.csv", index=False)
    (split,) = load(tmp_path / "parts.csv").splits
    assert (split.train.tolist(), split.test.tolist()) == (list(range(20)), list(range(20, 30)))
    table.assign(fold=np.arange(30) % 3).to_csv(tmp_path / "folds.csv", index=False)
    task = load(tmp_path / "folds.csv")
    assert [sorted(set(split.test % 3)) for split in task.splits] == [[0], [1], [2]]
    assert task.meta["protocol"] == "given: marked folds"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="y"), "no column 'y'"),
        (lambda t: t[["y"]], "no column of a learner"),
        (lambda t: t.assign(a=np.nan), "did not answer 40 rows"),
        (lambda t: t.assign(part="middle"), "'part'"),
        (lambda t: t.assign(fold=1), "at least two folds"),
        (lambda t: t.rename(columns={"a": "a@0.5", "b": "a@1.5"}), "between 0 and 1"),
        (lambda t: t.rename(columns={"a": "a@0.5", "b": "b@0.4"}), "expected '0.5'"),
        (lambda t: long_of(t).drop(columns="learner"), "lacks column learner"),
        (lambda t: pd.concat([long_of(t), long_of(t).iloc[:1]]), "twice"),
        (lambda t: long_of(t).iloc[1:], "did not answer 1 rows"),
    ],
)
def test_what_makes_no_panel_is_refused(tmp_path, change, message):
    change(points()).to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(BenchError, match=message):
        load(tmp_path / "bad.csv")


def test_columns_cannot_be_named_by_flags(tmp_path):
    points().to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(BenchError, match="target"):
        load(tmp_path / "p.csv", target="y")


def classes(n=60, names=("low", "middle", "high")):
    """Return a panel of two learners whose classes stand in the order of the alphabet."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame({"y": rng.choice(names, n)})
    for learner in "ab":
        said = rng.dirichlet(np.ones(len(names)), n)
        table = table.assign(**{f"{learner}@{name}": said[:, names.index(name)] for name in sorted(names)})
    return table


@pytest.mark.parametrize("layout", [lambda t: t, long_of])
def test_classes_of_a_panel_have_the_order_that_is_asked_for(tmp_path, layout):
    table = classes()
    layout(table).to_csv(tmp_path / "p.csv", index=False)
    task = load(tmp_path / "p.csv", order="low,middle,high")
    assert task.classes == task.external.target.outputs == ("low", "middle", "high")
    assert task.external.target.ordered
    assert not load(tmp_path / "p.csv").external.target.ordered
    by_row = np.argsort([int(row[2:]) for row in sorted(f"id{i}" for i in range(60))]) if layout is long_of else ...
    said = table[[f"a@{name}" for name in task.classes]].to_numpy()
    np.testing.assert_allclose(task.external.predictions["a"][by_row], said)


def test_ordinal_metrics_of_a_panel_are_those_of_its_order(tmp_path, bench):
    order = ["low", "middle", "high"]
    table = classes().assign(part=["train"] * 30 + ["test"] * 30)
    table.to_csv(tmp_path / "p.csv", index=False)
    words = ("run", "-t", f"panel:{tmp_path / 'p.csv'}", "-e", "equal", "-q")
    for results, more in (("with", ("--order", ",".join(order))), ("without", ())):
        assert bench(*words, *more, "--results", results).code == 0
    test = table.iloc[30:]
    said = test[[f"a@{name}" for name in order]].to_numpy()
    true = test["y"].map(order.index).to_numpy()
    upto = np.cumsum(said, axis=1)[:, :-1] - (true[:, None] <= np.arange(2))
    expected = {"ordinal_mae": np.abs(said.argmax(axis=1) - true).mean(), "rps": (upto**2).sum(axis=1).mean() / 2}
    for results, known in (("with", expected), ("without", {})):
        scores = pd.read_csv(f"{results}/scores.csv")
        alone = scores[(scores["learner"] == "a") & (scores["sample"] == "test")].set_index("metric")["value"]
        for metric in expected:
            np.testing.assert_allclose(alone.get(metric, np.nan), known.get(metric, np.nan), rtol=1e-9)


def test_an_order_that_changes_no_class_evaluates_the_cells_again(tmp_path, bench):
    classes(names=("a", "b", "c")).to_csv(tmp_path / "p.csv", index=False)
    words = ("run", "-t", f"panel:{tmp_path / 'p.csv'}", "-e", "equal", "-q", "--results", "r")
    for more in ((), ("--order", "a,b,c")):
        assert bench(*words, *more).code == 0
    scores = pd.read_csv("r/scores.csv")
    assert scores.loc[(scores["metric"] == "rps") & (scores["method"] == "equal"), "value"].notna().all()


@pytest.mark.parametrize(
    ("names", "more"),
    [
        (lambda y: y.str.title(), {}),
        (lambda y: y.str.title(), {"kind": "classification"}),
        (lambda y: y.map(["low", "middle", "high"].index), {}),
        (lambda y: y == "low", {}),
        (lambda y: y.replace("low", "middle"), {"kind": "classification"}),
    ],
)
def test_classes_that_are_spelt_otherwise_are_named_beside_those_of_y(tmp_path, names, more):
    table = classes()
    table = table.assign(y=names(table["y"]))
    table.to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(BenchError, match="spelt alike") as caught:
        load(tmp_path / "p.csv", **more)
    for name in {"'high', 'low', 'middle'", *(repr(str(value)) for value in table["y"])}:
        assert name in str(caught.value)
