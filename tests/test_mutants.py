"""How tables and patterns are broken to see whether a test notices (tools/mutants.py)."""

from __future__ import annotations

import ast

import pytest

from tools.mutants import breakages, without_an_alternative


@pytest.mark.parametrize(
    ("pattern", "shorter"),
    [
        ("", []),
        ("a", []),
        ("a|b", ["b", "a"]),
        ("a|b|c", ["b|c", "a|c", "a|b"]),
        ("x(?:a|b)y", ["x(?:b)y", "x(?:a)y"]),
        ("x(a|)", ["x()", "x(a)"]),
        (
            r"(?<!a|b)c(?=d)|(?P<n>e)",
            [r"(?<!b)c(?=d)|(?P<n>e)", r"(?<!a)c(?=d)|(?P<n>e)", "(?P<n>e)", "(?<!a|b)c(?=d)"],
        ),
        (r"a\|b\(c", []),
        (r"[a|(b][]|][^]|]", []),
        (r"[\]|a]", []),
    ],
)
def test_each_alternative_of_a_pattern_is_left_out_once(pattern: str, shorter: list[str]) -> None:
    assert [left for left, _ in without_an_alternative(pattern)] == shorter


@pytest.mark.parametrize(
    ("source", "broken"),
    [
        ("A: int = 2", ["A: int = 3", "A: int = 1"]),
        ("A = 2.0", ["A = 2.2", "A = 1.8"]),
        ("A = 0.0", ["A = 0.1"]),
        ("A = True", ["A = False"]),
        ("A = (b, c)", ["A = (c,)", "A = (b,)"]),
        ("A = {b, c}", ["A = {c}", "A = {b}"]),
        ("A = {'b': c, **d}", ["A = {**d}", "A = {'b': c}"]),
        ("A = {(b, c): d for b in (e,)}", ["A = {(b, c): d for b in ()}"]),
        ("A = frozenset('bc')", ["A = frozenset('c')", "A = frozenset('b')"]),
        ("A = compile('b|c')", ["A = compile('c')", "A = compile('b')"]),
        ("A = 'b'", []),
        ("A = b[1]", []),
        ("A: Literal[1, 2]", []),
        ("class A:\n    b: int = 1", ["class A:\n    b: int = 2", "class A:\n    b: int = 0"]),
        ("def a():\n    return 1", []),
        ("@cache\ndef a():\n    return True", ["@cache\ndef a():\n    return False"]),
        ("@dataclass(frozen=True)\nclass A:\n    b: int", []),
    ],
)
def test_what_stands_outside_functions_is_broken_in_one_way_after_the_other(
    source: str, broken: list[str]
) -> None:
    tree = ast.parse(source)
    assert [ast.unparse(tree) for _ in breakages(tree)] == broken
    assert ast.unparse(tree) == source
