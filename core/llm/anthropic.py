"""Claude through Anthropic's own SDK. Importing this module imports the SDK: about a second, so not on the loop."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any, Final, Literal, get_args

import anthropic
import httpx2
from anthropic.resources.messages.messages import DEPRECATED_MODELS
from anthropic.types import Message, MessageParam
from anthropic.types import Model as KnownModels
from pydantic import BaseModel, SecretStr

from core.llm.calls import (
    EFFORT,
    NOT_THEIRS,
    SPEND_LIMIT,
    STRANGE,
    Again,
    CallFailed,
    Pulse,
    Reply,
    Request,
    Shut,
    Simpler,
    Unfit,
    Unseen,
    Vectors,
    failure,
    headers,
)
from core.metering import About, Tier, Usage

ADDRESS: Final = "https://api.anthropic.com"
_STOPS: Final[dict[str, Literal["truncated", "refused"]]] = {
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
    "refusal": "refused",
}


class Anthropic:
    """A fast question waits for its whole answer. A strong one takes longer and is streamed: a connection that breaks
    is noticed when it breaks, and an answer that grows is waited for."""

    def __init__(self, key: SecretStr, url: str | None, fast: str | None, strong: str | None) -> None:
        self.models: dict[Tier, str] = {"fast": fast or newest("haiku"), "strong": strong or newest("opus")}
        self._client = anthropic.AsyncAnthropic(
            api_key=key.get_secret_value(),
            base_url=url or ADDRESS,
            max_retries=0,  # the gateway counts, pays for and limits every try
            timeout=httpx2.Timeout(60, connect=5),
        )
        self._no_effort: set[str] = set()
        """Models that refused the field."""

    async def reply(self, request: Request, pulse: Pulse) -> Reply:
        """Raises CallFailed."""
        arguments = self._arguments(request)
        with self._failures(request):
            if request.tier == "fast":
                message = await self._whole(arguments)
            else:
                message = await self._streamed(arguments, pulse)
            if message.stop_reason is None:
                raise Again("the answer broke off")
            text = "".join(block.text for block in message.content if block.type == "text")
            return Reply(text, _usage(message), _STOPS.get(message.stop_reason, "done"))

    async def embed(self, texts: list[str], about: About) -> Vectors:
        raise Unfit("offers no embeddings", Usage())

    async def faults(self) -> dict[Tier, str]:
        """Raises CallFailed."""
        found: dict[Tier, str] = {}
        for tier, model in self.models.items():
            with self._failures():
                try:
                    await self._client.models.retrieve(model)
                except anthropic.NotFoundError:
                    found[tier] = "is not known there"
                else:
                    if model in DEPRECATED_MODELS:
                        found[tier] = f"is switched off on {DEPRECATED_MODELS[model]}"
        return found

    async def close(self) -> None:
        await self._client.close()

    async def _whole(self, arguments: dict[str, Any]) -> Message:
        message: Message = await self._client.messages.create(**arguments)
        return message

    async def _streamed(self, arguments: dict[str, Any], pulse: Pulse) -> Message:
        async with self._client.messages.stream(**arguments) as stream:
            async for _ in stream:
                pulse.beat()
                pulse.announced = _so_far(stream.current_message_snapshot)
            return await stream.get_final_message()

    def _arguments(self, request: Request) -> dict[str, Any]:
        output: dict[str, Any] = {"format": {"type": "json_schema", "schema": _schema(request.answer)}}
        if request.model not in self._no_effort:
            output["effort"] = EFFORT
        stable = {
            "type": "text",
            "text": request.prompt.stable,
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        }
        return {
            "model": request.model,
            "max_tokens": request.most_tokens,
            "system": [stable],
            "messages": _turns(request),
            "output_config": output,
            "metadata": {"user_id": opaque(request.about)},
            "extra_headers": headers(request.about, request.tier),
        }

    @contextmanager
    def _failures(self, request: Request | None = None) -> Iterator[None]:
        """Whatever the SDK raises, as CallFailed. `from None`: the SDK's error holds the request, and that the key."""
        try:
            yield
        except (anthropic.APIError, httpx2.TransportError) as error:
            raise self._failure(error, request) from None
        except STRANGE:
            raise Unfit(NOT_THEIRS) from None

    def _failure(self, error: Exception, request: Request | None = None) -> CallFailed:
        if not isinstance(error, anthropic.APIStatusError):
            unsent = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            return Again("no connection" if unsent else "the connection broke", Usage() if unsent else None)
        # An error in the middle of a stream has the status of the stream, 200.
        status = error.status_code if error.status_code >= 400 else 529
        kind, retry_after = error.error_code or error.type or "", error.response.headers.get("retry-after")
        if request is not None and status in {400, 404}:
            told = (error.api_message or "").lower()
            if "effort" in told and request.model not in self._no_effort:
                self._no_effort.add(request.model)
                return Simpler("does not know effort", Usage())
            if request.pictures and "image" in told:
                return Unseen("cannot see pictures", Usage())
        if status == 429 and retry_after is None:
            return Shut(SPEND_LIMIT, Usage())  # Anthropic names a wait wherever waiting helps
        return failure(status, kind, retry_after)


def _turns(request: Request) -> list[MessageParam]:
    content: list[Any] = [
        {
            "type": "image",
            "source": {
                "type": "base64",
                "media_type": picture.media_type,
                "data": base64.b64encode(picture.data).decode(),
            },
        }
        for picture in request.pictures
    ]
    content.append({"type": "text", "text": request.prompt.user})
    turns: list[MessageParam] = [{"role": "user", "content": content}]
    if request.earlier is not None:
        wrong: Any = {"type": "text", "text": f"That cannot be used: {request.earlier.wrong}\nAnswer again."}
        if request.earlier.said:
            turns.append({"role": "assistant", "content": request.earlier.said})
            turns.append({"role": "user", "content": [wrong]})
        else:
            content.append(wrong)
    return turns


def _so_far(message: Message) -> Usage:
    """What a stream has announced, and at least what has come of its text (about four characters a token)."""
    said = _usage(message)
    text = sum(len(block.text) for block in message.content if block.type == "text")
    return replace(said, output_tokens=max(said.output_tokens, -(-text // 4)))


def _usage(message: Message) -> Usage:
    said = message.usage
    return Usage(
        input_tokens=said.input_tokens,
        output_tokens=said.output_tokens,
        cache_read_tokens=said.cache_read_input_tokens or 0,
        cache_write_tokens=said.cache_creation_input_tokens or 0,
    )


@cache
def _schema(answer: type[BaseModel]) -> dict[str, Any]:
    return anthropic.transform_schema(answer)


def opaque(about: About) -> str:
    """Stands for the property at the vendor, who learns no name from it."""
    return hashlib.sha256(f"loopos:{about.property_id}".encode()).hexdigest()[:32]


@cache
def newest(kind: Literal["haiku", "opus"]) -> str:
    """The newest model of a class that the installed SDK knows and does not list as deprecated."""
    return pick(kind, known(), DEPRECATED_MODELS)


def known() -> tuple[str, ...]:
    literal = next(part for part in get_args(KnownModels) if part is not str)
    return get_args(literal)


def pick(kind: str, names: Iterable[str], deprecated: Iterable[str]) -> str:
    """The highest version without a date; raises ValueError where there is none."""
    gone = frozenset(deprecated)
    versions = {
        tuple(int(part) for part in match["version"].split("-")): name
        for name in names
        if name not in gone
        and (match := re.fullmatch(rf"claude-{kind}-(?P<version>\d{{1,2}}(-\d{{1,2}})*)", name))
    }
    return versions[max(versions)]
