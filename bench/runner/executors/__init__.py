"""Where cells are run: the local pool of worker processes."""
