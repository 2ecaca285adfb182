"""Which methods a board compares, and which cells a run plans."""

from __future__ import annotations

from dataclasses import replace

import pytest
from makers import class_task, regression_task

from bench.core.nouns import BenchError
from bench.core.settings import Settings
from bench.methods.boards import BOARDS, boards_named, method, methods
from bench.runner.agenda import draw_up
from bench.runner.fit_spec import data_hash
from bench.runner.journal import Journal
from bench.runner.options import RunOptions, RunSelection
from bench.runner.plan import Loaded, plan
from bench.runner.store import Store
from bench.tasks.splits import cut_outer
from bench.tasks.task_spec import CvSpec, TaskSpec

PANELS = {"point": ("ridge", "knn"), "class": ("logistic", "knn"), "quantile": ("gaussian",)}
ENSEMBLES = ["regression", "quantile", "classification"]


def ids(board, *texts):
    return [m.id for m in methods(BOARDS[board], texts)]


def loaded(task, folds=3, repeats=1):
    cut = cut_outer(task, folds, repeats, 0)
    return Loaded(TaskSpec(task.name), task, CvSpec(folds, repeats), cut, data_hash(task))


def planned(*tasks, **chosen):
    return plan([loaded(task) for task in tasks], RunSelection(**chosen), PANELS, Settings())


# methods


@pytest.mark.parametrize("board", BOARDS)
def test_what_is_always_there_is_there_whatever_is_chosen(board):
    chosen = "balanced" if board == "class-weight" else "single-best"
    for texts in ((), (chosen,), ("all",)):
        assert set(BOARDS[board].always_present) <= set(ids(board, *texts))
        assert len(set(ids(board, *texts))) == len(ids(board, *texts))


@pytest.mark.parametrize("board", ENSEMBLES)
def test_the_constant_and_the_average_are_always_there(board):
    assert {"equal", "floor"} <= set(ids(board, "single-best"))


def test_class_weights_always_have_their_control_and_a_constant():
    assert {"none", "floor"} <= set(ids("class-weight", "balanced"))


def test_without_a_choice_the_core_schemes_compete():
    board = BOARDS["regression"]
    core = {name for name, entry in board.registry.entries("point").items() if "core" in entry.options.tags}
    assert set(ids("regression")) == core | {"equal", "floor"}


def test_the_board_of_labels_selects_by_its_metric_too():
    assert "single-best:metric=macro_f1" in ids("classification")
    assert "single-best:metric=macro_f1+threshold" in ids("classification")
    assert "single-best:metric=macro_f1" not in ids("classification", "greedy")


def test_every_chosen_scheme_has_a_twin_on_the_board_of_classes():
    found = ids("classification", "greedy,log-stack")
    assert {"greedy", "greedy+threshold", "log-stack", "log-stack+threshold", "single-best+threshold"} <= set(found)
    assert "single-best" not in found
    assert "floor+threshold" not in found
    assert not [name for name in ids("regression") if "+" in name]


def test_a_composition_is_taken_as_it_is():
    found = ids("classification", "greedy+threshold")
    assert "greedy+threshold" in found
    assert "greedy" not in found
    assert "greedy+threshold:metric=accuracy" in ids("classification", "greedy+threshold:metric=accuracy")
    assert "balanced+prior-correction+threshold" in ids("class-weight", "balanced+prior-correction+threshold")


def test_parameters_make_a_second_entry():
    found = ids("regression", "greedy,greedy:rounds=10")
    assert {"greedy", "greedy:rounds=10"} <= set(found)


@pytest.mark.parametrize(
    ("texts", "gone", "kept"),
    [
        (("!greedy",), {"greedy", "greedy+threshold"}, {"log-stack", "log-stack+threshold"}),
        (("!greedy+threshold",), {"greedy+threshold"}, {"greedy"}),
        (("!*+threshold",), {"greedy+threshold", "log-stack+threshold"}, {"greedy", "log-stack"}),
        (("all", "!*stack*"), {"log-stack", "logistic-stack"}, {"greedy", "equal"}),
        (("greedy", "!floor"), {"floor"}, {"greedy", "equal"}),
    ],
)
def test_a_name_behind_an_exclamation_mark_is_left_out(texts, gone, kept):
    found = set(ids("classification", *texts))
    assert not gone & found
    assert kept <= found


def test_globs_choose():
    assert {"log-stack", "logistic-stack"} <= set(ids("classification", "log*"))
    assert "greedy" not in ids("classification", "log*")


