"""Stats: statistics of a comparison, functions from table to table that know nothing of learners or schemes.

Lives here: ranks, Elo, Borda, Kemeny, tests, letters, bootstraps, effect sizes.
May import: `core`.
Next of its kind: one statistic a module, with its source in the docstring.
"""
