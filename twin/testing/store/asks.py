"""Short ways to ask the store of a test, as the operator, about the samples."""

from __future__ import annotations

import pyarrow as pa

from twin.model import Field, FieldType, Text
from twin.store import (
    OPERATOR,
    AggregateQuery,
    FeatureQuery,
    ObservationQuery,
    Store,
)
from twin.testing import samples

X, Y = samples.ORIGIN
EXTRA = Field(name="roof", type=FieldType.STRING, title=Text(fr="Toit", en="Roof"))


def read_buildings(store: Store, **query: object) -> pa.Table:
    """Return the sample buildings of a feature query."""
    return store.features.read(FeatureQuery.model_validate({"collection": "buildings", **query}), OPERATOR).read_all()


def count_buildings(store: Store, **query: object) -> int:
    """Return how many sample buildings a feature query has."""
    return store.features.count(FeatureQuery.model_validate({"collection": "buildings", **query}), OPERATOR)


def read_observations(store: Store, **query: object) -> pa.Table:
    """Return the sample observations of a query."""
    asked = ObservationQuery.model_validate({"collection": "observations", **query})
    return store.observations.read(asked, OPERATOR).read_all()


def read_statistics(store: Store, **query: object) -> pa.Table:
    """Return the statistics of an aggregate query."""
    return store.observations.aggregate(AggregateQuery.model_validate(query), OPERATOR).read_all()


def count_observations(store: Store, **query: object) -> int:
    """Return how many sample observations a query has."""
    asked = ObservationQuery.model_validate({"collection": "observations", **query})
    return store.observations.count(asked, OPERATOR)


def ids_of(table: pa.Table) -> list[str]:
    """Return the ids of some features."""
    return [str(value) for value in table["id"].to_pylist()]
