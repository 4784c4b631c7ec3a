"""Writing: one exporter per format, from the store alone."""

from twin.export.export import export, exporter_of, exporters, formats
from twin.export.rows import Selection, target_crs

__all__ = ["Selection", "export", "exporter_of", "exporters", "formats", "target_crs"]
