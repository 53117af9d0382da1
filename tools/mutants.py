"""How much of the pure rules the fast tests hold: `python -m tools.mutants` (make mutants).

Each rule is broken in many small ways, and a test must notice. mutmut breaks what stands in functions; what
it leaves alone, the tables, thresholds and patterns beside them, is broken here: a number a little more or
less, a switch turned round, an element of a table or an alternative of a pattern left out. [tool.mutmut] of
pyproject.toml says which files and which tests."""

from __future__ import annotations

import ast
import importlib.util
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, Final

CORES: Final = os.cpu_count() or 1
PATIENCE: Final = 120
"""Seconds for the tests against one broken table; they take two or three."""
WHOLE: Final = -1
_GROUP: Final = re.compile(r"\(\?(?:[:=!]|<[=!]|P<\w+>)|\(")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")


def without_an_alternative(pattern: str) -> Iterator[tuple[str, str]]:
    """(`pattern` without one of its alternatives, the alternative)."""
    open_groups: list[list[int]] = [[0]]
    closed: list[list[int]] = []
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "[" and (found := _CLASS.match(pattern, at)):
            at = found.end() - 1
        elif found := _GROUP.match(pattern, at):
            open_groups.append([found.end()])
            at = found.end() - 1
        elif pattern[at] == "|":
            open_groups[-1].append(at + 1)
        elif pattern[at] == ")":
            closed.append([*open_groups.pop(), at + 1])
        at += 1
    closed.append([*open_groups.pop(), len(pattern) + 1])
    for starts in closed:
        for number, (start, after) in enumerate(itertools.pairwise(starts)):
            if len(starts) > 2:
                first = start if number == 0 else start - 1
                last = after if number == 0 else after - 1
                yield pattern[:first] + pattern[last:], pattern[start : after - 1]


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Every value below `node` that mutmut leaves alone; keys, subscripts and annotations are none."""
    yield node
    below: list[ast.AST]
    match node:
        case (
            ast.FunctionDef(decorator_list=[])
            | ast.FunctionDef(decorator_list=[ast.Name(id="staticmethod")])
            | ast.Subscript()
            | ast.JoinedStr()
            | ast.Expr(value=ast.Constant())
        ):
            below = []
        case ast.Dict(values=values):
            below = [*values]
        case ast.DictComp(value=value, generators=generators):
            below = [value, *generators]
        case ast.comprehension(iter=source, ifs=conditions):
            below = [source, *conditions]
        case ast.AnnAssign(value=set_to):
            below = [set_to] if set_to else []
        case ast.FunctionDef(body=body) | ast.ClassDef(body=body):
            below = [*body]
        case _:
            below = [*ast.iter_child_nodes(node)]
    for child in below:
        yield from outside_functions(child)


def breakages(tree: ast.Module) -> Iterator[str]:
    """Breaks `tree` in one way after the other and says how; before the next it is whole again."""
    for node in outside_functions(tree):
        match node:
            case ast.Constant(value=bool() as switch):
                yield from _instead(node, [not switch])
            case ast.Constant(value=int() as number):
                yield from _instead(node, [number + 1, number - 1])
            case ast.Constant(value=float() as number):
                yield from _instead(node, [number * 1.1, number * 0.9] if number else [0.1])
            case ast.Constant(value=str() as text):
                for node.value, lost in without_an_alternative(text):
                    yield f"{node.lineno}: without {lost!r}"
                node.value = text
            case ast.Call(func=ast.Name(id="frozenset"), args=[ast.Constant(value=str() as text) as signs]):
                for at, sign in enumerate(text):
                    signs.value = text[:at] + text[at + 1 :]
                    yield f"{signs.lineno}: without {sign!r}"
                signs.value = text
            case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
                for at, element in enumerate([*elements]):
                    del elements[at]
                    yield f"{element.lineno}: without {ast.unparse(element)}"
                    elements.insert(at, element)
            case ast.Dict(keys=keys, values=values):
                for at, (key, value) in enumerate([*zip(keys, values, strict=True)]):
                    del keys[at], values[at]
                    yield f"{value.lineno}: without {ast.unparse(key or value)}"
                    keys.insert(at, key)
                    values.insert(at, value)


def _instead(node: ast.Constant, others: list[Any]) -> Iterator[str]:
    value = node.value
    for node.value in others:
        yield f"{node.lineno}: {node.value!r} instead of {value!r}"
    node.value = value


class Broken(SourceFileLoader):
    """Imports one file with its breakage `number` instead of what is on the disk; whole if there is none."""

    def __init__(self, file: str, number: int) -> None:
        super().__init__(module_of(file), str(Path(file).resolve()))
        self._number = number

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.path, loader=self)

    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(Path(self.path).read_text(encoding="utf-8"))
        for number, _ in enumerate(breakages(tree)):
            if number == self._number:
                break
        return compile(ast.fix_missing_locations(tree), self.path, "exec")


def module_of(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def notices(config: dict[str, Any], file: str, number: int) -> bool:
    """Whether a test that names the file's module fails when it is broken so."""
    tests = config["pytest_add_cli_args_test_selection"]
    own = [one for one in tests if module_of(file) in Path(one).read_text(encoding="utf-8")]
    command = [sys.executable, "-m", "tools.mutants", file, str(number), "-x", *config["pytest_add_cli_args"]]
    command += own or tests
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)  # noqa: S603
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True


