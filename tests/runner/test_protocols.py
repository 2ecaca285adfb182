"""The protocols: who sees which rows under split, bag and nested, and what conformal intervals then keep."""

# ruff: noqa: PD011 - no data frames have values here

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from makers import bytes_of, evaluate_method, read
from makers.leaks import UNKNOWN, WAYS, N, RollCall
from scipy import stats

from bench.core.nouns import Split, Target, Task
from bench.core.settings import Settings
from bench.methods.boards import BOARDS
from bench.runner import evaluate, fit_spec, out_of_fold
from bench.runner.records import FitId
from bench.tasks import splits

pytestmark = pytest.mark.slow  # the whole file takes half a minute or more

SEED = 3
BOARD = BOARDS["quantile"]
PANEL = ("gaussian", "gaussian:alpha=300", "heteroscedastic")


def task(way="plain", kind="regression", n=N):
    """Draw a task; its column `row` is the number of the row."""
    rng = np.random.default_rng(1)
    group, time = rng.integers(0, 15, n), rng.integers(0, 25, n) * 1.0
    x = rng.normal(size=n)
    X = pd.DataFrame({"row": np.arange(n) * 1.0, "x": x, "z": rng.normal(size=n)})
    y = 9 + 2 * x + rng.exponential(size=n)
    classes = ("a", "b", "c") if kind == "classification" else ()
    y = np.digitize(y, [8.5, 11]) if classes else y
    part = {"groups": group, "time": time, "weight": rng.uniform(0.5, 2, n)}.get(way)
    drawn = Task(f"protocol-{way}", X, y, kind, (), classes, **({} if way == "plain" else {way: part}))
    return replace(drawn, splits=splits.cut_outer(drawn, 4, 1, 7))


def settings_of(protocol, **more):
    return Settings(seed=SEED, inner=4, protocol=protocol, **more)


def answers(drawn, learner, settings, target=None):
    rows = fit_spec.rows_of(drawn, drawn.splits[-1], settings)
    return rows, out_of_fold.predict(rows, fit_spec.Fit(target or Target("point"), learner), settings)


def split_data(drawn, settings, panel=PANEL):
    rows = fit_spec.rows_of(drawn, drawn.splits[-1], settings)
    target = BOARD.target(drawn, settings)
    stored = {
        FitId.plain(learner): out_of_fold.predict(rows, fit_spec.Fit(target, learner), settings) for learner in panel
    }
    return evaluate.SplitData.of_rows(rows, BOARD, settings, stored)


def predictions(board_split, method):
    return evaluate_method(board_split, method, "").prediction.values


def answer_bytes(drawn, method, settings):
    return predictions(evaluate.EnsembleEvaluation(split_data(drawn, settings), PANEL), method).tobytes()


# --- split: rows set aside ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["regression", "classification"])
@pytest.mark.parametrize("way", WAYS)
def test_split_cuts_the_training_part_in_two_and_leaves_the_test_rows(way, kind):
    drawn = task(way, kind)
    for split in drawn.splits:
        rows = fit_spec.rows_of(drawn, split, settings_of("split"))
        parts = [rows.split.train, rows.calibration, rows.split.test]
        assert sum(map(len, parts)) == len(np.unique(np.concatenate(parts)))
        assert sorted(np.concatenate(parts[:2])) == sorted(split.train)
        assert rows.split.test.tolist() == split.test.tolist()
        assert len(rows.calibration)
        used = np.concatenate([np.concatenate(part) for part in rows.inner])
        assert set(used) <= set(rows.split.train)


def test_split_keeps_groups_whole_and_sets_the_latest_rows_aside():
    for split in task("groups").splits:
        drawn = task("groups")
        rows = fit_spec.rows_of(drawn, split, settings_of("split"))
        assert not set(drawn.groups[rows.calibration]) & set(drawn.groups[rows.split.train])
    for split in task("time").splits:
        drawn = task("time")
        rows = fit_spec.rows_of(drawn, split, settings_of("split"))
        assert drawn.time[rows.split.train].max() < drawn.time[rows.calibration].min()
        assert (np.diff(drawn.time[rows.calibration]) >= 0).all()


@pytest.mark.parametrize("share", [0.01, 0.1, 0.15, 0.2, 0.3, 0.4, 0.45, 0.5])
@pytest.mark.parametrize("way", WAYS)
def test_split_sets_the_share_aside_that_was_asked_for(way, share):
    drawn = task(way, n=600)
    split = drawn.splits[-1]
    kept = len(fit_spec.rows_of(drawn, split, settings_of("split", calibration=share)).calibration)
    # a group or a point in time is not cut, and one part of them is kept aside at the least
    room = {"groups": 1 / 15, "time": 1 / 18}.get(way, 1 / len(split.train))
    assert abs(kept / len(split.train) - share) <= 1.5 * room


