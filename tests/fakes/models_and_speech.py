"""What the fakes of both model vendors share: a script of faults, a brain that answers, and counted tokens."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.fakes.faults import Call, FakeServer

Json = dict[str, Any]
Fault = Literal[
    "429",  # with Retry-After: `retry_after` seconds
    "429_bare",  # without
    "500",
    "503",
    "529",
    "401",
    "400",
    "spend_limit",
    "hang",  # no answer for `delay` seconds
    "drop",  # the connection is cut before a byte of the answer
    "cut",  # the answer ends in the middle, and so does the connection
    "ends_early",  # a stream that is closed in good order, in the middle
    "error_in_stream",
    "wrong_json",
    "misfit",  # JSON, but not what the schema asks for
    "truncated",
    "refusal",
    "filtered",
    "page",  # a web page: some other program sits at the address
    "other_json",
]
STATUS = {"429": 429, "429_bare": 429, "500": 500, "503": 503, "529": 529, "401": 401, "400": 400}


class Refusal(Exception):
    """The vendor's answer to a request that is not in order. `kind`: its word for it."""

    def __init__(
        self, status: int, message: str, kind: str = "invalid_request_error", param: str = ""
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.kind, self.param = status, message, kind, param


def require(true: object, message: str, param: str = "") -> None:
    if not true:
        raise Refusal(400, message, param=param)


@dataclass(frozen=True)
class Asked(Call):
    """A request that was in order. `args` is its body."""

    headers: dict[str, str] = field(default_factory=dict)
    """Ours, by their names in lower case."""
    system: str = ""
    said: str = ""
    """Every turn after it, in order."""
    schema: Json | None = None
    pictures: int = 0
    fault: str = ""
    """What was played instead of an honest answer."""


Brain = Callable[[Asked], Json]


def fill(schema: Json, root: Json | None = None) -> Any:
    """The smallest honest value of a schema."""
    root = root or schema
    if "$ref" in schema:
        return fill(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return fill(schema["anyOf"][0], root)
    match schema.get("type"):
        case "object":
            return {name: fill(part, root) for name, part in schema.get("properties", {}).items()}
        case "array":
            return [fill(schema["items"], root)] if schema.get("minItems") else []
        case "string":
            return {"date-time": "2026-11-21T12:00:00Z", "date": "2026-11-21"}.get(
                schema.get("format", ""), "ok"
            )
        case "integer" | "number":
            return 3
        case "boolean":
            return False
    return None


def honest(asked: Asked) -> Json:
    value = fill(asked.schema or {"type": "object"})
    assert isinstance(value, dict)
    return value


def tokens(text: str) -> int:
    return len(text) // 4 + 1


def closed(schema: Any, unknown: frozenset[str], *, strict: bool, where: str = "schema") -> None:
    """Refuses a schema with an open object or a keyword the vendor does not know; strict: every property required."""
    if isinstance(schema, list):
        for part in schema:
            closed(part, unknown, strict=strict, where=where)
    if not isinstance(schema, dict):
        return
    bad = unknown & schema.keys()
    require(not bad, f"{where}: {', '.join(sorted(bad))} is not permitted")
    if schema.get("type") == "object":
        require(schema.get("additionalProperties") is False, f"{where}: 'additionalProperties' must be false")
        names = set(schema.get("properties", {}))
        if strict:
            require(set(schema.get("required", [])) == names, f"{where}: 'required' must name every property")
    for key, value in schema.items():
        if key in {"properties", "$defs"}:
            for name, part in value.items():
                closed(part, unknown, strict=strict, where=f"{where}.{name}")
        elif key in {"items", "anyOf", "allOf"}:
            closed(value, unknown, strict=strict, where=where)


@dataclass
class FakeMind(FakeServer):
    """Subclasses check the request and word the answer as their vendor does."""

    calls: list[Asked] = field(default_factory=list)  # type: ignore[assignment]
    """Every request that was in order, also where a fault was the answer."""
    refused: list[str] = field(default_factory=list)
    """What was wrong with the others."""
    key: str = "sk-test-key"
    brain: Brain = honest
    sees: bool = True
    """Whether the models look at pictures."""
    delay: float = 60.0
    script: deque[tuple[Fault, float]] = field(default_factory=deque)
    cached: set[tuple[str, str]] = field(default_factory=set)
    """(model, text) that a repeated call reads from the cache."""

    def then(self, *faults: Fault, retry_after: float = 1, times: int = 1) -> None:
        """The next requests that are in order are answered like this, one after the other."""
        self.script.extend((fault, retry_after) for _ in range(times) for fault in faults)

    def due(self) -> tuple[str, float]:
        return self.script.popleft() if self.script else ("", 0.0)

    async def hang(self) -> web.Response:
        await asyncio.sleep(self.delay)
        return web.Response(status=504)

    def cut(self, request: web.Request) -> None:
        self._cut(request)

    def cache(self, model: str, text: str) -> tuple[int, int]:
        """Tokens of `text`: (read, written)."""
        if (model, text) in self.cached:
            return tokens(text), 0
        self.cached.add((model, text))
        return 0, tokens(text)


def strange(fault: str) -> web.Response | None:
    """A 200 of some other program."""
    if fault == "page":
        return web.Response(text="<html>Sign in</html>", content_type="text/html")
    return web.json_response({"hello": "world"}) if fault == "other_json" else None


def ours(request: web.Request) -> dict[str, str]:
    return {
        name.lower(): value for name, value in request.headers.items() if name.lower().startswith("x-loopos")
    }
