"""Core: the nouns, and what every other room stands on.

Lives here: nouns and user errors, content hashes and seeds, atomic files, losses row by row, CSV tables, the registry
of plug-ins and how names, globs and tags select from it, and the loader of other people's plug-ins.
May import: nothing of `bench` outside this room.
Next of its kind: a noun goes into `nouns`; a rule that two rooms need gets a module of its own.
"""
