"""How data enters the twin: ``ingest`` reads a dataset, ``derive`` computes a layer.

Both stage their products as files, then ask the store to commit them in one transaction, with the
record of the run: inputs, parameters, version, time. A run whose fingerprint equals that of the last
run of its name does nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from twin import registry
from twin.context import Twin
from twin.errors import BadData, BadInput, BadManifest
from twin.ingest.files import find, with_sidecars
from twin.ingest.intake import Intake, Notes
from twin.ingest.manifest import Manifest
from twin.ingest.quarantine import Quarantine
from twin.model import Model, Run
from twin.products import Product
from twin.registry import Layer, Source
from twin.staging import Staging
from twin.store import OPERATOR, Commit
from twin.tables import Quality

type Progress = Callable[[str, int, int], None]

_QUARANTINE = "quarantine"


def _silent(task: str, done: int, total: int) -> None:
    """Tell nobody."""


class Report(Model):
    """What a run did.

    ``rows`` counts what each collection was given, ``flagged`` the observations that failed a
    quality test, ``notes`` what was assumed or found in the files. ``revision`` is None when nothing
    was committed: nothing to do, or a dry run.
    """

    name: str
    run: str | None = None
    revision: int | None = None
    rows: dict[str, int] = {}
    changed: tuple[str, ...] = ()
    quarantined: int = 0
    quarantine: Path | None = None
    flagged: dict[str, int] = {}
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return the report as plain sentences."""
        if self.run is None:
            return [f"{self.name}: nothing has changed since the last run, nothing to do."]
        done = "committed" if self.revision is not None else "read and checked, nothing committed"
        out = [f"{self.name}: {done}."]
        out += [f"  {collection}: {count:,} rows" for collection, count in self.rows.items()]
        if self.revision is not None and not self.changed:
            out.append("  the store held all of it already: no new revision.")
        out += [f"  flagged {test}: {count:,} observations" for test, count in self.flagged.items()]
        if self.quarantined:
            out.append(f"  quarantined: {self.quarantined:,} rows, each with its reason in {self.quarantine}")
        return out + [f"  note: {note}" for note in self.notes]


class IngestReport(Report):
    """What an ingest did."""


class DeriveReport(Report):
    """What a derivation did."""


def ingest(twin: Twin, manifest_path: Path, *, dry_run: bool = False, progress: Progress | None = None) -> IngestReport:
    """Read the dataset of a manifest into the twin.

    Parameters
    ----------
    manifest_path
        ``manifest.yml``, or its folder. Its files are looked for in ``settings.data``, then beside it.
    dry_run
        Read, check and stage everything, then commit nothing.
    progress
        Called with a task and how many rows of it are done (the total is not known: 0).

    Raises
    ------
    BadManifest, BadData
        When the manifest is wrong, or a file is not as it says. Nothing is committed.
    """
    manifest = Manifest.load(manifest_path)
    home = manifest_path if manifest_path.is_dir() else manifest_path.parent
    data = twin.settings.data
    folders = [data, home] if data else [home]
    parts = [(part, find(part.files, folders, manifest_path)) for part in manifest.parts]
    inputs = {"manifest.yml": _digest(home / "manifest.yml" if manifest_path.is_dir() else manifest_path)}
    for file in with_sidecars([file for _, files in parts for file in files]):
        inputs[str(file.relative_to(next(folder for folder in folders if file.is_relative_to(folder))))] = _digest(file)
    run = _run(twin, "ingest", manifest.dataset, inputs, {"crs": twin.settings.city.crs}, version("jumeau"))
    if not dry_run and _done(twin, run):
        return IngestReport(name=run.name)
    sheet = twin.settings.store.folder / _QUARANTINE / f"{run.id}.csv"
    notes = Notes()

    def products(scratch: Path) -> Iterable[Product]:
        for number, (part, files) in enumerate(parts):
            source: Source = registry.load(registry.SOURCES, part.source)()
            room = scratch / str(number)
            room.mkdir()
            intake = Intake(twin.settings.city.crs, quarantine, room, notes)
            yield from source.read(manifest, part, files, intake)

    with Quarantine(sheet, manifest.dataset) as quarantine:
        report = _publish(twin, run, products, progress or _silent, quarantine=quarantine, dry_run=dry_run)
    kept_out = {"quarantined": quarantine.rows, "quarantine": sheet if quarantine.rows else None}
    return IngestReport(**{**dict(report), **kept_out, "notes": (*notes.sentences(), *report.notes)})


