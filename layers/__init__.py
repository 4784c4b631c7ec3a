"""The city's layers: pure functions over arrays and geometries, and one declaration each."""
