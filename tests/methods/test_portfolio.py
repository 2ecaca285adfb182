"""Portfolios of drawn configurations, and the limits of learning curves."""

import pytest

from bench.core.nouns import BenchError
from bench.methods.learners import learner_scheme, registry
from bench.methods.learners.portfolio import portfolio
from bench.methods.learners.trial import try_parameters
from bench.runner.options import RunSelection


def test_a_larger_portfolio_holds_every_smaller_one():
    names = ["ridge", "forest", "mlp"]
    assert set(portfolio(names, 2)) < set(portfolio(names, 5))
    assert portfolio(names, 1) == names
    assert portfolio(names, 3) == portfolio(names, 3)
    assert set(portfolio(names, 3, seed=1)) & set(portfolio(names, 3)) == set(names)


@pytest.mark.parametrize("name", [name for name, entry in registry.entries().items() if not entry.missing_modules])
def test_every_drawn_configuration_lies_in_the_declared_space_and_fits(name):
    entry = registry.entries()[name]
    for text in portfolio([name], 4)[1:]:
        scheme = learner_scheme(text)
        assert scheme.id == text
        for parameter, value in scheme.parameters:
            low, high = entry.options.space[parameter]
            assert low * 0.99 <= value <= high * 1.01
        try_parameters(text, min(entry.kinds))


def test_parameters_of_no_use_are_refused():
    with pytest.raises(BenchError, match="ridge:alpha=-1"):
        try_parameters("ridge:alpha=-1", "point")


def test_the_flags_of_a_panel_give_it_again():
    chosen = RunSelection(learners=("ridge,knn",), panel="mine", max_learners=2, max_weight_rows=9)
    assert chosen.panel_flags() == [
        "-l",
        "ridge,knn",
        "--panel",
        "mine",
        "--max-learners",
        "2",
        "--max-weight-rows",
        "9",
    ]
    assert RunSelection().panel_flags() == []
