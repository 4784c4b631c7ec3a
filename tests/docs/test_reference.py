"""The pages made from the code are up to date, and leave nothing undocumented."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
import yaml

from twin.cli import cli
from twin.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generator = _generator()


@pytest.mark.parametrize("name", sorted(generator.PAGES))
def test_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == generator.PAGES[name](), "run: python docs/generate.py"


def test_every_setting_says_what_it_is() -> None:
    schema: dict[str, Any] = Settings.model_json_schema()
    silent = []
    for name, section in [("", schema), *schema["$defs"].items()]:
        for key, value in section["properties"].items():
            if "description" not in value and "$ref" not in value:
                silent.append(f"{name}.{key}")
    assert silent == []
    assert all(section.get("description") for section in schema["$defs"].values())


def test_every_command_and_parameter_says_what_it_is() -> None:
    group: Any = typer.main.get_command(cli)
    silent = [name for name, command in group.commands.items() if not command.help]
    silent += [
        f"{name} {parameter.name}"
        for name, command in group.commands.items()
        for parameter in command.params
        if not parameter.help
    ]
    assert silent == []


def test_the_configuration_of_the_repository_names_every_section() -> None:
    given = yaml.safe_load((DOCS.parent / "config.yml").read_text("utf-8"))
    assert set(given) <= set(Settings.model_fields)
    Settings.model_validate(given)


def test_every_page_of_the_documentation_links_to_what_exists() -> None:
    pages = [*DOCS.rglob("*.md"), *(DOCS.parent / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []
