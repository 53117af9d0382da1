"""What a program may do: read, write, decide, each including those before it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.model import Scope

_ORDER: Final = (Scope.READ, Scope.WRITE, Scope.DECIDE)
USUAL: Final = "read write"
"""What a program is offered that asks for nothing in particular."""


def named(text: str) -> frozenset[Scope] | None:
    """The scopes that `text` names, as they are written; None where it names something else."""
    words = text.split()
    known = {one.value: one for one in _ORDER}
    return frozenset(known[one] for one in words) if all(one in known for one in words) else None


def included(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """With every scope that these include."""
    highest = max((_ORDER.index(one) for one in scopes), default=-1)
    return frozenset(_ORDER[: highest + 1])


def spelled(scopes: Iterable[Scope]) -> str:
    """In their order, words between spaces."""
    given = set(scopes)
    return " ".join(one.value for one in _ORDER if one in given)
