"""A row as a frozen value: whatever is drawn from it can neither ask the database for more nor change a row by accident."""

from __future__ import annotations

from dataclasses import fields
from types import MappingProxyType
from typing import Any, TypeVar

from core.store.tables import Base

T = TypeVar("T")


def frozen(shape: type[T], row: Base, **given: Any) -> T:
    """A dataclass `shape` filled with what it has of `row`, by name; `given` stands in the place of columns."""
    wanted = {one.name for one in fields(shape)} - given.keys()  # type: ignore[arg-type]  # of any dataclass
    return shape(**given, **{name: _still(getattr(row, name)) for name in wanted})


def _still(value: Any) -> Any:
    """Lists as tuples and JSON objects as views of copies, all the way down."""
    match value:
        case dict():
            return MappingProxyType({key: _still(one) for key, one in value.items()})
        case list():
            return tuple(map(_still, value))
    return value
