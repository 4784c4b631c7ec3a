"""The store: contracts, and the engines behind them.

Import the contract's names from here; an engine is found through the registry (``jumeau.stores``).
"""

from twin.store.contract import (
    OPERATOR,
    STATISTIC,
    AggregateQuery,
    CatalogueStore,
    Commit,
    Condition,
    CubeStore,
    FeatureQuery,
    FeatureStore,
    ObservationQuery,
    ObservationStore,
    Principal,
    Receipt,
    Scalar,
    SortKey,
    StagedCube,
    StagedFeatures,
    StagedSeries,
    Store,
)
from twin.store.cubes import write_cube

__all__ = [
    "OPERATOR",
    "STATISTIC",
    "AggregateQuery",
    "CatalogueStore",
    "Commit",
    "Condition",
    "CubeStore",
    "FeatureQuery",
    "FeatureStore",
    "ObservationQuery",
    "ObservationStore",
    "Principal",
    "Receipt",
    "Scalar",
    "SortKey",
    "StagedCube",
    "StagedFeatures",
    "StagedSeries",
    "Store",
    "write_cube",
]
