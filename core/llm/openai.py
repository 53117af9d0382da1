"""Any endpoint that speaks OpenAI's chat completions: OpenAI, OpenRouter, TokenRouter, vLLM, Ollama.

Importing this module imports the SDK: about half a second, so not on the loop."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, Literal

import httpx2
import openai
import structlog
from openai.lib._pydantic import to_strict_json_schema
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, SecretStr

from core.llm.calls import (
    EFFORT,
    NOT_THEIRS,
    STRANGE,
    Again,
    CallFailed,
    Pulse,
    Reply,
    Request,
    Simpler,
    Unfit,
    Unseen,
    Vectors,
    failure,
    headers,
    labels,
)
from core.metering import About, Tier, Usage

log = structlog.get_logger(__name__)

ADDRESS: Final = "https://api.openai.com/v1"
FAST: Final = "gpt-6-luna"
STRONG: Final = "gpt-6.2-sol"
NO_KEY: Final = "none-needed"
"""A server of one's own asks for no key, the SDK insists on one."""
_STOPS: Final[dict[str, Literal["truncated", "refused"]]] = {
    "length": "truncated",
    "content_filter": "refused",
}
# Fields that some endpoints refuse; the call works without each of them.
_EXTRAS: Final = (
    "metadata",
    "prompt_cache_key",
    "reasoning_effort",
    "stream_options",
    "max_completion_tokens",
    "response_format",
)
# Other words for the last of them.
_FORMAT: Final = ("json_schema", "structured output")
# What strict mode knows of JSON Schema. The rest (lengths, defaults, patterns) is checked when the answer is here.
_STRICT: Final = frozenset(
    {
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "anyOf",
        "enum",
        "const",
        "$ref",
        "$defs",
    }
    | {"description", "title"}
)


class OpenAI:
    """What an endpoint refuses is remembered for each model, and left out from then on.

    A strong question is streamed, as with Anthropic."""

    def __init__(
        self, key: SecretStr | None, url: str | None, fast: str | None, strong: str | None, embed: str
    ) -> None:
        self.models: dict[Tier, str] = {"fast": fast or FAST, "strong": strong or STRONG, "embed": embed}
        self._client = openai.AsyncOpenAI(
            api_key=key.get_secret_value() if key else NO_KEY,
            base_url=url or ADDRESS,
            max_retries=0,  # the gateway counts, pays for and limits every try
            timeout=httpx2.Timeout(60, connect=5),
        )
        self._refused: set[tuple[str, str]] = set()
        """(model, field); "response_format" stands for the form with a schema, "json_object" for the one without."""

    async def reply(self, request: Request, pulse: Pulse) -> Reply:
        """Raises CallFailed."""
        arguments = self._arguments(request)
        with self._failures(request):
            if request.tier == "fast":
                return await self._whole(arguments)
            return await self._streamed(arguments, pulse)

    async def embed(self, texts: list[str], about: About) -> Vectors:
        """Raises CallFailed."""
        with self._failures():
            got = await self._client.embeddings.create(
                model=self.models["embed"], input=texts, extra_headers=headers(about, "embed")
            )
            rows = [row.embedding for row in sorted(got.data, key=lambda row: row.index)]
            if len(rows) != len(texts):
                raise Unfit(NOT_THEIRS)
            return Vectors(rows, Usage(input_tokens=got.usage.prompt_tokens or 0) if got.usage else None)

    async def faults(self) -> dict[Tier, str]:
        """Raises CallFailed."""
        with self._failures():
            try:
                known = {model.id async for model in self._client.models.list()}
            except openai.NotFoundError:
                return {}  # an endpoint that keeps no list
        # Ollama lists "name:latest" and takes "name".
        known |= {name.removesuffix(":latest") for name in known}
        return {tier: "is not known there" for tier, model in self.models.items() if model not in known}

    async def close(self) -> None:
        await self._client.close()

    async def _whole(self, arguments: dict[str, Any]) -> Reply:
        completion: ChatCompletion = await self._client.chat.completions.create(**arguments)
        usage = _usage(completion.usage)
        if not completion.choices:
            raise Again("an empty answer", usage)
        (choice, *_) = completion.choices
        return _reply(choice.message.content, choice.message.refusal, choice.finish_reason or "stop", usage)

    async def _streamed(self, arguments: dict[str, Any], pulse: Pulse) -> Reply:
        text, refusal, finish, usage = "", "", None, None
        async with await self._client.chat.completions.create(**arguments, stream=True) as stream:
            async for chunk in stream:
                pulse.beat()
                usage = chunk.usage or usage
                for choice in chunk.choices or ():
                    text += choice.delta.content or ""
                    refusal += choice.delta.refusal or ""
                    finish = choice.finish_reason or finish
        if finish is None:
            raise Again("the answer broke off", _usage(usage))
        return _reply(text, refusal, finish, _usage(usage))

    def _arguments(self, request: Request) -> dict[str, Any]:
        model = request.model
        extras: dict[str, Any] = {
            "max_completion_tokens": request.most_tokens,
            "metadata": labels(request.about, request.tier),
            "prompt_cache_key": hashlib.sha256(request.prompt.stable.encode()).hexdigest()[:32],
            "reasoning_effort": EFFORT,
        }
        if request.tier == "strong":
            extras["stream_options"] = {"include_usage": True}
        kept = {name: value for name, value in extras.items() if not self._has_refused(model, name)}
        if "max_completion_tokens" not in kept:
            kept["max_tokens"] = request.most_tokens
        if not self._has_refused(model, "response_format"):
            kept["response_format"] = _format(request.answer)
        elif not self._has_refused(model, "json_object"):
            kept["response_format"] = {"type": "json_object"}
        return {
            "model": model,
            "messages": _messages(request, describe=self._has_refused(model, "response_format")),
            "extra_headers": headers(request.about, request.tier),
            **kept,
        }

    def _has_refused(self, model: str, field: str) -> bool:
        return (model, field) in self._refused

    @contextmanager
    def _failures(self, request: Request | None = None) -> Iterator[None]:
        """Whatever the SDK raises, as CallFailed. `from None`: the SDK's error holds the request, and that the key."""
        try:
            yield
        except (openai.APIError, httpx2.TransportError) as error:
            raise self._failure(error, request) from None
        except STRANGE:
            raise Unfit(NOT_THEIRS) from None

    def _failure(self, error: Exception, request: Request | None = None) -> CallFailed:
        if not isinstance(error, openai.APIStatusError):
            if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
                return Again("the vendor broke off")  # an error in the middle of a stream
            unsent = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
            return Again("no connection" if unsent else "the connection broke", Usage() if unsent else None)
        status = error.status_code
        if request is not None and status in {400, 404, 422}:
            told = f"{error.param or ''} {json.dumps(error.body, default=str)}".lower()
            if self._learn(told, request.model):
                return Simpler("does not know a field", Usage())
            if request.pictures and re.search(r"image|vision|multimodal", told):
                return Unseen("cannot see pictures", Usage())
        return failure(status, str(error.code or error.type or ""), error.response.headers.get("retry-after"))

    def _learn(self, told: str, model: str) -> bool:
        """Remember the fields that a refusal names; whether there was one that was still sent."""
        named = {field for field in _EXTRAS if field in told}
        if any(words in told for words in _FORMAT):
            named.add("response_format")
        new = {(model, field) for field in named} - self._refused
        if not new and "response_format" in named and not self._has_refused(model, "json_object"):
            new = {(model, "json_object")}
        self._refused |= new
        if new:
            log.warning("endpoint refuses fields", model=model, fields=sorted(field for _, field in new))
        return bool(new)


