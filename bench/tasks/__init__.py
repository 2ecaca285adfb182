"""Tasks: where tables come from, how they are split, and how a learner reads them.

Lives here: sources (one a file), suites of `datasets.yaml`, how a task is written, loading, `fetch` with `lock` (what
tasks were) and `checkup`, samples of rows, outer and inner splits, `official_folds` (those of OpenML), encoders,
meta-features.
May import: `core`.
Next of its kind: a source is one file in `sources/`; a suite is an entry of `datasets.yaml`.
"""
