"""Runner: from a plan to records and tables.

Lives here, in the order of a run: `options` (what the user chooses), `plan` (which cells are wanted), `fit_spec` (the
key of a fit), `cells` (the key of a cell), `agenda` (what is left to do), `trials` (named learners are tried),
`scheduler` and `executors` (who does it), `preloaded` (what workers are forked with), `foreign_code` (what runs in
processes of its own), `forecast` and `progress` (how long it takes, how far it is), `worker` (one job), `out_of_fold`
(the only place where a model is fitted, and where the test fold is kept away from it), `evaluate/` (methods are
fitted on out-of-fold predictions and scored), `journal`, `journal_index`, `record_files`, `record_json`, `records`
and `store` (what is kept), `garbage` (what of that nobody needs), `tables` (what is written), `explain` and
`rerun_command` (what a user reads about a cell), `recorded` and `sound_fits` (recorded cells as work), `answers`,
`answer_export` and `predicted_runs` (what methods said, for others), `reproduce` (whether they say the same again).
May import: `core`, `solvers`, `stats`, `tasks`, `methods`. Never `report`.
Next of its kind: a protocol is a name in `core.settings` and a function in `out_of_fold`; a column of cells.csv goes
into `records`; an executor into `executors/`; limits of one item into `options.Limits`, a budget of a whole run
into `scheduler.Run`. A source of tasks goes into `tasks/sources`.
"""
