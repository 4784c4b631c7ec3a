"""The core's own doors, and what every door shares; each is found by entry point (``jumeau.doors``)."""
