"""docs/PROMISES.md says what is so: each test that it names exists, and each id that the code names stands in it."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "PROMISES.md"
READ: Final = ("*.py", "*.md", "*.js", "*.toml")
SHOWN: Final = re.compile(r"\b(tests/[\w/]+\.py)::(\w+)")
ROW: Final = re.compile(r"^\| ([PBCDWN][0-9]{1,2}) \|", re.MULTILINE)
PAPERS: Final = "WANTED|RELIABILITY|DESIGN|CLIENTS|BRAIN|LOOP-VERBS|PERFORMANCE|LAYOUT|CARDS"
PAPER: Final = re.compile(rf"\b({PAPERS})(\.md|[,:]? (?:[A-Z]?[0-9]+|section|threats|list|cold))")
ID: Final = r"\b[PBCDWN][0-9]{1,2}\b"
NAMING: Final = re.compile(rf"\([^()\"'\n]*{ID}|{ID}[^()\"'\n]* of (?:docs/|\[)PROMISES\.md")
"""An id counts in parentheses and before the page's own name; a Slack room called "C1" does not."""


def functions_in(path: Path) -> set[str]:
    """The names of every function and method."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@cache
def tracked() -> dict[str, str]:
    """What is in the repository, or will be with the next commit: path -> text."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *READ]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("no git repository here")
    names = sorted(name for name in listed.stdout.split("\0") if (ROOT / name).is_file())
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in names}


def test_every_test_that_the_page_names_exists() -> None:
    named: dict[str, set[str]] = {}
    for path, name in SHOWN.findall(PAGE.read_text(encoding="utf-8")):
        named.setdefault(path, set()).add(name)
    assert named
    missing = [
        f"{path}::{name}"
        for path, names in sorted(named.items())
        for name in sorted(names - (functions_in(ROOT / path) if (ROOT / path).is_file() else set()))
    ]
    assert missing == []


def test_the_code_names_no_paper_that_is_not_here_and_no_id_without_a_row() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert len(rows) == len(set(rows)), "each id stands once"
    wrong = []
    for name, text in tracked().items():
        for found in PAPER.finditer(text):
            if found[2] != ".md" or not any(Path(one).name == found[1] + ".md" for one in tracked()):
                wrong.append(f"{name}:{line_of(text, found.start())}: {found[0]}")
        for found in NAMING.finditer(text):
            unknown = sorted(set(re.findall(ID, found[0])) - set(rows))
            wrong += [f"{name}:{line_of(text, found.end())}: {one} has no row" for one in unknown]
    assert wrong == []


def line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
