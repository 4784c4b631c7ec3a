"""pygeoapi's EDR provider over the store, found by its class path in the configuration.

The door answers queries by the same service; this is how pygeoapi itself knows a collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import shapely
from pygeoapi.provider.base import (
    ProviderInvalidQueryError,
    ProviderItemNotFoundError,
    ProviderRequestEntityTooLargeError,
)
from pygeoapi.provider.base_edr import BaseEDRProvider

from ogc_api.edr import coveragejson
from ogc_api.edr.coveragejson import Document
from ogc_api.edr.metadata import parameters
from ogc_api.edr.query import EdrQuery, observed_names
from ogc_api.edr.service import QueryType, query_types
from twin.crs import CRS84, BBox
from twin.errors import BadInput, NotFound, TooLarge
from twin.time import TimeSpan

if TYPE_CHECKING:
    from ogc_api.configuration import ProviderData


class StoreEdrProvider(BaseEDRProvider):  # type: ignore[misc]
    """EDR queries of one collection of the store; pygeoapi gives and takes CRS84."""

    def __init__(self, provider_def: dict[str, Any]) -> None:
        super().__init__(provider_def)
        self._given: ProviderData = provider_def["data"]
        self.get_fields()

    def get_fields(self) -> dict[str, dict[str, Any]]:
        """Return each parameter, titled in the language of the configuration."""
        self._fields = {
            name: {
                "type": "number" if "unit" in told else "string",
                "title": told["label"],
                "x-ogc-unit": told["unit"]["label"] if "unit" in told else "",
            }
            for name, told in parameters(self._given.collection, self._given.language).items()
        }
        return self._fields

    def get_query_types(self) -> list[QueryType]:
        """Return the types of query that this collection answers, of those that the class has."""
        return list(query_types(self._given.collection))

    def position(self, **asked: Any) -> Document:  # noqa: ANN401 - pygeoapi's own names
        """Return the values at a point."""
        return self._answer("position", asked)

    def cube(self, **asked: Any) -> Document:  # noqa: ANN401
        """Return the cells of a box."""
        return self._answer("cube", asked)

    def locations(self, **asked: Any) -> Document:  # noqa: ANN401
        """Return the objects observed, or the values of one."""
        return self._answer("locations", asked)

    def _answer(self, kind: QueryType, asked: dict[str, Any]) -> Document:
        edr, collection, principal = self._given.edr, self._given.collection, self._given.principal
        try:
            query = self._query(asked)
            match kind, asked.get("location_id"):
                case "position", _:
                    found = edr.position(collection, query, principal)
                case "cube", _:
                    found = edr.cube(collection, query, principal)
                case _, None:
                    found = edr.locations(collection, query, principal)
                case _, identity:
                    found = edr.location(str(identity), collection, query, principal)
        except NotFound as error:
            raise ProviderItemNotFoundError(user_msg=str(error)) from error
        except TooLarge as error:
            raise ProviderRequestEntityTooLargeError(user_msg=str(error)) from error
        except BadInput as error:
            raise ProviderInvalidQueryError(user_msg=str(error)) from error
        plain: Document = orjson.loads(coveragejson.encode(found))
        return plain

    def _query(self, asked: dict[str, Any]) -> EdrQuery:
        known = observed_names(self._given.collection)
        wkt: shapely.Geometry | None = asked.get("wkt")
        if wkt is not None and wkt.geom_type != "Point":
            raise BadInput("coords of a position is one POINT(x y).")
        box, time = asked.get("bbox"), asked.get("datetime_")
        return EdrQuery(
            crs=CRS84,
            parameters=tuple(name for name in asked.get("select_properties") or known if name in self._fields),
            time=TimeSpan.parse(time) if time else None,
            point=(wkt.x, wkt.y) if wkt is not None else None,
            bbox=BBox.parse(",".join(map(str, box))) if box else None,
        )
