"""The OGC API: pygeoapi over the store."""
