"""A commit of edits: a version made, or ended, by hand."""

from __future__ import annotations

from pathlib import Path

from twin.errors import BadInput, Conflict, NotFound, Outdated
from twin.model import Collection
from twin.store.commits import Edit
from twin.store.embedded import feature_commit
from twin.store.embedded.engine import Cursor
from twin.store.embedded.features import table
from twin.store.embedded.sql import naive, quote, text
from twin.time import iso

#: Source of the objects that an edit created.
SOURCE = "edit"
#: An unknown start of life is before any other; of two versions that start together, the later row is the last.
_LAST_FIRST = 'ORDER BY valid_from DESC NULLS LAST, "row" DESC'


def apply(cursor: Cursor, collection: Collection, edit: Edit, files: list[Path], revision: int) -> None:
    """Make one edit of a collection.

    Raises
    ------
    NotFound
        When the object that the editor saw is not there.
    Outdated, Conflict
        When it has changed since; when a new object is known already, or the object has ended.
    BadInput
        When the version to come cannot be stored.
    """
    name, now = collection.id, naive(edit.at)
    last = cursor.execute(
        f'SELECT "row", valid_from, valid_to, source FROM {table(name)} '
        f"WHERE revision_to IS NULL AND id = ? {_LAST_FIRST} LIMIT 1",
        [edit.id],
    ).fetchone()
    deleted = cursor.execute("SELECT deleted FROM edited WHERE collection = ? AND id = ?", [name, edit.id]).fetchone()
    if edit.row is None:
        if last is not None or deleted is not None:
            raise Conflict(f"{name} has, or had, an object {edit.id!r} already: change that one, or choose another id.")
    elif last is None or (deleted is not None and deleted[0]):
        raise NotFound(f"The collection {name!r} has no item {edit.id!r}.")
    elif last[0] != edit.row:
        raise Outdated(f"{edit.id!r} of {name} has been changed since it was read: read it again, then edit it.")
    elif last[2] is not None and last[2] <= now:
        ended = iso(feature_commit.aware(last[2]))
        raise Conflict(f"The life of {edit.id!r} of {name} ended on {ended}: what is no more cannot be edited.")
    if last is not None:
        _end(cursor, name, last, edit, revision)
    if edit.file is not None:
        _begin(cursor, collection, edit, files, last[3] if last is not None else SOURCE, revision)
    cursor.execute(
        "INSERT INTO edited VALUES (?, ?, ?) ON CONFLICT (collection, id) DO UPDATE SET deleted = excluded.deleted",
        [name, edit.id, edit.file is None],
    )


def _end(cursor: Cursor, name: str, last: tuple[object, ...], edit: Edit, revision: int) -> None:
    """Give the last version its end, as a row of its own: a row never changes, so that revisions stay readable."""
    row, start = last[:2]
    now = naive(edit.at)
    cursor.execute(f'UPDATE {table(name)} SET revision_to = ? WHERE "row" = ?', [revision, row])
    if start is None or start < now:  # type: ignore[operator]
        cursor.execute(
            f"INSERT INTO {table(name)} BY NAME SELECT * REPLACE (?::TIMESTAMP AS valid_to, "
            f"nextval('feature_row') AS \"row\", {int(revision)} AS revision_from, NULL::BIGINT AS revision_to) "
            f'FROM {table(name)} WHERE "row" = ?',
            [now, row],
        )


def _begin(cursor: Cursor, collection: Collection, edit: Edit, files: list[Path], source: str, revision: int) -> None:
    """Add the version to come."""
    name = collection.id
    feature_commit.stage(cursor, collection, files)
    found = cursor.execute("SELECT id FROM staged").fetchall()
    if found != [(edit.id,)]:
        raise BadInput(f"{name}: an edit of {edit.id!r} stages that one feature; there are {len(found)}.")
    cursor.execute(
        f"INSERT INTO {table(name)} BY NAME SELECT *, nextval('feature_row') AS {quote('row')}, "
        f"{text(source)} AS source, {int(revision)} AS revision_from FROM staged"
    )
