"""pygeoapi's EDR provider over the store, found by its class path in the configuration.

The door answers queries by the same service; this is how pygeoapi itself knows a collection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson
import shapely
from pygeoapi.provider.base import (
    ProviderInvalidQueryError,
    ProviderItemNotFoundError,
    ProviderNoDataError,
    ProviderRequestEntityTooLargeError,
)
from pygeoapi.provider.base_edr import BaseEDRProvider

from ogc_api.edr import coveragejson
from ogc_api.edr.coveragejson import Document
from ogc_api.edr.metadata import parameters
from ogc_api.edr.query import Form, parse
from ogc_api.edr.service import QueryType, query_types
from ogc_api.parameters import Parameters
from twin.errors import BadInput, NoData, NotFound, TooLarge

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
        """Return the types of query that this collection answers, of those that pygeoapi hands over."""
        return [kind for kind in query_types(self._given.collection) if kind in self.query_types]

    def position(self, **asked: Any) -> Document:  # noqa: ANN401 - pygeoapi's own names
        """Return the values at points."""
        return self._answer("position", asked)

    def radius(self, **asked: Any) -> Document:  # noqa: ANN401
        """Return the values around points."""
        return self._answer("radius", asked)

    def area(self, **asked: Any) -> Document:  # noqa: ANN401
        """Return the values in polygons."""
        return self._answer("area", asked)

    def cube(self, **asked: Any) -> Document:  # noqa: ANN401
        """Return the cells of a box."""
        return self._answer("cube", asked)

    def trajectory(self, **asked: Any) -> Document:  # noqa: ANN401
        """Return the values along lines."""
        return self._answer("trajectory", asked)

    def locations(self, **asked: Any) -> Document:  # noqa: ANN401
        """Return the objects observed, or the values of one."""
        return self._answer("location" if asked.get("location_id") is not None else "locations", asked)

    def _answer(self, form: Form, asked: dict[str, Any]) -> Document:
        edr, collection, principal = self._given.edr, self._given.collection, self._given.principal
        url, language = edr.url(collection), self._given.language
        try:
            query = parse(form, Parameters(urlencode(self._written(form, asked))), collection, edr.bounds)
            if form == "locations":
                listed: Document = orjson.loads(
                    orjson.dumps(edr.locations(collection, query, principal, url, language))
                )
                return listed
            if form == "location":
                found = edr.location(str(asked["location_id"]), collection, query, principal)
            else:
                found = edr.values(form, collection, query, principal)
        except NotFound as error:
            raise ProviderItemNotFoundError(user_msg=str(error)) from error
        except NoData as error:
            raise ProviderNoDataError(user_msg=str(error)) from error
        except TooLarge as error:
            raise ProviderRequestEntityTooLargeError(user_msg=str(error)) from error
        except BadInput as error:
            raise ProviderInvalidQueryError(user_msg=str(error)) from error
        plain: Document = orjson.loads(coveragejson.encode(found))
        return plain

    def _written(self, form: Form, asked: dict[str, Any]) -> dict[str, str]:
        """Return what pygeoapi read as the parameters that it was read from, so that both ways in are one."""
        names = ",".join(name for name in asked.get("select_properties") or () if name in self._fields)
        wkt, box = asked.get("wkt"), asked.get("bbox")
        written = {
            "datetime": asked.get("datetime_"),
            "parameter-name": names,
            "coords": shapely.to_wkt(wkt, rounding_precision=-1) if wkt is not None else None,
            "bbox": ",".join(map(str, box)) if box else None,
        }
        if form == "radius":
            written |= {"within": asked.get("within"), "within-units": asked.get("within_units")}
        return {name: str(value) for name, value in written.items() if value}
