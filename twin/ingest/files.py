"""The files that a manifest names, found inside its data folder and nowhere else."""

from __future__ import annotations

from pathlib import Path

from twin.errors import BadManifest

_SIDECARS = (".dbf", ".shx", ".prj", ".cpg")


def find(names: tuple[str, ...], folders: list[Path], manifest: Path) -> list[Path]:
    """Return the files of `names` (globs), ordered, from the first of `folders` that has any.

    Raises
    ------
    BadManifest
        When a name matches no file, or one that a link takes out of the folder.
    """
    found: list[Path] = []
    for name in names:
        for folder in folders:
            matches = sorted(path for path in folder.glob(name) if path.is_file())
            if matches:
                break
        else:
            places = " or ".join(str(folder) for folder in folders)
            raise BadManifest(f"{manifest}: no file {name!r} in {places}.")
        for path in matches:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise BadManifest(f"{manifest}: {name!r} leads out of {folder}.")
        found += [path for path in matches if path not in found]
    return found


def with_sidecars(files: list[Path]) -> list[Path]:
    """Return `files` and what belongs to them: a shapefile is several."""
    beside = [
        path
        for file in files
        if file.suffix.lower() == ".shp"
        for path in sorted(file.parent.glob(f"{file.stem}.*"))
        if path.suffix.lower() in _SIDECARS
    ]
    return list(dict.fromkeys([*files, *beside]))
