"""Report: from tables to boards, verdicts, figures and exports.

Lives here: `leaderboards/` (scores to ranks and tests), `comparison/` (two tables to a verdict), `figures/`,
`board_markup` (boards in Markdown and LaTeX), `exports`.
May import: `core`, `solvers`, `stats`, `tasks`, `methods`. Never `runner`: it reads tables, whoever wrote them.
Next of its kind: a leaderboard column is one function in `leaderboards/columns/built_in`; a figure is one file in
`figures/`.
"""