@pytest.mark.parametrize("text", ["gredy", "greedy:round=1", "greedy:rounds=x", "greedy+treshold", "zz*", "+threshold"])
def test_an_unknown_method_is_refused(text):
    with pytest.raises(BenchError):
        methods(BOARDS["classification"], [text])


@pytest.mark.parametrize("text", ["!eqal", "all,!eqal", "!zzz*", "!equal+treshold", "!equal:shape=2", "!extnded"])
def test_an_unknown_name_is_refused_behind_an_exclamation_mark_too(text):
    with pytest.raises(BenchError):
        ids("classification", text)


def test_a_tag_can_be_excluded_and_a_name_of_another_board_is_no_mistake():
    assert set(ids("regression", "all", "!extended")) == set(ids("regression", "core", "equal"))
    assert ids("regression", "equal", "!coarse") == ids("regression", "equal")


def test_a_scheme_of_another_kind_is_no_method_of_a_board():
    assert method(BOARDS["regression"], "log-stack") is None
    assert method(BOARDS["regression"], "equal+threshold") is None
    assert "log-stack" not in ids("regression", "all")


@pytest.mark.parametrize("board", BOARDS)
def test_the_id_of_a_method_reads_back(board):
    for found in methods(BOARDS[board], ["all"]):
        assert method(BOARDS[board], found.id) == found


def test_a_sign_inside_a_number_is_no_step():
    assert method(BOARDS["regression"], "inverse-mse:power=1e+2").steps == ()


def test_boards_by_name():
    assert [b.name for b in boards_named(["class*"])] == ["classification", "class-weight"]
    assert len(boards_named([])) == 4
    with pytest.raises(BenchError, match="unknown board 'clas'"):
        boards_named(["clas"])


# plans


def test_every_cell_is_planned_once():
    found = planned(regression_task(), class_task())
    assert len(set(found.cells)) == len(found.cells)
    assert {cell.board for cell in found.cells} == set(BOARDS)


def test_a_plan_holds_every_method_for_every_split():
    cells = planned(regression_task(), boards=("regression",), ensembles=("greedy",)).cells
    rows = {(c.panel, c.learner, c.method) for c in cells}
    assert rows == {
        ("", "ridge", "alone"), ("", "knn", "alone"), ("default", "", "equal"), ("default", "", "floor"),
        ("default", "", "greedy"), ("default", "", "oracle"),
    }  # fmt: skip
    assert len(cells) == 3 * len(rows)


def test_rows_of_the_class_weight_board_belong_to_a_learner():
    cells = planned(class_task(), boards=("class-weight",), class_weights=("balanced",)).cells
    assert {(c.panel, c.learner, c.method) for c in cells} == {
        ("", learner, name)
        for learner in ("logistic", "knn")
        for name in ("none", "floor", "balanced", "oracle", "none+threshold", "balanced+threshold")
    }


@pytest.mark.parametrize("folds", [1, 2, 3, 7])
def test_folds_are_the_first_ones_and_equal_to_those_of_the_whole(folds):
    task = class_task(folds=0)
    whole, part = planned(task), planned(task, folds=folds)
    expected = [s for s in whole.splits[task.name] if s.fold < folds]
    for one, other in zip(part.splits[task.name], expected, strict=True):
        assert (one.repeat, one.fold) == (other.repeat, other.fold)
        assert (one.train.tolist(), one.test.tolist()) == (other.train.tolist(), other.test.tolist())
    assert set(part.cells) <= set(whole.cells)


def test_repeats_are_the_first_ones():
    task = class_task(folds=0)
    found = plan([loaded(task, repeats=3)], RunSelection(repeats=2, folds=1), PANELS, Settings())
    assert [(s.repeat, s.fold) for s in found.splits[task.name]] == [(0, 0), (1, 0)]


def test_the_tasks_own_splits_are_cut_by_their_numbers():
    task = class_task(folds=3)
    own = tuple(replace(s, repeat=r) for r in range(2) for s in reversed(task.splits))
    found = planned(replace(task, splits=own), folds=2, repeats=1)
    assert [(s.repeat, s.fold) for s in found.splits[task.name]] == [(0, 1), (0, 0)]


