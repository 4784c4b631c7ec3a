"""One question of EDR, read from its request; it may be answered more than once."""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from ogc_api import answers
from ogc_api.answers import Asked
from ogc_api.edr import formats
from ogc_api.edr.query import EdrQuery, Form, parse
from ogc_api.edr.service import Edr, query_type
from twin import crs as crs_
from twin.errors import BadInput, NoData
from twin.model import Collection
from twin.store import Principal


@dataclass(frozen=True)
class Question:
    """What is asked of a collection, by whom, and how it is to be answered."""

    edr: Edr
    principal: Principal
    collection: Collection
    form: Form
    asked: Asked
    query: EdrQuery

    @classmethod
    def read(cls, edr: Edr, request: Request, form: Form, collection: Collection, principal: Principal) -> Question:
        """Read a request, strictly.

        Raises
        ------
        BadInput, TooLarge
            When a parameter cannot be used, is unknown, or asks past a bound.
        """
        asked = Asked(request, formats.negotiable(form, collection), principal)
        native = asked.format == formats.GEOTIFF
        query = parse(form, asked.parameters, collection, edr.bounds, native=native)
        asked.parameters.done()
        if native and query.aggregation and query.aggregation.area:
            raise BadInput("A GeoTIFF holds a grid, and an aggregate over an area is none: ask CoverageJSON or CSV.")
        return cls(edr, principal, collection, form, asked, query)

    def unchanged(self) -> Response | None:
        """Return a 304 when the client has the answer already; to be asked before :meth:`answer`."""
        # Locations come from other collections: any change may be one of theirs.
        of_all = query_type(self.form) == "locations"
        return self.asked.unchanged(self.edr.version(self.principal) if of_all else self.collection.revision)

    def answer(self) -> Response:
        """Return the answer, which is empty where there are no data."""
        headers = {"Content-Crs": f"<{crs_.uri(self.query.crs)}>"}
        if self.form == "locations":
            url = self.edr.url(self.collection, instance="instance_id" in self.asked.path)
            found = self.edr.locations(self.collection, self.query, self.principal, url, self.asked.language)
            return self.asked.answer(orjson.dumps(found), answers.GEOJSON, headers)
        try:
            if self.form == "location":
                location = self.asked.path["location_id"]
                answer = self.edr.location(location, self.collection, self.query, self.principal)
            else:
                answer = self.edr.values(self.form, self.collection, self.query, self.principal)
        except NoData as error:
            return self.asked.no_content(str(error))
        name = self.asked.format if self.asked.format in formats.FORMATS else formats.COVERAGEJSON
        chosen = formats.FORMATS[name]
        if chosen.ending:
            file = f"{self.collection.id}_{self.form}.{chosen.ending}"
            headers["Content-Disposition"] = f'attachment; filename="{file}"'
        return self.asked.answer(formats.encode(answer, name, self.edr.bounds), chosen.media_type, headers)
