"""Where cells are run: the local pool of worker processes.

May import: `core` and the limits of `runner.options`; it knows no fit and no board.
Next of its kind: an executor is one module with the methods of `local.Pool`.
"""
