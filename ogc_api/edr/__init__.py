"""OGC API Environmental Data Retrieval 1.1 over time series and coverages, as CoverageJSON.

The door makes one :class:`Edr` over its twin, mounts :func:`routes` before pygeoapi's, merges
:func:`describe` into each collection's document, and closes it at the end.
"""

from ogc_api.edr.metadata import CONFORMANCE, describe
from ogc_api.edr.openapi import openapi_paths
from ogc_api.edr.routes import routes
from ogc_api.edr.service import Edr, query_types

__all__ = ["CONFORMANCE", "Edr", "describe", "openapi_paths", "query_types", "routes"]
