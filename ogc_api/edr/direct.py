"""Values of coverages answered ahead of routing; the routes answer the rest, and the same bytes."""

from __future__ import annotations

import math
from functools import partial
from time import thread_time

from starlette.responses import Response

from ogc_api.direct import Address, Answer, Reader, TooLong
from ogc_api.edr.query import Form
from ogc_api.edr.question import Question
from ogc_api.edr.service import Edr, query_type
from ogc_api.published import Published
from twin.doors.problems import refusal
from twin.errors import TwinError
from twin.model import Kind

_FORMS: tuple[Form, ...] = ("position", "radius", "area", "cube", "trajectory", "corridor")
#: Seconds of CPU up to which an answer is made between two other requests.
_SHORT = 0.001


class _Prepared:
    """One question, how it is answered to who has the answer already, and how long the answer takes."""

    def __init__(self, question: Question) -> None:
        self._question = question
        question.unchanged()
        self._unchanged: Response = question.asked.not_modified()
        self._tag = self._unchanged.headers["etag"].encode()
        self._takes = math.inf

    def answer(self, view: Published, known: bytes, *, patient: bool) -> Answer:
        """Return the answer: the first time from a thread, since the disk may be asked for it."""
        if known and self._tag in known:
            return _told(self._unchanged)
        if not patient and self._takes > _SHORT:
            raise TooLong
        began = thread_time()
        try:
            response = self._question.answer()
        except TwinError as error:
            response = refusal(error)
        self._takes = min(self._takes, thread_time() - began)
        return _told(response)


def readers(edr: Edr) -> dict[str, Reader]:
    """Return what reads the addresses of each form of query."""
    return {form: partial(_read, edr, form) for form in _FORMS}


def _read(edr: Edr, form: Form, view: Published, address: Address, *, patient: bool) -> _Prepared | None:
    try:
        collection = edr.collection(address.collection, query_type(form), view.principal)
        if address.rest or collection.kind is not Kind.COVERAGE:
            return None
        # A polygon of ten thousand corners takes long to read.
        if not patient:
            raise TooLong
        return _Prepared(Question.read(edr, address.request(), form, collection, view.principal))
    except TwinError:
        return None  # the routes tell why


def _told(response: Response) -> Answer:
    return response.status_code, response.raw_headers, bytes(response.body)
