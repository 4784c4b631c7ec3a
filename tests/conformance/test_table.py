"""Every class declared has its abstract tests here, and every abstract test of it is run."""

from __future__ import annotations

import importlib
from pathlib import Path

from tests.conformance.abstract_tests import CLASSES, SPEC, STANDARDS
from tests.conformance.service import Service


def implemented() -> list[str]:
    modules = [
        importlib.import_module(f"tests.conformance.{path.stem}")
        for path in sorted(Path(__file__).parent.glob("test_*.py"))
    ]
    functions = {
        function for module in modules for function in vars(module).values() if hasattr(function, "pytestmark")
    }
    return [
        identifier
        for function in functions
        for mark in function.pytestmark
        if mark.name == "abstract_test"
        for identifier in mark.args
    ]


def test_every_class_declared_has_its_abstract_tests(service: Service) -> None:
    ours = {one.removeprefix(SPEC) for one in service.conforms_to if one.removeprefix(SPEC).startswith(STANDARDS)}
    assert ours <= set(CLASSES)
    assert {one for one in set(CLASSES) - ours if "features-4/" not in one} == set(), "tested, and not declared"


def test_every_abstract_test_is_one_function() -> None:
    found = implemented()
    assert len(found) == len(set(found))
    listed = {identifier for tests in CLASSES.values() for identifier in tests}
    assert sorted(listed - set(found)) == []
    assert sorted(set(found) - listed) == []
