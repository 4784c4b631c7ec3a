"""Write the pages of the documentation that are made from the code: settings, command line, manifests, layers.

``python docs/generate.py`` rewrites them; a test fails when one is out of date.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from twin import registry
from twin.cli import cli
from twin.ingest import manifest
from twin.settings import ENVIRONMENT_PREFIX, Settings

HERE = Path(__file__).parent
_WORDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}
type Schema = dict[str, Any]


def settings_page() -> str:
    """Return the page of ``config.yml``, from the JSON Schema of the settings."""
    schema = Settings.model_json_schema()
    top, sections = {}, {}
    for name, value in schema["properties"].items():
        reference = value.get("$ref")
        if reference:
            sections[name] = schema["$defs"][_target(reference)]
        else:
            top[name] = value
    lines = [
        "# Settings",
        "Everything that an operator may choose is in `config.yml`, in the folder where `twin` runs, or in the file",
        "that `--config` names. Each key has a default: an empty file is a whole configuration. A key that is not",
        "here is refused by its name.",
        "",
        "A variable of the environment goes over the file: its name is told beside the key, and its value is read as",
        "YAML. A variable with the prefix that is no setting is refused, as a key of the file is.",
        "",
        "```sh",
        f"{ENVIRONMENT_PREFIX}SERVER__PORT=9000 twin serve",
        "```",
        "",
        "The same as JSON Schema, for an editor: `python -c 'import json, twin.settings as s; "
        "print(json.dumps(s.Settings.model_json_schema()))'`.",
        "",
        "## Top level",
        "",
        *_table(top, schema, variable=f"{ENVIRONMENT_PREFIX}{{}}"),
    ]
    for name, section in sections.items():
        variable = f"{ENVIRONMENT_PREFIX}{name.upper()}__{{}}"
        lines += [f"## `{name}`", _prose(section), "", *_table(section["properties"], schema, variable=variable)]
    for name in ("AccessKey", "LayerSettings"):
        item = schema["$defs"][name]
        lines += [f"## {name}", _prose(item), "", *_table(item["properties"], schema), ""]
    lines.pop()
    return _page(lines, "twin/settings.py")


def cli_page() -> str:
    """Return the page of the command line, from the Typer application."""
    group: Any = typer.main.get_command(cli)
    lines = [
        "# Command line",
        group.help,
        "",
        "Every command works whether a server runs or not. An error is one line that says what to do; the exit status",
        "is 2 for bad input, 1 for a fault, 0 otherwise.",
        "",
    ]
    for name, command in group.commands.items():
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        options = [each for each in command.params if each.param_type_name == "option"]
        usage = " ".join([f"twin {name}", *map(_argument, arguments), *(["[options]"] if options else [])])
        lines += [f"## `{usage}`", command.help, ""]
        lines += [f"- `{_argument(each)}`: {each.help}" for each in arguments if each.help]
        lines += [f"- `{_option(each)}`: {each.help}{_otherwise(each)}" for each in options]
        lines.append("")
    return _page(lines, "twin/cli.py")


def manifest_page() -> str:
    """Return the page of dataset manifests, from their model and the example of its module."""
    schema = manifest.Manifest.model_json_schema()
    module = manifest.__doc__ or ""
    prose, example = module.split("::\n", 1)
    code, after = re.split(r"\n(?=\S)", example.strip("\n"), maxsplit=1)
    lines = [
        "# Dataset manifests",
        *_plain(prose + ".").splitlines()[2:],
        "",
        "```yaml",
        *(line.removeprefix("    ") for line in code.splitlines()),
        "```",
        "",
        *_plain(after).splitlines(),
        "",
        "`twin check` reads every manifest and says what is wrong; `twin ingest --dry-run` reads the files too.",
        "An unknown key is refused by its name. Rows that cannot be read go to a quarantine file, each with its",
        "reason; the rest is kept. The folders of `datasets/` are real ones.",
        "",
        "## The manifest",
        _prose(schema),
        "",
        *_table(schema["properties"], schema),
    ]
    for name, definition in schema["$defs"].items():
        if _has_section(definition):
            lines += [f"## {name}", _prose(definition), "", *_table(definition["properties"], schema)]
    return _page(lines, "twin/ingest/manifest.py")


def built_in_layers_page() -> str:
    """Return the page of the layers that Jumeau brings, from their declarations and parameters."""
    lines = [
        "# Layers that Jumeau brings",
        "`twin derive` computes those that `layers` of `config.yml` names, each with the parameters below; what is not",
        "given keeps its default. A layer of your own is [one file](layers.md).",
        "",
    ]
    for name in (
        "built_fraction",
        "urban_morphology",
        "local_climate_zones",
        "quality_control",
        "heat_island",
        "heat_waves",
        "heat_map",
        "forecast",
        "thermal_comfort",
        "air_quality_daily",
        "air_quality_index",
        "air_quality_exceedances",
        "air_quality_map",
    ):
        layer = registry.load(registry.LAYERS, name)
        schema = layer.parameters.model_json_schema()
        lines += [f"## `{name}`: {layer.title.en}", _plain(inspect.getdoc(layer) or ""), ""]
        lines += _table(schema["properties"], schema)
        for part, definition in schema.get("$defs", {}).items():
            if _has_section(definition):
                lines += [f"### {part}", _prose(definition), "", *_table(definition["properties"], schema)]
    return _page(lines, "layers/")


PAGES: dict[str, Callable[[], str]] = {
    "built_in_layers.md": built_in_layers_page,
    "settings.md": settings_page,
    "cli.md": cli_page,
    "manifest.md": manifest_page,
}


def _page(lines: list[str], source: str) -> str:
    head, *rest = lines
    text = "\n".join([head, "", f"<!-- Made by docs/generate.py from {source}: edit that. -->", "", *rest])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _table(properties: dict[str, Schema], schema: Schema, variable: str = "") -> Iterator[str]:
    """Yield a table of keys; its last columns only where some key has them."""
    described = any("description" in value for value in properties.values())
    head = ["key", "type", "default", *(["meaning"] if described else []), *(["variable"] if variable else [])]
    yield _row(head)
    yield _row(["---"] * len(head))
    for name, value in properties.items():
        default = "*required*" if "default" not in value else _standing(value)
        cells = [f"`{name}`", _type(value, schema), default]
        if described:
            cells.append(value.get("description", ""))
        if variable:
            cells.append(f"`{variable.format(name.upper())}`")
        yield _row(cells)
    yield ""


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _standing(value: Schema) -> str:
    if "$ref" in value and isinstance(value["default"], dict):
        return "its own"
    return "none" if value["default"] is None else f"`{_default(value['default'])}`"


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_default(each) for each in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_default(each)}' for key, each in value.items() if each not in ({}, None))}}}"
    return str(value) if value != "" else '""'


def _type(value: Schema, schema: Schema) -> str:
    kind = value.get("type")
    if "$ref" in value:
        name = _target(value["$ref"])
        definition = schema["$defs"][name]
        text = f"[{name}](#{name.lower()})" if _has_section(definition) else _type(definition, schema)
    elif "anyOf" in value:
        text = " or ".join(dict.fromkeys(_type(each, schema) for each in value["anyOf"] if each.get("type") != "null"))
    elif "enum" in value:
        text = " or ".join(f"`{each}`" for each in value["enum"])
    elif kind == "array":
        text = f"list of {_type(value['items'], schema)}" if "items" in value else "list"
    elif kind == "object":
        inner = value.get("additionalProperties") or next(iter(value.get("patternProperties", {}).values()), None)
        text = f"mapping of names to {_type(inner, schema)}" if isinstance(inner, dict) else "mapping"
    else:
        text = str(value.get("format") or _WORDS.get(str(kind), "any value"))
    return text


def _has_section(definition: Schema) -> bool:
    return "properties" in definition


def _target(reference: str) -> str:
    return reference.rsplit("/", 1)[-1]


def _prose(definition: Schema) -> str:
    return _plain(definition.get("description", ""))


def _plain(text: str) -> str:
    """Return a docstring as Markdown."""
    text = re.sub(r":\w+:`~?([^`]+)`", lambda found: f"`{found[1]}`", text)
    return text.replace("``", "`")


def _argument(parameter: Any) -> str:  # noqa: ANN401 - a Click parameter
    name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _option(parameter: Any) -> str:  # noqa: ANN401 - a Click parameter
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag else f"{names} {parameter.name.upper()}"


def _otherwise(parameter: Any) -> str:  # noqa: ANN401 - a Click parameter
    return "" if parameter.default in (None, False, "") else f" Default: `{_default(parameter.default)}`."


if __name__ == "__main__":
    for file, page in PAGES.items():
        (HERE / file).write_text(page(), "utf-8")
