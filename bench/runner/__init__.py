"""Runner: from a plan to records and tables.

Lives here, in the order of a run: `plan` (what is wanted), `agenda` (what is left to do), `scheduler` and `executors`
(who does it), `worker` (one job), `out_of_fold` (the only caller of a model's fit), `evaluate/` (schemes learn and are
scored), `journal` and `store` (what is kept), `tables` (what is written).
May import: `core`, `solvers`, `stats`, `tasks`, `methods`. Never `report`.
Next of its kind: a protocol goes into `out_of_fold`, an executor into `executors/`, a column of
cells.csv into `records`.
"""