@pytest.mark.parametrize(
    ("chosen", "learners", "panel"),
    [
        ({}, ["ridge", "knn"], "default"),
        ({"learners": ("ridge",)}, ["ridge"], "ridge"),
        ({"learners": ("ridge,knn:n_neighbors=3",)}, ["ridge", "knn:n_neighbors=3"], "ridge+knn:n_neighbors=3"),
        ({"learners": ("!knn",)}, ["ridge"], None),
        ({"learners": ("*idge",)}, ["ridge"], "ridge"),
    ],
)
def test_learners_are_chosen_by_name_and_name_the_panel(chosen, learners, panel):
    found = planned(regression_task(), boards=("regression",), **chosen)
    assert list(found.board_plans[0].learners) == learners
    assert panel in {None, found.board_plans[0].panel}


def test_two_sets_of_learners_are_two_panels():
    names = [f"knn:n_neighbors={j}" for j in range(1, 12)]
    one = planned(regression_task(), boards=("regression",), learners=tuple(names)).board_plans[0].panel
    other = planned(regression_task(), boards=("regression",), learners=tuple(names[:-1])).board_plans[0].panel
    assert one != other
    assert max(len(one), len(other)) <= 60


@pytest.mark.parametrize(
    "chosen",
    [
        {"boards": ("nope",)},
        {"learners": ("nope",)},
        {"learners": ("logistic",)},
        {"ensembles": ("nope",)},
        {"ensembles": ("log-stack",)},
        {"ensembles": ("greedy:rounds=x",)},
        {"class_weights": ("balanced",)},
        {"class_weights": ("nope",)},
        {"boards": ("regression",), "ensembles": ("coarse",)},
    ],
)
def test_a_name_that_is_unknown_or_of_no_use_is_refused(chosen):
    with pytest.raises(BenchError):
        planned(regression_task(), **chosen)


@pytest.mark.parametrize(
    "text",
    ["greedy:rounds=10", "greedy:rounds=10,metric=macro_f1", "greedy:rounds=+10", "greedy:rounds=10+threshold",
     "greedy+threshold:metric=accuracy", "greedy:metric=macro_f1,rounds=10+threshold"],
)  # fmt: skip
def test_a_name_of_use_is_not_refused_however_it_is_spelled(text):
    assert planned(class_task(), boards=("classification",), ensembles=(text,)).cells


@pytest.mark.parametrize(
    "text", ["inverse-mse:power=.5", "inverse-mse:power=2", "inverse-mse:power=1e-3", "inverse-mse:power=2.50"]
)
def test_numbers_may_be_spelled_as_one_likes(text):
    assert planned(regression_task(), boards=("regression",), ensembles=(text,)).cells


@pytest.mark.parametrize("text", ["knn:n_neighbors=+3", "ridge:alpha=.5", "ridge:alpha=1e1"])
def test_parameters_of_learners_may_be_spelled_as_one_likes(text):
    assert planned(regression_task(), boards=("regression",), learners=(text,)).cells


def test_learners_of_several_kinds_go_to_the_boards_that_they_serve():
    found = planned(
        regression_task(), class_task(), boards=("*regression,classification",), learners=("logistic,ridge",)
    )
    assert {ask.board.name: ask.learners for ask in found.board_plans} == {
        "regression": ("ridge",), "classification": ("logistic",),
    }  # fmt: skip


def test_a_board_without_a_learner_of_its_kind_is_left_out():
    found = planned(regression_task(), learners=("ridge",))
    assert [ask.board.name for ask in found.board_plans] == ["regression"]


@pytest.mark.parametrize("learners", [("!rigde",), ("ridge,!rigde",), ("!rid?e-x",)])
def test_an_excluded_learner_that_nobody_knows_is_refused(learners):
    with pytest.raises(BenchError, match="learner"):
        planned(regression_task(), learners=learners)


def test_an_excluded_learner_is_left_out_by_name_and_by_tag():
    names = [set(planned(regression_task(), learners=[text]).board_plans[0].learners) for text in ("!knn", "all,!core")]
    assert names[0] == {"ridge"}
    assert names[1]
    assert names[1].isdisjoint({"ridge", "knn"})


def test_a_plan_parses_every_method_so_that_no_cell_does(monkeypatch, tmp_path):
    made = planned(regression_task(), class_task())

    def refuse(board, text):
        raise AssertionError(f"{text} of {board.name} was parsed again")

    monkeypatch.setattr("bench.runner.plan.method", refuse)
    agenda = draw_up(made, Journal(tmp_path), Store(tmp_path), RunOptions())
    assert sum(counts.cells for counts in agenda.counts.values()) == len(made.cells) > 0
