"""Column types that keep money exact and times aware on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar, get_args

from pydantic import TypeAdapter
from sqlalchemy import JSON, DateTime, Dialect, String, TypeDecorator

from core.stored_values import to_json

E = TypeVar("E", bound=StrEnum)


class Money(TypeDecorator[Decimal]):
    """Decimal as text: SQLite has no decimal type and would store a float."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime; naive ones are refused, and what comes back is UTC and aware (SQLAlchemy's
    DateTime(timezone=True) hands back naive values on SQLite)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the store")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Named(TypeDecorator[E]):
    """One of a closed set, kept by its name: what comes back is the member, and what is none is refused."""

    impl = String
    cache_ok = True

    def __init__(self, members: type[E], length: int) -> None:
        super().__init__(length)
        self.members = members

    def process_bind_param(self, value: E | str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.members(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        return None if value is None else self.members(value)


class OneOf(TypeDecorator[str]):
    """One of a Literal: what is none of it is not written, nor looked for. What an older version wrote is read."""

    impl = String
    cache_ok = True

    def __init__(self, members: Any, length: int) -> None:
        super().__init__(length)
        self.members = frozenset(get_args(members))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is not None and value not in self.members:
            raise ValueError(f"{value!r} is none of {', '.join(sorted(self.members))}")
        return value


class Stored(TypeDecorator[Any]):
    """One of core.stored_values (or a tuple or mapping of them) as JSON: what comes back has been checked, and is frozen.
    None is kept as {} (and is what a null reads as)."""

    impl = JSON
    cache_ok = True

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape
        self._adapter: TypeAdapter[Any] = TypeAdapter(shape)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return {} if value is None else to_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if not value and _may_be_none(self.shape) else self._adapter.validate_python(value)


def _may_be_none(shape: Any) -> bool:
    return type(None) in get_args(shape)
