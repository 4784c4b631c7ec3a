"""Writing: one exporter per format, from the store alone."""
