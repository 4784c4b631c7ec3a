"""pygeoapi's feature provider over the store, found by its class path in the configuration.

The door answers items by the same service; this is how pygeoapi itself knows a collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from pygeoapi.provider.base import BaseProvider, ProviderItemNotFoundError

from ogc_api.features.fields import in_store, item_fields, json_schema, typed
from ogc_api.features.query import DEFAULT_LIMIT, ItemsQuery
from ogc_api.features.regions import region
from twin.crs import CRS84, BBox
from twin.errors import NotFound
from twin.store import Condition, SortKey
from twin.time import TimeSpan

if TYPE_CHECKING:
    from ogc_api.configuration import ProviderData


class StoreFeatureProvider(BaseProvider):  # type: ignore[misc]
    """Items of one collection of the store."""

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self._given: ProviderData = provider_def["data"]
        self._by_name = {field.name: field for field in item_fields(self._given.collection)}
        self.get_fields()

    def get_fields(self) -> dict[str, dict[str, Any]]:
        """Return the JSON Schema of each property, titled in the language of the configuration."""
        self._fields = {name: json_schema(field, self._given.language) for name, field in self._by_name.items()}
        return self._fields

    def query(
        self,
        offset: int = 0,
        limit: int = DEFAULT_LIMIT,
        resulttype: str = "results",
        bbox: list[float] | None = None,
        datetime_: str | None = None,
        properties: list[tuple[str, str]] | None = None,
        sortby: list[dict[str, str]] | None = None,
        select_properties: list[str] | None = None,
        skip_geometry: bool = False,
        **_: object,
    ) -> dict[str, Any]:
        """Return a page as a GeoJSON mapping; `bbox` is in the CRS of storage, where pygeoapi put it."""
        collection = self._given.collection
        boxes = (BBox.parse(",".join(map(str, bbox)), collection.crs),) if bbox else ()
        near = region(boxes, collection)
        page = self._given.items.page(
            ItemsQuery(
                collection=collection,
                region=near,
                nowhere=bool(boxes) and near is None,
                time=TimeSpan.parse(datetime_) if datetime_ else None,
                where=tuple(
                    Condition(field=in_store(collection, name), value=typed(self._by_name[name], text))
                    for name, text in properties or ()
                ),
                sort=tuple(SortKey(field=key["property"], descending=key["order"] == "-") for key in sortby or ()),
                offset=offset,
                limit=limit,
                properties=tuple(select_properties or self._by_name),
                crs=CRS84,
                with_geometry=not skip_geometry,
            )
        )
        found = resulttype != "hits"
        return {
            "type": "FeatureCollection",
            "features": orjson.loads(b"[%s]" % page.features) if found else [],
            "numberMatched": page.matched,
            "numberReturned": page.returned if found else 0,
        }

    def get(self, identifier: str, **_: object) -> dict[str, Any]:
        """Return one item as a GeoJSON mapping."""
        asked = ItemsQuery(collection=self._given.collection, properties=tuple(self._by_name))
        try:
            found: dict[str, Any] = orjson.loads(self._given.items.item(asked, identifier))
        except NotFound as error:
            raise ProviderItemNotFoundError(user_msg=str(error)) from error
        return found