def test_split_with_classes_keeps_their_shares():
    drawn = task(kind="classification", n=400)
    rows = fit_spec.rows_of(drawn, drawn.splits[0], settings_of("split", calibration=0.3))
    fitted, aside = (np.bincount(drawn.y[part], minlength=3) for part in (rows.split.train, rows.calibration))
    np.testing.assert_allclose(aside / aside.sum(), fitted / fitted.sum(), atol=0.02)


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("way", WAYS)
def test_no_model_has_seen_a_calibration_row(way):
    rows, stored = answers(task(way), "memory", settings_of("split"))
    assert len(stored.calibration) == len(rows.calibration)
    assert set(np.concatenate([stored.oof, stored.test, stored.calibration]).ravel()) == {UNKNOWN}


def leaky_carve(drawn, split, share, run_seed, honest=splits.carve):
    """Set rows aside, but fit on all of them."""
    return split.train, honest(drawn, split, share, run_seed)[1]


@pytest.mark.usefixtures("known")
def test_a_model_that_has_seen_calibration_rows_is_caught(monkeypatch):
    monkeypatch.setattr(splits, "carve", leaky_carve)
    rows, stored = answers(task(), "memory", settings_of("split"))
    np.testing.assert_array_equal(stored.calibration[:, 0], task().y[rows.calibration])


def tampered(drawn, rows):
    """Return the task with other features and true values on some rows."""
    X, y = drawn.X.copy(), drawn.y.copy()
    X.loc[rows, ["x", "z"]] = 5 - 7 * X.loc[rows, ["x", "z"]]
    y[rows] = -40 * y[rows]
    return replace(drawn, X=X, y=y)


METHODS = ("coarse", "medium", "qra", "local-leaf", "floor", "coarse+pava")


@pytest.mark.parametrize("method", METHODS)
def test_no_scheme_knows_the_calibration_rows(method):
    drawn, settings = task(), settings_of("split")
    aside = fit_spec.rows_of(drawn, drawn.splits[-1], settings).calibration
    assert answer_bytes(tampered(drawn, aside), method, settings) == answer_bytes(drawn, method, settings)


def test_a_scheme_that_knows_the_calibration_rows_is_caught(monkeypatch):
    drawn, settings = task(), settings_of("split")
    aside = fit_spec.rows_of(drawn, drawn.splits[-1], settings).calibration
    monkeypatch.setattr(splits, "carve", leaky_carve)
    assert answer_bytes(tampered(drawn, aside), "coarse", settings) != answer_bytes(drawn, "coarse", settings)


def test_cqr_knows_the_calibration_rows_alone():
    """Its margins are order statistics of the misses there; the median is that of the scheme."""
    drawn = task(n=200)
    given = split_data(drawn, settings_of("split"))
    board_split = evaluate.EnsembleEvaluation(given, PANEL)
    plain, moved = predictions(board_split, "coarse"), predictions(board_split, "coarse+cqr")
    values, y = board_split._predict_calibration(BOARD.registry.scheme("coarse"))[0].values, drawn.y[given.calibration]
    for lo, hi in given.target.intervals.values():
        level = given.target.levels[hi] - given.target.levels[lo]
        misses = np.sort(np.maximum(values[:, lo] - y, y - values[:, hi]))
        rank = int(np.ceil(level * (len(y) + 1) - 1e-9))
        margin = misses[rank - 1] if rank <= len(y) else np.inf
        assert (moved[:, hi] >= plain[:, hi] + margin - 1e-12).all()
        assert (moved[:, lo] <= plain[:, lo] - margin + 1e-12).all()
    np.testing.assert_array_equal(moved[:, 4], plain[:, 4])


# --- bag and nested: models without one fold, and without two --------------------------------------


def seen_by(values):
    """Return the rows that the fit behind each answer was fitted on."""
    return [RollCall.fitted[int(number)] for number in np.ravel(values)]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("protocol", ["bag", "nested"])
