"""Sizes that keep code readable: a fact about the whole, and a ceiling for each part."""

import ast
from statistics import median

import pytest

from tests.conftest import REPOSITORY

PACKAGES = ("app", "models", "clients/python/src")
MODULES = [path for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))]
FUNCTIONS = [
    (f"{path.relative_to(REPOSITORY)}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
    for path in MODULES
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]


class TestModules:
    def test_half_have_at_most_120_lines(self):
        assert median(len(path.read_text().splitlines()) for path in MODULES) <= 120

    @pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
    def test_none_has_more_than_400_lines(self, path):
        assert len(path.read_text().splitlines()) <= 400


class TestFunctions:
    def test_half_have_at_most_12_lines(self):
        assert median(length for _, length in FUNCTIONS) <= 12

    def test_none_has_more_than_60_lines(self):
        assert [name for name, length in FUNCTIONS if length > 60] == []
