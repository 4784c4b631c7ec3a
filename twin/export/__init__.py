"""Writing: one exporter per format, from the store alone."""

from twin.export.export import export, exporter_of, formats
from twin.export.rows import Selection, target_crs

__all__ = ["Selection", "export", "exporter_of", "formats", "target_crs"]