@pytest.mark.parametrize("way", ["plain", "groups", "weight"])
def test_each_fold_has_one_model_of_all_other_rows(way, protocol):
    rows, stored = answers(task(way), "roll-call", settings_of(protocol))
    everyone = set(rows.split.train)
    for row, seen in zip(rows.oof_rows, seen_by(stored.oof), strict=True):
        fold = set(rows.oof_rows[rows.inner_fold == rows.inner_fold[rows.oof_rows == row]])
        assert seen == everyone - fold
    for k, by_fold in enumerate(stored.folds):
        assert set(seen_by(by_fold)) == {frozenset(everyone - set(rows.oof_rows[rows.inner_fold == k]))}
    np.testing.assert_allclose(stored.test, stored.folds.mean(axis=0))


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("way", ["plain", "groups", "weight"])
def test_nested_answers_are_made_without_two_folds(way):
    rows, stored = answers(task(way), "roll-call", settings_of("nested"))
    part = {k: set(rows.oof_rows[rows.inner_fold == k]) for k in range(len(rows.inner))}
    assert stored.nested.shape == (len(part), len(rows.oof_rows), 1)
    for k, world in enumerate(stored.nested):
        for fold, seen in zip(rows.inner_fold, seen_by(world), strict=True):
            assert seen == set(rows.split.train) - part[k] - part[fold]
    assert len(RollCall.fitted) == len(part) + len(part) * (len(part) - 1) // 2


@pytest.mark.parametrize(
    ("method", "protocol", "knows"),
    [
        ("equal", "bag", False),
        ("equal", "nested", False),
        ("coarse", "bag", True),
        ("coarse", "nested", False),
        ("medium", "nested", False),
        ("local-leaf", "nested", False),
    ],
)
def test_what_answers_without_a_fold_knows_nothing_of_its_y(method, protocol, knows):
    """Under `bag` the weights were learned from models that had seen the fold: `cv-plus` says so."""
    drawn, settings = task(n=90), settings_of(protocol)
    rows = fit_spec.rows_of(drawn, drawn.splits[-1], settings)
    fold = rows.oof_rows[rows.inner_fold == 1]
    y = drawn.y.copy()
    y[fold] = 3 * y[fold][::-1]
    honest, other = (
        evaluate.EnsembleEvaluation(split_data(each, settings), PANEL)._predict_by_fold(BOARD.registry.scheme(method))
        for each in (drawn, replace(drawn, y=y))
    )
    same = [a.values.tobytes() == b.values.tobytes() for a, b in zip(honest, other, strict=True)]
    assert same[1] is not knows
    assert not any(same[:1] + same[2:])


def test_refit_and_bag_are_what_their_names_say():
    drawn = task(n=90)
    for protocol in ("bag", "nested"):
        given = split_data(drawn, settings_of(protocol))
        for stored in given.stored.values():
            np.testing.assert_allclose(stored.test, stored.folds.mean(axis=0))
    split, refit = (split_data(drawn, settings_of(protocol)) for protocol in ("split", "refit"))
    assert all(stored.folds is None for given in (split, refit) for stored in given.stored.values())
    assert all(len(stored.calibration) == 0 for stored in refit.stored.values())


# --- the command ----------------------------------------------------------------------------------

RUN = ("-b", "quantile", "-l", "gaussian,heteroscedastic", "--folds", 2, "--inner", 3)
CONFORMAL = {
    "split": "coarse+cqr,equal+weighted-cqr",
    "bag": "coarse+cv-plus",
    "nested": "coarse+cv-plus,equal+cv-plus",
}


@pytest.mark.slow
@pytest.mark.parametrize("protocol", CONFORMAL)
def test_any_number_of_workers_gives_the_same_bytes(pooled, reg, protocol):
    words = ("run", *reg, *RUN, "--protocol", protocol, "-e", f"core,qra,{CONFORMAL[protocol]}")
    for jobs in (1, 2):
        done = pooled(*words, "-j", jobs, "--results", f"j{jobs}")
        assert done.code == 0, done.err
    one, two = bytes_of("j1", "j2")
    for name, content in one.items():
        assert content == two[name], name
    assert (read("j1/cells.csv")["status"] == "ok").all()


REFUSED = [("refit", "cqr"), ("refit", "weighted-cqr"), ("refit", "cv-plus"), ("split", "cv-plus"),
           ("bag", "cqr"), ("nested", "cqr")]  # fmt: skip


@pytest.mark.parametrize(("protocol", "step"), REFUSED)
def test_a_step_is_refused_under_a_protocol_that_cannot_keep_its_promise(bench, reg, protocol, step):
    done = bench("run", *reg, *RUN, "--protocol", protocol, "-e", f"coarse+{step}")
    assert done.code == 2
    (line,) = [line for line in done.err.splitlines() if line.startswith("bench: ")]
    assert step in line
    assert protocol in line
    assert "--protocol" in line
    assert not Path("results/scores.csv").exists()


