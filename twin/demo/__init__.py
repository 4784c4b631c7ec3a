"""The demo city: written as files, then ingested like any other data."""
