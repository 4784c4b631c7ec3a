"""What is put into a store: files that somebody has staged, and what their commit changed."""

from __future__ import annotations

from pydantic import AwareDatetime

from twin.model import Collection, Identifier, Model, Run
from twin.tables import Quality


class StagedFeatures(Model):
    """Parquet files of features that replace all that `source` had given to the collection."""

    collection: Collection
    source: str
    files: tuple[str, ...]


class StagedSeries(Model):
    """Parquet files of datastreams and observations, added to what the store has.

    An observation already held with another result is a correction: the former value stays readable.
    Equal ones change nothing. ``replace`` first takes away all that `source` had given (a derived
    series made anew).
    """

    collection: Collection
    source: str
    datastreams: tuple[str, ...]
    files: tuple[str, ...]
    replace: bool = False


class StagedVerdicts(Model):
    """Parquet files of observations held, each with the quality and the reason that it shall have now.

    Nothing else of them changes, and no former value is made. It is done to what is still current
    with that result, and is GOOD or of the quality ``test``; what failed another test keeps it.
    A later copy of a GOOD observation that a spatial test has flagged here is no correction.

    Attributes
    ----------
    revision
        That of the collection when it was read. When nothing has come since, the run is recorded as
        having settled it (see :class:`~twin.model.Run`).
    """

    collection: Identifier
    test: Quality
    files: tuple[str, ...]
    revision: int


class StagedCube(Model):
    """A folder with ``map.zarr`` and ``series.zarr`` that becomes the collection's new revision.

    :func:`twin.store.write_cube` and :func:`twin.store.write_steps` write one.
    """

    collection: Collection
    source: str
    folder: str


class Edit(Model):
    """One change of one feature by hand: a new version, or the end of its life.

    The version of before stays, ended at ``at``; one that would not have begun by then stays
    readable by its revision alone. An edit wins over the source of its object, for ever: what a
    later commit of features gives of that object is set aside (see :class:`Receipt`).

    Attributes
    ----------
    file
        Parquet file of :func:`twin.tables.feature_schema` that holds the one version to come;
        None ends the life of the object.
    id
        The object.
    row
        The version that the editor saw, which must be the last one still; None for a new object.
    at
        When the edit is made.
    """

    collection: Identifier
    id: str
    row: int | None
    at: AwareDatetime
    file: str | None


class Commit(Model):
    """What one run asks the owner to make visible, all of it or nothing.

    File names are relative to the staging folder of `run`. Committing the same run twice is harmless.
    An edit raises :class:`~twin.errors.Outdated` when the object has another last version than the
    editor saw, and :class:`~twin.errors.Conflict` when a new object is known already.
    """

    run: Run
    features: tuple[StagedFeatures, ...] = ()
    series: tuple[StagedSeries, ...] = ()
    cubes: tuple[StagedCube, ...] = ()
    verdicts: tuple[StagedVerdicts, ...] = ()
    edits: tuple[Edit, ...] = ()


class Receipt(Model):
    """What a commit changed: revision after it, and the collections whose revision grew.

    ``edited`` counts by collection the objects that a source gave and that were set aside, since an
    edit had changed or ended them.
    """

    revision: int
    changed: dict[str, int] = {}
    edited: dict[str, int] = {}
