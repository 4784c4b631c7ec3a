"""Contract suites that every store, source, layer, door and exporter must pass; shipped for third parties."""
