"""Which objects were edited by hand: no source has a say in them any more (decision 014)."""

from __future__ import annotations

from twin.store.embedded.engine import Cursor, one
from twin.store.embedded.sql import text


def untouched(collection: str, alias: str) -> str:
    """Return the SQL condition that no edit was made of the object of a row."""
    return f"{alias}.id NOT IN (SELECT id FROM main.edited WHERE collection = {text(collection)})"


def set_aside(cursor: Cursor, collection: str) -> None:
    """Take out of what is staged the objects that were edited; :func:`kept` then counts them."""
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE aside AS "
        f"SELECT DISTINCT id FROM staged WHERE NOT ({untouched(collection, 'staged')})"
    )
    cursor.execute("DELETE FROM staged WHERE id IN (SELECT id FROM aside)")


def kept(cursor: Cursor) -> int:
    """Return how many objects the last :func:`set_aside` took out."""
    return int(one(cursor, "SELECT count(*) FROM aside")[0])
