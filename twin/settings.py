"""The settings: ``config.yml``, then environment variables ``TWIN_A__B`` over it.

Settings are read when asked for, never at import. An unknown key is refused by its name, so that a
misspelt one cannot be passed over in silence. The JSON Schema is ``Settings.model_json_schema()``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from twin.crs import normalise
from twin.errors import BadInput, BadSettings, foremost

ENVIRONMENT_PREFIX = "TWIN_"


class Section(BaseModel):
    """Base of the sections: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class City(Section):
    """The city that this twin is of."""

    name: str = Field("Aigues-Claires", description="Name shown to the public.")
    crs: str = Field("EPSG:2154", description="Projected CRS in which everything is stored.")
    time_zone: str = Field("Europe/Paris", description="IANA zone in which the public reads times.")
    department: str | None = Field(None, description="Code of the département, e.g. '34' (heat-wave thresholds).")
    areas: str | None = Field(
        "communes",
        description="Collection of the polygons by whose names coverages are asked (EDR locations); null: by none.",
    )
    geoid_height: float = Field(
        0.0, description="Height of the vertical datum above the ellipsoid, in metres (about 48 in France)."
    )

    @field_validator("crs")
    @classmethod
    def _known_crs(cls, value: str) -> str:
        return normalise(value)


class StoreSettings(Section):
    """Where the data lives."""

    engine: str = Field("duckdb", description="Entry point of group jumeau.stores.")
    folder: Path = Field(Path("var"), description="The data folder: all the state of the twin.")