def derive(
    twin: Twin, layer_name: str, parameters: dict[str, Any], *, progress: Progress | None = None
) -> DeriveReport:
    """Compute the collections of a layer from what the store holds; they replace its former ones.

    Raises
    ------
    BadInput
        When there is no such layer, or a parameter cannot be used; it is named.
    DoesNotApply
        When the layer has nothing to work on.
    """
    layer: Layer = registry.load(registry.LAYERS, layer_name)()
    try:
        chosen = layer.parameters.model_validate(parameters)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"layer {layer_name}, parameter {where}: {first['msg']} (got {first['input']!r}).") from None
    there = {item.id: item.revision for item in twin.store.catalogue.collections(OPERATOR)}
    inputs = {name: str(there.get(name, "absent")) for name in layer.inputs(chosen)}
    former = _former(twin, "derive", layer.name)
    if former is not None:
        inputs |= {name: former.inputs[name] for name in inputs if former.settled.get(name) == there.get(name, -1)}
    # What a layer makes may depend on the city's settings: its zone, its département.
    inputs["config.yml#city"] = twin.settings.city.model_dump_json()
    run = _run(twin, "derive", layer.name, inputs, chosen.model_dump(mode="json"), layer.version)
    if _done(twin, run):
        return DeriveReport(name=run.name)
    report = _publish(twin, run, lambda _: layer.derive(twin, chosen), progress or _silent)
    return DeriveReport(**dict(report))


def _publish(
    twin: Twin,
    run: Run,
    products: Callable[[Path], Iterable[Product]],
    progress: Progress,
    *,
    quarantine: Quarantine | None = None,
    dry_run: bool = False,
) -> Report:
    """Stage products, with quality control where there is a quarantine (that is, of what was measured), and commit."""
    with twin.store.staging(run.id) as folder:
        scratch = folder / "scratch"
        scratch.mkdir()
        staging = Staging(twin, folder, run.name, lambda task, done: progress(f"{run.name}: {task}", done, 0))
        for product in products(scratch):
            staging.add(product)
        staged = staging.finish(quarantine)
        rows = sum(staging.rows.values())
        quarantined = quarantine.rows if quarantine else 0
        empty = [name for name, count in staging.rows.items() if not count]
        if quarantine is not None and quarantined and empty:
            raise BadData(
                f"{run.name}: no row of {', '.join(empty)} could be read, so nothing was committed; "
                f"the reasons are in {quarantine.path}."
            )
        done = run.model_copy(update={"finished": twin.clock(), "rows": rows, "quarantined": quarantined})
        report = Report(
            name=run.name,
            run=run.id,
            rows=staging.rows,
            flagged={test.name.lower(): n for test, n in staging.qualities.items() if test is not Quality.GOOD},
            notes=tuple(staging.notes),
        )
        if dry_run:
            return report
        progress(f"{run.name}: commit", rows, rows)
        receipt = twin.store.commit(Commit(run=done, **staged))
    kept = tuple(
        f"{count:,} object{'s' * (count > 1)} of {name} edited or deleted by hand: the edits stand, what the source "
        "gives of them is set aside."
        for name, count in receipt.edited.items()
    )
    return report.model_copy(
        update={"revision": receipt.revision, "changed": tuple(receipt.changed), "notes": (*report.notes, *kept)}
    )


def _run(
    twin: Twin,
    kind: Literal["ingest", "derive"],
    name: str,
    inputs: dict[str, str],
    parameters: dict[str, Any],
    made_by: str,
) -> Run:
    started = twin.clock()
    content = json.dumps([inputs, parameters, made_by], sort_keys=True, default=str)
    return Run(
        id=f"{started:%Y%m%dT%H%M%S}-{name}-{secrets.token_hex(3)}",
        kind=kind,
        name=name,
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
        inputs=inputs,
        parameters=parameters,
        version=made_by,
        started=started,
    )


def _former(twin: Twin, kind: str, name: str) -> Run | None:
    return next(iter(twin.store.catalogue.runs(name, kind=kind, limit=1)), None)


def _done(twin: Twin, run: Run) -> bool:
    """Whether the last run of that name did the same, and nothing was removed since."""
    former = _former(twin, run.kind, run.name)
    if former is None or former.fingerprint != run.fingerprint:
        return False
    removals = twin.store.catalogue.runs(kind="remove", limit=1)
    return not any(past.started >= former.started for past in removals)


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise BadManifest(f"{file} cannot be read ({error.strerror}).") from None
