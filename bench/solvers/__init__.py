"""Solvers: convex weight problems on the simplex (squared error, log loss, pinball loss), each with a certificate.

Lives here: numpy and scipy code that takes arrays and returns arrays; it knows no learner, task or scheme.
May import: `core`.
Next of its kind: one problem a module, its duality gap computed beside its solution.
"""
