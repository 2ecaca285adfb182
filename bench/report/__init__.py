"""Report: from tables to boards, verdicts, figures and exports.

Lives here: `leaderboards/` (scores to ranks and evidence), `comparison/` (two tables to a verdict), `figures/`,
`exports`.
May import: `core`, `solvers`, `stats`, `tasks`, `methods`. Never `runner`: it reads tables, whoever wrote them.
Next of its kind: a leaderboard column is one entry of `leaderboards/columns`; a figure is one file in `figures/`.
"""