def break_tables(config: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """(file, what was broken, whether a test noticed)."""
    broken = [
        (file, number, what)
        for file in config["only_mutate"]
        for number, what in enumerate(breakages(ast.parse(Path(file).read_text(encoding="utf-8"))))
    ]
    for file in config["only_mutate"]:
        if notices(config, file, WHOLE):
            raise SystemExit(f"The tests of {file} fail while it is whole.")
    with ThreadPoolExecutor(CORES) as pool:
        outcomes = pool.map(lambda one: notices(config, one[0], one[1]), broken)
        for done, ((file, _, what), noticed) in enumerate(zip(broken, outcomes, strict=True), 1):
            print(f"\r{done}/{len(broken)} in tables and patterns", end="", file=sys.stderr, flush=True)
            yield file, what, noticed


def break_functions() -> Iterator[tuple[str, str, bool]]:
    """The same by mutmut, from the start: it would not test a survivor again when only a test has changed."""
    shutil.rmtree("mutants", ignore_errors=True)
    run = [sys.executable, "-m", "mutmut", "run", "--max-children", str(CORES)]
    results = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
    subprocess.run(run, check=True, stdout=sys.stderr)  # noqa: S603
    told = subprocess.run(results, check=True, capture_output=True, text=True)  # noqa: S603
    for line in told.stdout.splitlines():
        name, outcome = line.strip().split(": ")
        module = re.split(r"\.x[_ǁ]", name)[0]
        yield module.replace(".", "/") + ".py", name, outcome in {"killed", "timeout", "caught by type check"}


def main() -> int:
    config = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    counts: Counter[tuple[str, str, bool]] = Counter()
    survivors: list[str] = []
    for kind, outcomes in (("functions", break_functions()), ("tables", break_tables(config))):
        for file, what, noticed in outcomes:
            counts[file, kind, noticed] += 1
            if not noticed:
                survivors.append(f"mutmut show {what}" if kind == "functions" else f"{file}:{what}")
    print("| file | in functions: killed | survived | in tables and patterns: killed | survived | score |")
    print("|---|---|---|---|---|---|")
    for file in [*config["only_mutate"], "all"]:
        cells = [
            sum(counts[one, kind, noticed] for one in config["only_mutate"] if file in {one, "all"})
            for kind in ("functions", "tables")
            for noticed in (True, False)
        ]
        score = (cells[0] + cells[2]) / max(sum(cells), 1)
        print(f"| {file} | {' | '.join(map(str, cells))} | {score:.1%} |")
    print("\n".join(["", "Survived:", *survivors]))
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(main())
    import pytest

    sys.meta_path.insert(0, Broken(sys.argv[1], int(sys.argv[2])))
    sys.exit(pytest.main(sys.argv[3:]))
