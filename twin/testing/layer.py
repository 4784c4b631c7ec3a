"""What every layer must do: subclass :class:`LayerContract` in a test module.

A layer of another package passes when it is installed with its entry point, and says from the data
that :meth:`LayerContract.fill` commits what it derives.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xarray as xr

from twin import pipeline, registry
from twin.access import Access
from twin.context import Twin
from twin.errors import DoesNotApply
from twin.model import Collection, Kind, Text
from twin.products import Cube, CubeSteps, Features, Product, Series, Verdicts
from twin.registry import Layer
from twin.settings import Settings, StoreSettings
from twin.store import OPERATOR
from twin.tables import DATASTREAM_FIELDS, OBSERVATION_SCHEMA, Quality, feature_schema

_NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


class LayerContract(ABC):
    """The suite: a layer declares itself, gives sound products, the same each time, and writes nothing itself."""

    #: Name of the layer's entry point in the group ``jumeau.layers``.
    name: str

    @abstractmethod
    def fill(self, twin: Twin) -> dict[str, Any]:
        """Commit to an empty twin what the layer reads, and return the parameters to derive it with."""

    @pytest.fixture
    def twin(self, tmp_path: Path) -> Iterator[Twin]:
        """Open an empty twin whose clock stands still."""
        settings = Settings(store=StoreSettings(folder=tmp_path))
        store = registry.load(registry.STORES, settings.store.engine)(tmp_path, settings.city.crs)
        try:
            yield Twin(settings, store, Access(settings.access), clock=lambda: _NOON)
        finally:
            store.close()

    @property
    def layer(self) -> Layer:
        """The layer, found by its entry point."""
        layer: Layer = registry.load(registry.LAYERS, self.name)()
        return layer

    def products(self, twin: Twin, parameters: dict[str, Any]) -> list[tuple[Product, list[pa.RecordBatch]]]:
        """Return what the layer derives, its batches read in order."""
        layer = self.layer
        chosen = layer.parameters.model_validate(parameters)
        return [(product, _batches(product)) for product in layer.derive(twin, chosen)]

    def test_declares_itself(self) -> None:
        """Its name is that of its entry point, its title is in both languages, its method has a version."""
        layer = self.layer
        assert layer.name == self.name
        assert _told(layer.title)
        assert layer.version

    def test_refuses_an_unknown_parameter(self) -> None:
        """A misspelt parameter of ``config.yml`` is not passed over in silence."""
        with pytest.raises(ValueError, match="misspelt"):
            self.layer.parameters.model_validate({"misspelt": 1})

    def test_describes_each_parameter(self) -> None:
        """Whoever edits ``config.yml`` can read what each parameter is."""
        for name, field in self.layer.parameters.model_fields.items():
            assert field.description, name

    def test_says_when_it_has_nothing_to_work_on(self, twin: Twin) -> None:
        """An empty twin is no fault: the layer does not apply, for a stated reason."""
        layer = self.layer
        with pytest.raises(DoesNotApply, match=r"\w+ \w+"):
            list(layer.derive(twin, layer.parameters.model_validate({})))

    def test_names_the_collections_that_it_reads(self, twin: Twin) -> None:
        """A change of an input derives the layer anew: none may be left out."""
        parameters = self.fill(twin)
        layer = self.layer
        there = {collection.id for collection in twin.store.catalogue.collections(OPERATOR)}
        assert there & set(layer.inputs(layer.parameters.model_validate(parameters)))

    def test_writes_nothing_itself(self, twin: Twin) -> None:
        """What is derived is committed by the pipeline alone."""
        parameters = self.fill(twin)
        before = twin.store.catalogue.revision()
        self.products(twin, parameters)
        assert twin.store.catalogue.revision() == before

    def test_products_are_sound(self, twin: Twin) -> None:
        """Collections tell people what they are, and the data is in the shape that they declare."""
        products = self.products(twin, self.fill(twin))
        assert products
        for product, batches in products:
            if not isinstance(product, Verdicts):
                _check_collection(product.collection, twin.settings.city.crs)
            _check_data(product, batches)

    def test_gives_the_same_each_time(self, twin: Twin) -> None:
        """The same inputs and parameters make the same products."""
        parameters = self.fill(twin)
        first, second = self.products(twin, parameters), self.products(twin, parameters)
        for (product, batches), (again, others) in zip(first, second, strict=True):
            assert product.collection == again.collection
            assert [batch.to_pydict() for batch in batches] == [batch.to_pydict() for batch in others]
            if isinstance(product, Cube | CubeSteps) and isinstance(again, Cube | CubeSteps):
                xr.testing.assert_identical(_whole(product), _whole(again))
            if isinstance(product, CubeSteps) and isinstance(again, CubeSteps):
                assert np.array_equal(product.fingerprints, again.fingerprints)
                alone = xr.concat(again.compute(np.array([again.times.size - 1])), "time")
                xr.testing.assert_identical(alone, _whole(product).isel(time=[-1]))

    def test_is_committed_by_the_pipeline_once(self, twin: Twin) -> None:
        """Every product is in the catalogue, with its data; deriving again does nothing."""
        parameters = self.fill(twin)
        wanted = {product.collection.id for product, _ in self.products(twin, parameters)}
        report = pipeline.derive(twin, self.name, parameters)
        assert set(report.changed) >= wanted
        for name in wanted:
            collection = twin.store.catalogue.collection(name, OPERATOR)
            assert collection.count
            assert collection.extent
        assert pipeline.derive(twin, self.name, parameters).run is None


def _told(text: Text) -> bool:
    return bool(text.fr.strip() and text.en.strip())


def _batches(product: Product) -> list[pa.RecordBatch]:
    return [] if isinstance(product, Cube | CubeSteps) else list(product.batches)


def _whole(product: Cube | CubeSteps) -> xr.Dataset:
    if isinstance(product, Cube):
        return product.dataset
    return xr.concat(product.compute(np.arange(product.times.size)), "time")


def _check_collection(collection: Collection, crs: str) -> None:
    assert collection.crs == crs
    assert _told(collection.title)
    assert _told(collection.description)
    assert collection.lineage
    assert _told(collection.lineage), "a derived collection says how it was made"
    assert collection.licence.attribution
    titles = {item.name: item.title for item in collection.fields}
    titles |= {item.name: item.title for item in collection.observed_properties}
    assert all(map(_told, titles.values()))
    for name in (collection.style.colour_by, collection.style.label, collection.style.height):
        assert name is None or name in titles, f"the style names {name!r}, which the collection has not"


def _check_data(product: Product, batches: list[pa.RecordBatch]) -> None:
    collection = product.collection
    match product:
        case Features():
            assert collection.kind is Kind.FEATURES
            assert all(batch.schema.equals(feature_schema(collection.fields)) for batch in batches)
        case Series():
            assert collection.kind is Kind.TIMESERIES
            assert product.datastreams.schema.equals(feature_schema(DATASTREAM_FIELDS))
            assert all(batch.schema.equals(OBSERVATION_SCHEMA) for batch in batches)
            known = set(product.datastreams["id"].to_pylist())
            assert all(set(batch["datastream"].unique().to_pylist()) <= known for batch in batches)
            observed = {item.name: item.unit for item in collection.observed_properties}
            told = product.datastreams.select(["observed_property", "unit"]).to_pylist()
            assert all(observed[row["observed_property"]] == row["unit"] for row in told)
        case Verdicts():
            assert collection.kind is Kind.TIMESERIES
            assert all(batch.schema.equals(OBSERVATION_SCHEMA) for batch in batches)
            assert all(set(batch["quality"].to_pylist()) <= {Quality.GOOD, product.test} for batch in batches)
        case Cube() | CubeSteps():
            assert collection.kind is Kind.COVERAGE
            dataset = _whole(product)
            names = {observed.name for observed in collection.observed_properties}
            assert set(map(str, dataset.data_vars)) == names
            for axis in ("x", "y"):
                assert (np.diff(dataset[axis].values) > 0).all()
            if isinstance(product, CubeSteps):
                assert product.fingerprints.shape == product.times.shape
                assert np.array_equal(dataset["time"].values, product.times)
