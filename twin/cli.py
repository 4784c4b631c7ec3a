"""The command line: ``twin``.

Errors are one line that says what to do. The exit status is 2 for bad input, 1 for a fault.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from twin import settings as configuration
from twin.errors import BadInput, TwinError
from twin.settings import Settings

cli = typer.Typer(
    name="twin",
    help="Jumeau, an open 4D city twin: read a city's data, derive its layers, serve them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

type Progress = Callable[[str, int, int], None]

_Config = Annotated[Path | None, typer.Option("--config", help="Settings file; config.yml of this folder by default.")]
_Manifests = Annotated[list[Path], typer.Argument(help="Manifests, or folders that hold a manifest.yml.")]
_Data = Annotated[Path | None, typer.Option("--data", help="Folder from which the manifests name their files.")]


@cli.command()
def demo(
    config: _Config = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    scale: Annotated[float, typer.Option(min=0.01, max=1, help="Size of the city, 1 for the whole of it.")] = 1.0,
    serve: Annotated[bool, typer.Option(help="Serve when the city is ready.")] = True,
) -> None:
    """Make the demo city, read it as any other data, derive its layers, and serve it."""
    from twin import demo as city
    from twin import pipeline
    from twin.app import open_twin
    from twin.app import serve as serve_app

    settings = _settings(config, port)
    folder = settings.store.folder / "demo"
    city.write(folder, scale)
    with open_twin(settings, serve=serve) as twin:
        with _progress() as progress:
            for manifest in city.manifests(folder):
                _say(pipeline.ingest(twin, manifest, progress=progress).lines())
            for layer in settings.layers:
                _say(pipeline.derive(twin, layer.layer, layer.parameters, progress=progress).lines())
        if serve:
            _say(twin.access.remarks(twin.store))
            serve_app(twin, _announce)


@cli.command()
def ingest(
    manifests: _Manifests,
    config: _Config = None,
    data: _Data = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and check everything, change nothing.")] = False,
) -> None:
    """Read datasets into the twin, as their manifests describe them."""
    from twin import pipeline
    from twin.app import open_twin

    settings = _settings(config, data=data)
    with open_twin(settings) as twin, _progress() as progress:
        for manifest in manifests:
            _say(pipeline.ingest(twin, _manifest_file(manifest), dry_run=dry_run, progress=progress).lines())


@cli.command()
def derive(
    layers: Annotated[list[str] | None, typer.Argument(help="Layers; all of the settings by default.")] = None,
    config: _Config = None,
) -> None:
    """Compute the layers of the settings from what the store holds."""
    from twin import pipeline
    from twin.app import open_twin

    settings = _settings(config)
    configured = {layer.layer: layer.parameters for layer in settings.layers}
    with open_twin(settings) as twin, _progress() as progress:
        for name in layers or list(configured):
            _say(pipeline.derive(twin, name, configured.get(name, {}), progress=progress).lines())


@cli.command()
def serve(config: _Config = None, port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None) -> None:
    """Serve the twin: the page, the OGC API, the exports."""
    from twin.app import open_twin
    from twin.app import serve as serve_app

    settings = _settings(config, port)
    with open_twin(settings, serve=True) as twin:
        _say(twin.access.remarks(twin.store))
        serve_app(twin, _announce)


@cli.command()
def export(
    collection: Annotated[str, typer.Argument(help="Collection to write.")],
    target: Annotated[Path, typer.Argument(help="File to write: .gpkg, .parquet or .csv.")],
    config: _Config = None,
    bbox: Annotated[str | None, typer.Option(help="xmin,ymin,xmax,ymax")] = None,
    bbox_crs: Annotated[str, typer.Option(help="CRS of the bbox.")] = "OGC:CRS84",
    datetime: Annotated[str | None, typer.Option(help="Instant, date, or start/end with .. for an open side.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of the file; that of the store by default.")] = None,
    lang: Annotated[
        str, typer.Option(help="Language of titles, fr or en; fr also writes CSV as French tools do.")
    ] = "fr",
) -> None:
    """Write a collection, or the part of it in a box and a span of time, to a file."""
    from twin import export as exports
    from twin.app import open_twin
    from twin.crs import BBox
    from twin.store import OPERATOR
    from twin.time import TimeSpan

    selection = exports.Selection(
        bbox=BBox.parse(bbox, bbox_crs) if bbox else None,
        time=TimeSpan.parse(datetime) if datetime else None,
        crs=crs,
        language="en" if lang.startswith("en") else "fr",
    )
    with open_twin(_settings(config)) as twin:
        rows = exports.export(twin.store, collection, selection, target, OPERATOR)
    typer.echo(f"{target}: {rows:,} rows of {collection}.")


@cli.command()
def status(config: _Config = None) -> None:
    """Tell what the twin holds, who owns it, and what was done last."""
    from twin.app import open_twin
    from twin.store import OPERATOR
    from twin.time import iso

    settings = _settings(config)
    with open_twin(settings) as twin:
        facts = twin.store.catalogue.describe()
        typer.echo(f"{settings.city.name}: {settings.store.folder}, " + ", ".join(f"{k} {v}" for k, v in facts.items()))
        for item in twin.store.catalogue.collections(OPERATOR):
            updated = iso(item.updated.replace(microsecond=0)) if item.updated else "never"
            typer.echo(f"  {item.id:24} {item.kind:11} {item.count:>12,}  revision {item.revision:<4} {updated}")
        typer.echo("Last runs:")
        for run in twin.store.catalogue.runs(limit=10):
            started = iso(run.started.astimezone(UTC).replace(microsecond=0))
            left = f", {run.quarantined:,} quarantined" if run.quarantined else ""
            typer.echo(f"  {started}  {run.kind:7} {run.name:32} {run.rows:>12,} rows{left}")


@cli.command()
def check(
    manifests: Annotated[list[Path] | None, typer.Argument(help="Manifests; all by default.")] = None,
    config: _Config = None,
    data: _Data = None,
) -> None:
    """Check the settings and the manifests, all of the manifests folder by default; change nothing."""
    from twin.app import open_twin
    from twin.ingest.manifest import Manifest

    settings = _settings(config, data=data)
    found = manifests or sorted(settings.manifests.glob("*/manifest.yml"))
    wrong = 0
    for path in found:
        try:
            manifest = Manifest.load(_manifest_file(path))
            typer.echo(f"{path}: {manifest.dataset}, {len(manifest.parts)} part(s), no fault found.")
        except BadInput as error:
            wrong += 1
            typer.echo(str(error), err=True)
    if settings.store.folder.is_dir():
        with open_twin(settings) as twin:
            _say(twin.access.remarks(twin.store))
    typer.echo(f"Settings: no fault found. Manifests: {len(found) - wrong} good, {wrong} wrong.")
    if wrong:
        raise typer.Exit(2)


@cli.command()
def remove(
    collection: Annotated[str, typer.Argument(help="Collection to take out of what is published.")],
    config: _Config = None,
    history: Annotated[bool, typer.Option("--history", help="Erase its data too, for ever.")] = False,
) -> None:
    """Unpublish a collection; its history is kept unless told."""
    from twin.app import open_twin

    with open_twin(_settings(config)) as twin:
        twin.store.remove(collection, history=history)
    typer.echo(f"{collection} is no longer published; its history is {'erased' if history else 'kept'}.")


@cli.command()
def backup(target: Annotated[Path, typer.Argument(help="File to write.")], config: _Config = None) -> None:
    """Copy the whole data folder, consistent, into one file, while it is in use or not."""
    from twin.app import open_twin

    with open_twin(_settings(config)) as twin:
        twin.store.backup(target.resolve())
    typer.echo(f"{target}: {target.stat().st_size / 1e6:,.1f} MB.")


@cli.command()
def restore(
    archive: Annotated[Path, typer.Argument(help="A file that `twin backup` wrote.")], config: _Config = None
) -> None:
    """Make the data folder from a backup; the folder must be empty or absent."""
    from twin.store.embedded import restore as restore_archive

    settings = _settings(config)
    restore_archive(archive, settings.store.folder)
    typer.echo(f"{settings.store.folder} is restored from {archive}.")


@cli.command()
def key(
    name: Annotated[str, typer.Argument(help="Who bears it, as the record of edits names them.")],
    scope: Annotated[
        list[str], typer.Option(help="collection:verb,verb; verbs read, create, replace, update, delete; * is all.")
    ],
) -> None:
    """Make a key, show its token once, and print the lines to paste into config.yml."""
    from twin.access import described_key, new_token

    token = new_token()
    _say(
        [
            "# The token, shown this once; send it as a bearer token, or as the password of the user of that name:",
            f"# {token}",
            *described_key(name, scope, token),
        ]
    )


def _settings(config: Path | None, port: int | None = None, data: Path | None = None) -> Settings:
    settings = configuration.load(config)
    if port is not None:
        settings = settings.model_copy(update={"server": settings.server.model_copy(update={"port": port})})
    if data is not None:
        settings = settings.model_copy(update={"data": data})
    return settings


def _announce(url: str) -> None:
    typer.echo(f"Serving at {url}/ - stop with Ctrl-C.")
    sys.stdout.flush()


def _manifest_file(path: Path) -> Path:
    return path / "manifest.yml" if path.is_dir() else path


def _say(lines: list[str]) -> None:
    for line in lines:
        typer.echo(line)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a bar on a terminal, and a plain line a task elsewhere."""
    if not sys.stderr.isatty():
        seen: set[str] = set()

        def line(task: str, _done: int, _total: int) -> None:
            if task not in seen:
                seen.add(task)
                typer.echo(task, err=True)

        yield line
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def bar(task: str, done: int, total: int) -> None:
            if task not in tasks:
                tasks[task] = bars.add_task(task, total=total or None)
            bars.update(tasks[task], completed=done, total=total or None)

        yield bar


def main() -> None:
    """Run the command line; an error is one line, never a stack trace."""
    try:
        cli()
    except BadInput as error:
        typer.echo(f"twin: {error}", err=True)
        sys.exit(2)
    except TwinError as error:
        typer.echo(f"twin: {error}", err=True)
        sys.exit(1)
