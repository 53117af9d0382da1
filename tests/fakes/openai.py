"""OpenAI's API as far as the SDK, the gateway and the ear see it: chat completions, embeddings, transcriptions."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
from collections.abc import Callable
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

FIELDS = {
    "model",
    "messages",
    "max_completion_tokens",
    "metadata",
    "prompt_cache_key",
    "reasoning_effort",
    "response_format",
    "stream",
    "stream_options",
}
UNKNOWN = frozenset({"default", "minLength", "maxLength", "allOf", "oneOf", "not", "if", "uniqueItems"})
SOUNDS = {"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"}
EARS = {"whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe"}
EAR_FIELDS = {
    "file",
    "model",
    "language",
    "prompt",
    "response_format",
    "temperature",
    "timestamp_granularities[]",
}
MAX_SOUND = 25 * 1024 * 1024
DIMENSIONS = 256
Heard = Callable[[Json, bytes], Json]
"""(fields of the form, the sound) -> {text, language, duration}"""


def hello(_form: Json, _sound: bytes) -> Json:
    return {"text": "Hello from the stairwell.", "language": "english", "duration": 1.0}


@dataclass
class FakeOpenAI(FakeMind):
    models: set[str] = field(default_factory=lambda: {"gpt-6-luna", "gpt-6.2-sol", "gpt-5.6-luna"})
    embedders: set[str] = field(default_factory=lambda: {"text-embedding-3-small", "text-embedding-3-large"})
    refuses: set[str] = field(default_factory=set)
    """Fields that this endpoint does not know; "json_schema" and "json_object" are forms of response_format."""
    unlisted: bool = False
    """It keeps no list of models."""
    counts: bool = True
    """Whether answers say what they used."""
    heard: Heard = hello
    spoil: str = ""
    """How the next vectors are wrong: "count", "short", "nan", "zeros"."""
    like: dict[str, str] = field(default_factory=dict)
    """What a text with these words in it means: its vector is that of the meaning."""

    def __post_init__(self) -> None:
        self.app.router.add_post("/v1/chat/completions", self._chat)
        self.app.router.add_post("/v1/embeddings", self._embeddings)
        self.app.router.add_post("/v1/audio/transcriptions", self._transcriptions)
        self.app.router.add_get("/v1/models", self._models)

    @property
    def base(self) -> str:
        """What OPENAI_BASE_URL is set to."""
        return f"{self.url}/v1"

    async def _models(self, request: web.Request) -> web.StreamResponse:
        try:
            self._who(request)
            if self.unlisted:
                raise Refusal(404, "Not found")
        except Refusal as refusal:
            return self._refuse(refusal)
        data = [
            {"id": name, "object": "model", "created": 1, "owned_by": "openai"}
            for name in sorted(self.models | self.embedders)
        ]
        return web.json_response({"object": "list", "data": data})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            self._who(request)
            asked = self._checked(await request.json(), ours(request))
        except Refusal as refusal:
            return self._refuse(refusal)
        fault, fail = await self._fault(request, asked)
        if fail is not None:
            return fail
        completion = self._completion(asked, fault)
        if asked.args.get("stream"):
            return await self._stream(request, asked, completion, fault)
        if fault in {"cut", "error_in_stream"}:
            await self._half(request, completion)
        return web.json_response(completion)

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        try:
            self._who(request)
            body = await request.json()
            for name in body:
                require(
                    name in {"model", "input", "encoding_format", "dimensions", "user"},
                    f"Unrecognized {name}",
                )
            if body.get("model") not in self.embedders:
                raise Refusal(404, f"The model `{body.get('model')}` does not exist", "model_not_found")
            texts = body.get("input")
            texts = [texts] if isinstance(texts, str) else texts
            require(isinstance(texts, list) and 1 <= len(texts) <= 2048, "'$.input' is invalid.")
            require(all(isinstance(text, str) and text for text in texts), "input cannot be an empty string")
        except Refusal as refusal:
            return self._refuse(refusal)
        fault, fail = await self._fault(request, Asked("embeddings", body, headers=ours(request)))
        if fail is not None:
            return fail
        packed = body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": self._spoilt(text, packed=packed)}
            for index, text in enumerate(texts)
        ]
        if self.spoil == "count":
            data.pop()
        used = sum(tokens(text) for text in texts)
        answer = {
            "object": "list",
            "model": body["model"],
            "data": data[::-1],  # nobody promises the order
            "usage": {"prompt_tokens": used, "total_tokens": used},
        }
        if fault == "cut":
            await self._half(request, answer)
        return web.json_response(answer)

    def _spoilt(self, text: str, *, packed: bool) -> list[float] | str:
        if self.spoil in {"", "count"}:
            meant = next((meaning for words, meaning in self.like.items() if words in text), text)
            return _vector(meant, packed=packed)
        spoilt = {"short": [1.0] * 3, "nan": [math.nan] * DIMENSIONS, "zeros": [0.0] * DIMENSIONS}
        row = spoilt[self.spoil]
        return base64.b64encode(struct.pack(f"<{len(row)}f", *row)).decode() if packed else row

    async def _transcriptions(self, request: web.Request) -> web.StreamResponse:
        try:
            self._who(request)
            form, sound = await self._form(request)
        except Refusal as refusal:
            return self._refuse(refusal)
        fault, fail = await self._fault(request, Asked("transcriptions", form, headers=ours(request)))
        if fail is not None:
            return fail
        answer = self.heard(form, sound)
        if fault == "wrong_json":
            return web.Response(text="<html>busy</html>", content_type="application/json")
        if fault == "cut":
            await self._half(request, answer)
        if form.get("response_format") == "text":
            return web.Response(text=answer["text"])
        return web.json_response(answer)

    async def _form(self, request: web.Request) -> tuple[Json, bytes]:
        require(request.content_type == "multipart/form-data", "Content-Type must be multipart/form-data")
        form: Json = {}
        sound = b""
        for name, value in (await request.post()).items():
            require(name in EAR_FIELDS, f"Unrecognized request argument supplied: {name}")
            if isinstance(value, web.FileField):
                require(name == "file", f"{name}: is not a file")
                form |= {"filename": value.filename, "content_type": value.content_type}
                sound = value.file.read()
            else:
                form[name] = value
        extension = form.get("filename", "").rpartition(".")[2].lower()
        require(extension in SOUNDS, f"Unrecognized file format. Supported formats: {sorted(SOUNDS)}", "file")
        if len(sound) > MAX_SOUND:
            raise Refusal(413, "Maximum content size limit exceeded")
        require(sound, "The audio file is empty", "file")
        if form.get("model") not in EARS:
            raise Refusal(404, f"The model `{form.get('model')}` does not exist", "model_not_found")
        require(
            re.fullmatch(r"|[a-z]{2}", form.get("language", "")),
            "language: use ISO-639-1, for example zh",
            "language",
        )
        forms = {"json", "text"} | ({"verbose_json", "srt", "vtt"} if form["model"] == "whisper-1" else set())
        require(
            form.get("response_format", "json") in forms,
            "response_format: unsupported value",
            "response_format",
        )
        return {**form, "bytes": len(sound)}, sound

    async def _fault(self, request: web.Request, asked: Asked) -> tuple[str, web.Response | None]:
        """Records the request; the fault that is due, with its answer where that is one of an API."""
        fault, retry_after = self.due()
        self.calls.append(Asked(**{**asked.__dict__, "fault": fault}))
        if fault in STATUS:
            head = {"retry-after": f"{retry_after:g}"} if fault == "429" else {}
            kind = "rate_limit_exceeded" if fault.startswith("429") else "server_error"
            return fault, self._refuse(Refusal(STATUS[fault], f"{fault} for {self.key}", kind), head)
        match fault:
            case "spend_limit":
                wait = {"retry-after": "1"}
                return fault, self._refuse(
                    Refusal(429, "You exceeded your quota", "insufficient_quota"), wait
                )
            case "hang":
                return fault, await self.hang()
            case "drop":
                self.cut(request)
        return fault, strange(fault)

    async def _half(self, request: web.Request, answer: Json) -> None:
        whole = json.dumps(answer).encode()
        response = web.StreamResponse(headers={"content-type": "application/json"})
        response.content_length = len(whole)
        await response.prepare(request)
        await response.write(whole[: len(whole) // 2])
        self.cut(request)

    def _who(self, request: web.Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            given = request.headers.get("authorization", "")
            raise Refusal(401, f"Incorrect API key provided: {given}", "invalid_api_key")

    def _checked(self, body: Json, headers: dict[str, str]) -> Asked:
        known = (FIELDS | {"max_tokens"}) if "max_completion_tokens" in self.refuses else FIELDS
        for name in body:
            require(name in known - self.refuses, f"Unrecognized request argument supplied: {name}", name)
        model = body.get("model")
        if model not in self.models:
            raise Refusal(404, f"The model `{model}` does not exist", "model_not_found", "model")
        most = body.get("max_completion_tokens", body.get("max_tokens", 1))
        require(isinstance(most, int) and most >= 1, "max_completion_tokens: is not valid")
        metadata = body.get("metadata", {})
        require(len(metadata) <= 16, "metadata: at most 16 pairs", "metadata")
        for name, value in metadata.items():
            require(len(name) <= 64, "metadata: a key is too long", "metadata")
            require(
                isinstance(value, str) and len(value) <= 512,
                f"metadata.{name}: not a short string",
                "metadata",
            )
        require(
            "stream_options" not in body or body.get("stream"),
            "stream_options needs stream",
            "stream_options",
        )
        require(
            body.get("reasoning_effort", "low")
            in {"none", "minimal", "low", "medium", "high", "xhigh", "max"},
            "reasoning_effort: unsupported value",
            "reasoning_effort",
        )
        require(len(body.get("prompt_cache_key", "")) <= 64, "prompt_cache_key: too long", "prompt_cache_key")
        schema = self._format(body.get("response_format"))
        system, said, pictures = self._turns(body.get("messages"))
        if body.get("response_format", {}).get("type") == "json_object":
            require("json" in (system + said).lower(), "'messages' must contain the word 'json'", "messages")
        if schema is None:  # it is shown in the prompt
            found = re.search(r"as a JSON schema:\n(\{.*\})", system)
            schema = json.loads(found[1]) if found else None
        return Asked(
            "chat", body, headers=headers, system=system, said=said, schema=schema, pictures=pictures
        )

    def _format(self, form: Json | None) -> Json | None:
        if form is None or form.get("type") == "text":
            return None
        kind = form.get("type", "")
        require(kind in {"json_schema", "json_object"}, "response_format.type: invalid", "response_format")
        require(
            kind not in self.refuses, f"response_format type '{kind}' is not supported", "response_format"
        )
        if kind == "json_object":
            return None
        wanted = form["json_schema"]
        require(
            re.fullmatch(r"[\w-]{1,64}", wanted.get("name", "")),
            "json_schema.name: invalid",
            "response_format",
        )
        schema = wanted.get("schema")
        require(isinstance(schema, dict), "json_schema.schema: missing", "response_format")
        if wanted.get("strict"):
            require(schema.get("type") == "object", "schema: the root must be an object", "response_format")
            closed(schema, UNKNOWN, strict=True)
        assert isinstance(schema, dict)
        return schema

    def _turns(self, turns: Any) -> tuple[str, str, int]:
        require(isinstance(turns, list) and turns, "messages: at least one is required", "messages")
        system, said, pictures = "", [], 0
        for turn in turns:
            role, content = turn.get("role"), turn.get("content")
            require(
                role in {"system", "developer", "user", "assistant"}, f"messages: role {role}", "messages"
            )
            require(content, "messages: content is empty", "messages")
            parts: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for part in parts:
                if part["type"] == "image_url":
                    self._picture(part["image_url"]["url"])
                    pictures += 1
                elif role in {"system", "developer"}:
                    system += part["text"]
                else:
                    said.append(part["text"])
        return system, "\n".join(said), pictures

    def _picture(self, url: str) -> None:
        require(self.sees, "This model does not support image_url content", "messages")
        found = re.fullmatch(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]+={0,2})", url)
        require(found, "You uploaded an unsupported image", "messages")

    def _completion(self, asked: Asked, fault: str) -> Json:
        text, finish, refusal = json.dumps(self.brain(asked), ensure_ascii=False), "stop", None
        match fault:
            case "wrong_json":
                text = "Certainly! The category is {"
            case "misfit":
                text = json.dumps({"surprise": True})
            case "truncated":
                text, finish = text[: len(text) // 2], "length"
            case "filtered":
                text, finish = "", "content_filter"
            case "refusal":
                text, refusal = "", "I cannot help with that."
        read, written = self.cache(asked.args["model"], asked.system)
        fresh = tokens(asked.said + json.dumps(asked.schema)) + 100 * asked.pictures
        prompt, out = fresh + read + written, tokens(text)
        usage = {
            "prompt_tokens": prompt,
            "completion_tokens": out,
            "total_tokens": prompt + out,
            "prompt_tokens_details": {"cached_tokens": read},
        }
        message = {"role": "assistant", "content": text or None, "refusal": refusal}
        return {
            "id": f"chatcmpl-{len(self.calls)}",
            "object": "chat.completion",
            "created": 1,
            "model": asked.args["model"],
            "choices": [{"index": 0, "finish_reason": finish, "message": message}],
            **({"usage": usage} if self.counts else {}),
        }

    async def _stream(
        self, request: web.Request, asked: Asked, completion: Json, fault: str
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        base = {key: completion[key] for key in ("id", "created", "model")} | {
            "object": "chat.completion.chunk"
        }

        async def chunk(**rest: Any) -> None:
            await response.write(f"data: {json.dumps({**base, **rest})}\n\n".encode())

        (choice,) = completion["choices"]
        key = "refusal" if choice["message"]["refusal"] else "content"
        text = choice["message"][key] or ""
        half = len(text) // 2
        for number, part in enumerate((text[:half], text[half:])):
            if number and fault == "cut":
                self.cut(request)
            if number and fault == "ends_early":
                return response
            if number and fault == "error_in_stream":
                await response.write(b'data: {"error": {"message": "x", "type": "server_error"}}\n\n')
                return response
            await chunk(choices=[{"index": 0, "delta": {key: part}, "finish_reason": None}])
        await chunk(choices=[{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}])
        if asked.args.get("stream_options", {}).get("include_usage") and self.counts:
            await chunk(choices=[], usage=completion["usage"])
        await response.write(b"data: [DONE]\n\n")
        return response

    def _refuse(self, refusal: Refusal, headers: dict[str, str] | None = None) -> web.Response:
        self.refused.append(refusal.message)
        error = {
            "message": refusal.message,
            "type": "invalid_request_error",
            "param": refusal.param or None,
            "code": refusal.kind,
        }
        return web.json_response({"error": error}, status=refusal.status, headers=headers)


def _vector(text: str, *, packed: bool) -> list[float] | str:
    """Texts that share pairs of letters point the same way."""
    numbers = [0.0] * DIMENSIONS
    for pair in zip(text.lower(), text.lower()[1:], strict=False):
        numbers[hashlib.sha256("".join(pair).encode()).digest()[0]] += 1.0
    length = math.sqrt(sum(number * number for number in numbers)) or 1.0
    unit = [number / length for number in numbers]
    return base64.b64encode(struct.pack(f"<{DIMENSIONS}f", *unit)).decode() if packed else unit