class Server(Section):
    """How the service is reached."""

    host: str = Field("127.0.0.1", description="Address to listen on; loopback unless changed.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="Port to listen on; 0 for any free one.")
    public_url: str | None = Field(
        None, description="Address that the public uses, with its prefix if any; links are made from it alone."
    )
    trusted_proxies: tuple[str, ...] = Field((), description="Addresses whose forwarding headers are believed.")
    cors_origins: tuple[str, ...] = Field(("*",), description="Origins whose pages may read the service.")
    cors_write_origins: tuple[str, ...] = Field(
        (), description="Origins whose pages may also write, with a key; each in full, such as https://ville.example."
    )

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("write a whole address, such as https://ville.example/jumeau")
        return value.rstrip("/")

    @property
    def url(self) -> str:
        """Root of every link, without a trailing slash."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - a comparison
        return self.public_url or f"http://{host}:{self.port}"


class Bounds(Section):
    """The largest answers; a request beyond one is refused with the bound in its message."""

    items: Annotated[int, Field(ge=1)] = Field(10_000, description="Features in one page.")
    values: Annotated[int, Field(ge=1)] = Field(2_000_000, description="Values in one EDR answer.")
    aggregated_values: Annotated[int, Field(ge=1)] = Field(
        50_000_000, description="Values that one EDR answer may be an aggregate of."
    )
    rows: Annotated[int, Field(ge=1)] = Field(
        200_000, description="Rows, one for each place and instant, of one EDR answer in CSV or GeoJSON."
    )
    vertices: Annotated[int, Field(ge=2)] = Field(10_000, description="Vertices of a geometry asked of EDR.")
    area: Annotated[float, Field(gt=0)] = Field(
        50_000.0, description="Square kilometres of a geometry asked of EDR, its buffer included."
    )
    export_rows: Annotated[int, Field(ge=1)] = Field(5_000_000, description="Rows in one export over HTTP.")
    body: Annotated[int, Field(ge=1)] = Field(5_000_000, description="Bytes of a feature sent to be written.")


Verb = Literal["read", "create", "replace", "update", "delete"]

#: Name, in the scopes of a key, of every collection.
EVERY = "*"


class AccessKey(Section):
    """One key: who bears it, and what it opens."""

    name: str = Field(
        description="Who bears it, as the record of edits names them; the user name of basic authentication."
    )
    hash: str = Field(
        description="`sha256:` and the SHA-256 of the token, as `twin key` prints it.", pattern=r"^sha256:[0-9a-f]{64}$"
    )
    scopes: dict[str, tuple[Verb, ...]] = Field(
        description="Verbs (`read`, `create`, `replace`, `update`, `delete`) by collection; `*` is every collection."
    )

    @field_validator("name")
    @classmethod
    def _sayable(cls, value: str) -> str:
        if not value.strip() or ":" in value or not value.isprintable() or value == "public":
            raise ValueError("a key's name is a word or two, without ':', and not 'public'")
        return value

    def may(self, verb: Verb, collection: str) -> bool:
        """Whether the key opens `collection` for `verb`."""
        return verb in self.scopes.get(collection, ()) or verb in self.scopes.get(EVERY, ())


class AccessSettings(Section):
    """Who may see and change what: reading is public but for what is private, writing takes a key."""

    private: tuple[str, ...] = Field(
        (),
        description="Collections that the public cannot know of. A time series whose objects are all private, or any "
        "where `datastreams` is, is hidden with them; what a layer derives from them is not: name it too.",
    )
    keys: tuple[AccessKey, ...] = Field((), description="Who may read what is private, and who may write.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [key.name for key in self.keys]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two keys are called {min(twice)!r}: a name tells whose edit it was")
        if len({key.hash for key in self.keys}) != len(names):
            raise ValueError("two keys have the same hash: make each with `twin key`")
        for key in self.keys:
            for name in key.scopes:
                if name in self.private and not key.may("read", name):
                    raise ValueError(f"the key {key.name!r} writes {name!r}, which is private: give it `read` too")
        return self


class ComputeSettings(Section):
    """Where heavy work is done."""

    threads: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Threads of this machine; as many as its cores by default."
    )
    scheduler: str | None = Field(
        None,
        description="Address of a Dask scheduler, such as tcp://10.0.0.5:8786, whose workers do it instead.",
        pattern=r"^(tcp|tls)://[^\s/]+:\d+$",
    )


class LayerSettings(Section):
    """One layer to derive, with its parameters."""

    layer: str = Field(description="Entry point of group jumeau.layers.")
    parameters: dict[str, Any] = Field({}, description="What the layer may be told; its own defaults otherwise.")


class Settings(Section):
    """The whole of ``config.yml``."""

    city: City = City()
    store: StoreSettings = StoreSettings()
    server: Server = Server()
    bounds: Bounds = Bounds()
    access: AccessSettings = AccessSettings()
    compute: ComputeSettings = ComputeSettings()
    manifests: Path = Field(Path("datasets"), description="Folder of dataset manifests.")
    data: Path | None = Field(None, description="Folder from which manifests name their files; theirs by default.")
    layers: tuple[LayerSettings, ...] = Field(
        (LayerSettings(layer="built_fraction"), LayerSettings(layer="heat_island")),
        description="Layers derived by `twin derive`, in this order.",
    )


def load(path: Path | None = None) -> Settings:
    """Read the settings.

    Parameters
    ----------
    path
        The file; by default ``config.yml`` of the current folder, when there is one.

    Raises
    ------
    BadSettings
        When the file or a variable holds an unknown key or an unusable value; it is named.
    """
    values: dict[str, Any] = {}
    file = path or Path("config.yml")
    if path is not None and not path.is_file():
        raise BadSettings(f"{path}: there is no such file.")
    if file.is_file():
        try:
            values = yaml.safe_load(file.read_text("utf-8")) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise BadSettings(f"{file}: this is not YAML ({str(error).splitlines()[0]}).") from error
        if not isinstance(values, dict):
            raise BadSettings(f"{file}: a mapping of sections is expected, such as `city:`.")
    variables = _overlay(values, os.environ)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        where, kind, message = foremost(error)
        origin = variables.get(where, str(file))
        if kind == "extra_forbidden":
            raise BadSettings(
                f"{origin}: {where} is not a setting; see docs/settings.md for those there are."
            ) from None
        raise BadSettings(f"{origin}: {where}: {message}.") from None
    except BadInput as error:
        raise BadSettings(f"{file}: {error}") from None


def _overlay(values: dict[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """Lay ``TWIN_SECTION__KEY=value`` (``TWIN_KEY`` outside sections) over the file's values, read as YAML.

    Returns the name of the variable that gave each setting, by its dotted name.
    """
    origins: dict[str, str] = {}
    for name, text in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        *sections, key = path = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        target = values
        for section in sections:
            inner = target.get(section)
            target[section] = target = dict(inner) if isinstance(inner, dict) else {}
        target[key] = yaml.safe_load(text)
        origins[".".join(path)] = name
    return origins
