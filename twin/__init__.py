"""Jumeau's core: the store of a 4D city, what feeds it and what leaves it."""
