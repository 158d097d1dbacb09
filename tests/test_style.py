"""Limits of size, and what no committed file may mention."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest
from imports import ROOT, sources

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40


def committed_texts() -> dict[str, str]:
    """Return name → text of every file that git holds and that is text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    contents = {
        name: (ROOT / name).read_bytes()
        for name in listed.stdout.split("\0")
        if (ROOT / name).is_file()
    }
    return {name: data.decode() for name, data in contents.items() if b"\0" not in data}


def test_files_are_short() -> None:
    """No source file is longer than a reader holds in mind."""
    lengths = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for path in sources("bench", "models", "tests")
    }
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    """No function of the bench or its models is longer than a screen."""
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in sources("bench", "models")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def test_no_committed_file_mentions_a_place_of_one_machine() -> None:
    """Neither this checkout's folder nor anybody's home stands in a committed file."""
    homes = r"/(?:home|Users)/\w+|/root"
    place = re.compile(rf"(?<![\w.:/-])(?:{re.escape(str(ROOT))}|{homes})(?=/)")
    wrong = {name for name, text in committed_texts().items() if place.search(text)}
    assert wrong == set()