def _messages(request: Request, *, describe: bool) -> list[dict[str, Any]]:
    """`describe`: the endpoint enforces no schema, so the prompt shows it."""
    stable = request.prompt.stable
    if describe:
        stable += f"\n\nThe form of the answer, as a JSON schema:\n{json.dumps(_schema(request.answer))}"
    content: list[dict[str, Any]] = [{"type": "text", "text": request.prompt.user}]
    for picture in request.pictures:
        data = base64.b64encode(picture.data).decode()
        content.append(
            {"type": "image_url", "image_url": {"url": f"data:{picture.media_type};base64,{data}"}}
        )
    messages: list[dict[str, Any]] = [{"role": "system", "content": stable}]
    # One text goes as a plain string: small servers know no parts.
    messages.append({"role": "user", "content": content if request.pictures else request.prompt.user})
    if request.earlier is not None:
        if request.earlier.said:
            messages.append({"role": "assistant", "content": request.earlier.said})
        messages.append(
            {"role": "user", "content": f"That cannot be used: {request.earlier.wrong}\nAnswer again."}
        )
    return messages


def _format(answer: type[BaseModel]) -> dict[str, Any]:
    return {
        "type": "json_schema",
        "json_schema": {
            "name": re.sub(r"\W", "_", answer.__name__)[:64],
            "strict": True,
            "schema": _schema(answer),
        },
    }


@cache
def _schema(answer: type[BaseModel]) -> dict[str, Any]:
    kept = _strict(to_strict_json_schema(answer))
    assert isinstance(kept, dict)
    return kept


def _strict(schema: Any) -> Any:
    """A schema with only what strict mode knows."""
    if not isinstance(schema, dict):
        return [_strict(part) for part in schema] if isinstance(schema, list) else schema
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key in {"properties", "$defs"}:  # here the keys are names
            kept[key] = {name: _strict(part) for name, part in value.items()}
        elif key in {"items", "anyOf"}:
            kept[key] = _strict(value)
        elif key in _STRICT:
            kept[key] = value
    return kept


def _reply(text: str | None, refusal: str | None, finish: str, usage: Usage | None) -> Reply:
    return Reply(text or "", usage, "refused" if refusal else _STOPS.get(finish, "done"))


def _usage(said: CompletionUsage | None) -> Usage | None:
    """`prompt_tokens` counts the cached ones too, our `input_tokens` does not."""
    if said is None or said.prompt_tokens is None or said.completion_tokens is None:
        return None  # small servers leave them out or empty
    details = said.prompt_tokens_details
    read = (details.cached_tokens or 0) if details else 0
    written = (details.cache_write_tokens or 0) if details else 0
    return Usage(max(said.prompt_tokens - read - written, 0), said.completion_tokens, read, written)
