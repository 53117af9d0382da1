"""Anthropic's Messages API as far as the SDK and the gateway see it: whole and streamed, refusing what it refuses."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.models_and_speech import (
    STATUS,
    Asked,
    FakeMind,
    Json,
    Refusal,
    closed,
    ours,
    require,
    strange,
    tokens,
)

VERSIONS = {"2023-06-01", "2026-10-21"}
FIELDS = {
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "metadata",
    "output_config",
    "stop_sequences",
}
SAMPLING = {"temperature", "top_p", "top_k"}
PICTURES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
MAX_PICTURE = 10 * 1024 * 1024
# transform_schema moves these into the description.
UNKNOWN = frozenset(
    {"minLength", "maxLength", "pattern", "minimum", "maximum", "default", "maxItems", "exclusiveMinimum"}
)
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}


@dataclass
class FakeAnthropic(FakeMind):
    models: set[str] = field(
        default_factory=lambda: {"claude-haiku-5-5", "claude-opus-5-5", "claude-haiku-4-5", "claude-opus-4-7"}
    )
    no_effort: set[str] = field(default_factory=lambda: {"claude-haiku-4-5"})
    """Models that do not take output_config.effort."""

    def __post_init__(self) -> None:
        self.app.router.add_post("/v1/messages", self._messages)
        self.app.router.add_get("/v1/models/{model}", self._model)

    async def _model(self, request: web.Request) -> web.StreamResponse:
        try:
            self._who(request)
            model = request.match_info["model"]
            if model not in self.models:
                raise Refusal(404, f"model: {model}", "not_found_error")
        except Refusal as refusal:
            return self._refuse(refusal)
        return web.json_response(
            {"type": "model", "id": model, "display_name": model, "created_at": "2026-01-01T00:00:00Z"}
        )

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        try:
            self._who(request)
            body = await request.json()
            asked = self._checked(body, ours(request))
        except Refusal as refusal:
            return self._refuse(refusal)
        fault, retry_after = self.due()
        asked = Asked(**{**asked.__dict__, "fault": fault})
        self.calls.append(asked)
        if fault in STATUS:
            head = {"retry-after": f"{retry_after:g}"} if fault == "429" else {}
            status = STATUS[fault]
            return self._refuse(Refusal(status, f"{fault} for {self.key}", KINDS[status]), head)
        match fault:
            case "spend_limit":
                wait = {"retry-after": "1"}  # the SDK would wait for it, and in vain
                return self._refuse(
                    Refusal(429, "monthly limit", "rate_limit_error"), wait, "enforced_spend_limit_reached"
                )
            case "hang":
                return await self.hang()
            case "drop":
                self.cut(request)
        if (response := strange(fault)) is not None:
            return response
        message = self._message(asked, fault)
        if asked.args.get("stream"):
            return await self._stream(request, message, fault)
        if fault in {"cut", "error_in_stream"}:
            whole = json.dumps(message).encode()
            half = web.StreamResponse(headers={"content-type": "application/json"})
            half.content_length = len(whole)
            await half.prepare(request)
            await half.write(whole[: len(whole) // 2])
            self.cut(request)
        return web.json_response(message)

    def _who(self, request: web.Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}" and (
            request.headers.get("x-api-key") != self.key
        ):
            raise Refusal(401, f"invalid key {request.headers.get('authorization')}", "authentication_error")
        require(request.headers.get("anthropic-version") in VERSIONS, "anthropic-version: header is required")

    def _checked(self, body: Json, headers: dict[str, str]) -> Asked:
        for name in body:
            require(name not in SAMPLING, f"{name}: is not supported by this model")
            require(name in FIELDS, f"{name}: Extra inputs are not permitted")
        model = body.get("model")
        if model not in self.models:
            raise Refusal(404, f"model: {model}", "not_found_error")
        most = body.get("max_tokens")
        require(isinstance(most, int) and 1 <= most <= 128_000, "max_tokens: Field required")
        metadata = body.get("metadata", {})
        require(set(metadata) <= {"user_id"}, "metadata: Extra inputs are not permitted")
        require(len(metadata.get("user_id") or "") <= 256, "metadata.user_id: too long")
        marks = 0
        for block in body.get("system", []):
            require(
                block.get("type") == "text" and block.get("text"), "system: text blocks must be non-empty"
            )
            if "cache_control" in block:
                marks += 1
                control = block["cache_control"]
                require(
                    control.get("type") == "ephemeral"
                    and control.get("ttl", "5m") in {"5m", "1h"}
                    and set(control) <= {"type", "ttl"},
                    "cache_control: is not valid",
                )
        require(marks <= 4, "A maximum of 4 blocks with cache_control may be provided")
        output = body.get("output_config", {})
        require(set(output) <= {"effort", "format"}, "output_config: Extra inputs are not permitted")
        if "effort" in output:
            require(model not in self.no_effort, "This model does not support the effort parameter.")
            require(
                output["effort"] in {"low", "medium", "high", "xhigh", "max"}, "output_config.effort: invalid"
            )
        schema = None
        if "format" in output:
            require(output["format"].get("type") == "json_schema", "output_config.format.type: invalid")
            schema = output["format"].get("schema")
            require(isinstance(schema, dict) and schema, "output_config.format.schema: Field required")
            closed(schema, UNKNOWN, strict=False)
        said, pictures = self._turns(body.get("messages"))
        system = "\n".join(block["text"] for block in body.get("system", []))
        return Asked(
            "messages", body, headers=headers, system=system, said=said, schema=schema, pictures=pictures
        )

    def _turns(self, turns: Any) -> tuple[str, int]:
        require(isinstance(turns, list) and turns, "messages: at least one message is required")
        said, pictures = [], 0
        for number, turn in enumerate(turns):
            expected = "user" if number % 2 == 0 else "assistant"
            require(turn.get("role") == expected, "messages: roles must alternate between user and assistant")
            content = turn.get("content")
            require(content, "messages: all messages must have non-empty content")
            blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for block in blocks:
                if block["type"] == "text":
                    require(block["text"].strip(), "messages: text content blocks must be non-empty")
                    said.append(block["text"])
                else:
                    require(block["type"] == "image" and expected == "user", "messages: unknown block")
                    self._picture(block["source"])
                    pictures += 1
        require(turns[-1]["role"] == "user", "This model does not support assistant message prefill.")
        return "\n".join(said), pictures

    def _picture(self, source: Json) -> None:
        require(self.sees, "This model does not support image input")
        require(source.get("type") == "base64", "image.source: only base64 here")
        require(source.get("media_type") in PICTURES, "image.source.media_type: is not supported")
        try:
            data = base64.b64decode(source["data"], validate=True)
        except (binascii.Error, KeyError):
            raise Refusal(400, "image.source.data: invalid base64") from None
        require(0 < len(data) <= MAX_PICTURE, "image.source.data: size")

    def _message(self, asked: Asked, fault: str) -> Json:
        text, stop = json.dumps(self.brain(asked), ensure_ascii=False), "end_turn"
        match fault:
            case "wrong_json":
                text = "Certainly! The category is {"
            case "misfit":
                text = json.dumps({"surprise": True})
            case "truncated":
                text, stop = text[: len(text) // 2], "max_tokens"
            case "refusal" | "filtered":
                text, stop = "", "refusal"
        thought = [{"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"}]
        marked = any("cache_control" in block for block in asked.args.get("system", []))
        fresh = tokens(asked.said + json.dumps(asked.schema)) + 100 * asked.pictures
        read, written = self.cache(asked.args["model"], asked.system) if marked else (0, 0)
        if not marked:
            fresh += tokens(asked.system)
        return {
            "id": f"msg_{len(self.calls)}",
            "type": "message",
            "role": "assistant",
            "model": asked.args["model"],
            "content": [*(thought if "opus" in asked.args["model"] else []), {"type": "text", "text": text}],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {
                "input_tokens": fresh,
                "output_tokens": tokens(text),
                "cache_read_input_tokens": read,
                "cache_creation_input_tokens": written,
            },
        }

    async def _stream(self, request: web.Request, message: Json, fault: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)

        async def event(kind: str, **data: Any) -> None:
            await response.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode())

        opening = {**message, "content": [], "stop_reason": None}
        await event("message_start", message={**opening, "usage": {**message["usage"], "output_tokens": 1}})
        for index, block in enumerate(message["content"]):
            key = "thinking" if block["type"] == "thinking" else "text"
            await event("content_block_start", index=index, content_block={**block, key: ""})
            half = len(block[key]) // 2
            for number, part in enumerate((block[key][:half], block[key][half:])):
                if number and key == "text" and fault == "cut":
                    self.cut(request)
                if number and key == "text" and fault == "ends_early":
                    return response
                if number and key == "text" and fault == "error_in_stream":
                    await event("error", error={"type": "overloaded_error", "message": "Overloaded"})
                    return response
                await event("content_block_delta", index=index, delta={"type": f"{key}_delta", key: part})
            await event("content_block_stop", index=index)
        await event(
            "message_delta",
            delta={"stop_reason": message["stop_reason"], "stop_sequence": None},
            usage=message["usage"],
        )
        await event("message_stop")
        return response

    def _refuse(
        self, refusal: Refusal, headers: dict[str, str] | None = None, code: str | None = None
    ) -> web.Response:
        self.refused.append(refusal.message)
        details = {"details": {"error_code": code}} if code else {}
        return web.json_response(
            {
                "type": "error",
                "error": {"type": refusal.kind, "message": refusal.message, **details},
                "request_id": "req_1",
            },
            status=refusal.status,
            headers=headers,
        )