def test_infinite_quantiles_are_written_as_such_and_rank_last(bench, reg):
    """Of five rows set aside no margin can keep 95 per cent."""
    done = bench("run", *reg, *RUN, "--protocol", "split", "-e", "core,coarse+cqr")
    assert done.code == 0, done.err
    scores = read("results/scores.csv")
    conformal = scores[(scores["method"] == "coarse+cqr") & (scores["sample"] == "test")]
    infinite = conformal[conformal["value"] == "inf"]
    assert {"wis", "mean_pinball", "width_95", "pinball_0.975"} <= set(infinite["metric"])
    assert set(conformal.loc[conformal["metric"] == "coverage_95", "value"]) == {"1.0"}
    assert not conformal["value"].isin(["", "nan"]).any()
    board = read("results/leaderboards/quantile-wis.csv")
    assert board["method"].iloc[-1] == "coarse+cqr"
    assert (board["position"].astype(int) < int(board["position"].iloc[-1])).sum() == len(board) - 1
    cells = read("results/cells.csv").set_index("method")
    assert set(cells.loc[["coarse+cqr"], "guarantee"]) == {"coverage >= 1-a (exchangeable rows)"}
    assert set(cells.loc[["coarse"], "guarantee"]) == {""}


# --- coverage, from end to end --------------------------------------------------------------------

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SHARES = np.array([0.5, 0.9])
N_TEST = 40
LIMIT = 4.0
"""Standard deviations: a right program fails one seed in 16,000."""


def covered(seed, settings, methods, n=120):
    """Count the test rows of a drawn table that each method covers, shape (methods, 2), and the calibration rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n + N_TEST, 2))
    y = X[:, 0] + rng.exponential(np.exp(0.5 * X[:, 1]))  # skewed, and of changing width: no learner is right
    frame = pd.DataFrame(X, columns=["a", "b"])
    split = Split(0, 0, np.arange(n), np.arange(n, n + N_TEST))
    given = split_data(Task(f"law-{seed}", frame, y, "regression", (split,)), settings, PANEL[:2])
    board_split, truth = evaluate.EnsembleEvaluation(given, PANEL[:2]), y[split.test]
    hits = [
        [((values[:, lo] <= truth) & (truth <= values[:, hi])).sum() for lo, hi in given.target.intervals.values()]
        for values in (predictions(board_split, method) for method in methods)
    ]
    return np.array(hits), len(given.calibration)


def counts(replications, settings, methods):
    found = [covered(seed, settings, methods) for seed in range(replications)]
    return np.array([hits for hits, _ in found]), found[0][1]


@pytest.mark.slow
def test_split_conformal_covers_within_beta_binomial_limits():
    """Of the rows of one table Beta(k, n + 1 - k) are covered, k the rank of the margin among n calibration rows."""
    settings = Settings(levels=LEVELS, protocol="split", inner=3, calibration=0.25)
    hits, n = counts(150, settings, ("coarse+cqr", "equal+cqr", "coarse"))
    assert n == 30
    for share, of_share in zip(SHARES, np.moveaxis(hits, 2, 0), strict=True):
        rank = np.ceil(share * (n + 1) - 1e-9)
        law = stats.betabinom(N_TEST, rank, n + 1 - rank)
        room = LIMIT * law.std() / np.sqrt(len(hits))
        for method in (0, 1):
            assert abs(of_share[:, method].mean() - law.mean()) <= room
            assert law.ppf(1e-6) <= of_share[:, method].min()
            low, high = law.ppf([0.05, 0.95])
            assert np.mean((of_share[:, method] < low) | (of_share[:, method] > high)) <= 0.2
        assert of_share[:, 2].mean() > law.mean() + room  # what needs no step here is too wide


@pytest.mark.slow
@pytest.mark.parametrize(
    ("protocol", "methods"), [("nested", ("coarse+cv-plus",)), ("bag", ("equal+cv-plus", "median+cv-plus"))]
)
def test_cv_plus_covers_at_least_what_it_promises(protocol, methods):
    """The floor is 1 - 2a - √(2/n); in practice it is 1 - a."""
    settings = Settings(levels=LEVELS, protocol=protocol, inner=3)
    hits, _ = counts(80, settings, methods)
    room = LIMIT * hits.std(axis=0) / np.sqrt(len(hits)) / N_TEST
    shares = hits.mean(axis=0) / N_TEST
    assert (shares >= 1 - 2 * (1 - SHARES) - room).all()
    assert (np.abs(shares - SHARES) <= room + 0.05).all()
