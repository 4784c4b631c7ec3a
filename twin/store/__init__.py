"""The store: contracts, and the engines behind them.

Import the contract's names from here; an engine is found through the registry (``jumeau.stores``).
"""

from twin.store.commits import Commit, Edit, Receipt, StagedCube, StagedFeatures, StagedSeries, StagedVerdicts
from twin.store.contract import CatalogueStore, CubeStore, FeatureStore, ObservationStore, Store
from twin.store.cubes import open_kept, write_cube, write_steps
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
from twin.store.queries import OPERATOR, STATISTIC, AggregateQuery, FeatureQuery, ObservationQuery, Principal, SortKey

__all__ = [
    "OPERATOR",
    "STATISTIC",
    "AggregateQuery",
    "Arithmetic",
    "CatalogueStore",
    "Commit",
    "Condition",
    "Constant",
    "CubeStore",
    "Edit",
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
    "StagedVerdicts",
    "Store",
    "TextValue",
    "open_kept",
    "write_cube",
    "write_steps",
]
