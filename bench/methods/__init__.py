"""Methods: the plug-ins of every noun, and the boards on which they compete.

Lives here: learners, ensembles, class weights, training schemes, post-processing steps and metrics, one scheme a file;
`boards` parses method ids and decides which methods meet where.
May import: `core`, `solvers`, `stats`, `tasks`.
Next of its kind: one file in the package of its noun, with a decorated function; nothing else is edited.
"""
