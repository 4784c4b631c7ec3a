"""The store: contracts, and the engines behind them.

Import the contract's names from here; an engine is found through the registry (``jumeau.stores``).
"""

from twin.store.contract import (
    OPERATOR,
    CatalogueStore,
    Commit,
    CubeStore,
    FeatureQuery,
    FeatureStore,
    ObservationQuery,
    ObservationStore,
    Principal,
    Receipt,
    SortKey,
    StagedCube,
    StagedFeatures,
    StagedSeries,
    Store,
)
from twin.store.cubes import write_cube
from twin.store.filters import (
    Arithmetic,
    Condition,
    Constant,
    Expression,
    Filter,
    Folded,
    Logic,
    Property,
    Scalar,
    Spatial,
    TextValue,
)

__all__ = [
    "OPERATOR",
    "Arithmetic",
    "CatalogueStore",
    "Commit",
    "Condition",
    "Constant",
    "CubeStore",
    "Expression",
    "FeatureQuery",
    "FeatureStore",
    "Filter",
    "Folded",
    "Logic",
    "ObservationQuery",
    "ObservationStore",
    "Principal",
    "Property",
    "Receipt",
    "Scalar",
    "SortKey",
    "Spatial",
    "StagedCube",
    "StagedFeatures",
    "StagedSeries",
    "Store",
    "TextValue",
    "write_cube",
]
