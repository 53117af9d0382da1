"""No text from outside can make an expression work for longer than its length allows: one that takes the square of it on
40,000 characters stands still for half a minute, and everybody with it."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

import bot
import channels
import core

LENGTH: Final = 20_000
"""Characters, half of what a platform lets through. What is linear takes milliseconds for them, what takes the square of it
several seconds."""
CPU: Final = 1.0
"""Seconds of processor time that one search may take: never the clock on the wall."""
PUMPS: Final = (
    " ", "\n", "\t ", "1", "1,", "1.", "1 ", "a", "a ", "ab", "A", "-", "_", ".", ",", "t-", "T-1", "<", "<@", "@", "#", "&",
    "[", "](", "(", ")", "*", "```", "~", "|", "!", "$", "US$", "/", "//", "http://", "a.", "a@", "+1 ", ":a", ":", ": ",
    "漢", "あ", "ア", "千", "萬", "元", "円", "。", "、", "é", "🔥", "\u200b", "\u00a0", "\u3000", '"', "'", "\\", "{", "}", "=",
)  # fmt: skip
"""What texts are filled with, besides the characters of the expression itself."""
FUNCTIONS: Final = frozenset(
    {"compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
)


def expressions() -> dict[str, re.Pattern[str]]:
    """Every expression of the service, by where it stands: compiled ones and those that stand in a call."""
    found: dict[str, re.Pattern[str]] = {}
    for package in (core, channels, bot):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith(("__main__", ".worker")):
                continue
            loaded = importlib.import_module(module.name)
            for name, value in vars(loaded).items():
                if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                    found[f"{module.name}.{name}"] = value
            source = Path(str(loaded.__file__)).read_text(encoding="utf-8")
            for line, text, flags in _calls(ast.parse(source)):
                found[f"{module.name}:{line}"] = re.compile(text, flags)
    return found | dict(_of_the_engine())


def _calls(tree: ast.AST) -> Iterator[tuple[int, str, int]]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in FUNCTIONS
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and isinstance(node.args[0].value, str)
        ):
            flags = [
                one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute) and one.attr.isupper()
            ]
            yield node.lineno, node.args[0].value, sum(int(getattr(re, one)) for one in flags)


def _of_the_engine() -> Iterator[tuple[str, re.Pattern[str]]]:
    """Those that are built from data: places, concepts, orders."""
    from bot.settings import DATA
    from core.company.loader import load_company
    from core.triage.offline import OfflineEngine

    seen: set[int] = set()
    todo: list[tuple[str, Any]] = [("engine", OfflineEngine(load_company(DATA / "company")))]
    while todo:
        name, value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, re.Pattern):
            yield name, value
        elif isinstance(value, dict):
            todo += [(f"{name}.{key}"[:80], one) for key, one in value.items()]
        elif isinstance(value, list | tuple):
            todo += [(f"{name}[{at}]", one) for at, one in enumerate(value[:2000])]
        elif hasattr(value, "__dict__") and type(value).__module__.startswith("core."):
            todo += [(f"{name}.{key}", one) for key, one in vars(value).items()]
        elif hasattr(value, "__slots__"):
            todo += [(f"{name}.{key}", getattr(value, key, None)) for key in value.__slots__]


class TooLong(Exception):
    pass


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise TooLong


def slow_ones() -> Iterator[str]:
    """Expression and filling, for each that takes too long."""
    signal.signal(signal.SIGPROF, _stop)
    distinct = {(one.pattern, one.flags): name for name, one in expressions().items()}
    for (pattern, flags), name in distinct.items():
        expression = re.compile(pattern, flags)
        own = dict.fromkeys(char for char in pattern[:300] if char.isalnum())
        for pump in dict.fromkeys([*PUMPS, *list(own)[:10]]):
            text = "done" + pump * (LENGTH // len(pump)) + "\x00x"
            try:
                signal.setitimer(signal.ITIMER_PROF, CPU)
                for _ in expression.finditer(text):
                    pass
                signal.setitimer(signal.ITIMER_PROF, 0)
            except TooLong:
                yield f"{name} over {pump!r}"
                break


@pytest.mark.long
def test_no_expression_takes_more_than_its_length() -> None:
    # In a process of its own: every module of the house is imported, with what draws and what hears.
    code = """
from tests.core.test_expressions import expressions, slow_ones
for one in slow_ones(): print(one)
print(len(expressions()) > 60)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
