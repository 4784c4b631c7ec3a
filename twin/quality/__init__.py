"""Quality control of observations: in time at ingest, in space once neighbours are known.

``temporal`` tests a series by itself; ``spatial`` and ``crowd`` are pure functions over a matrix of
(stations, hours), which the layer ``quality_control`` feeds from the store.
"""

from twin.quality.temporal import check

__all__ = ["check"]
