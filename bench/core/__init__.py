"""Core: the nouns, and what every other room stands on.

Lives here: nouns and user errors, content hashes and seeds, atomic files, losses row by row, CSV tables, the registry
of plug-ins and how names, globs and tags select from it, the loader of other people's plug-ins, the metadata of fields
that are flags and the readers of their values, exit codes, standard streams, and thread variables.
May import: nothing of `bench` outside this room.
Next of its kind: a noun goes into `nouns`; a rule that two rooms need gets a module of its own.
"""
