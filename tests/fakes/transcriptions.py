"""OpenAI's /v1/audio/transcriptions as its SDK sees it: what the vendor refuses is refused here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.faults import Call, FakeServer

KEY = "sk-test-transcriptions-0123456789abcdef"
MODELS = {"gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "whisper-1"}
MAGIC = {
    "ogg": rb"OggS",
    "wav": rb"RIFF....WAVE",
    "webm": rb"\x1a\x45\xdf\xa3",
    "flac": rb"fLaC",
    "mp3": rb"ID3|\xff[\xf2\xf3\xfb]",
    "m4a": rb"....ftyp",
    "mp4": rb"....ftyp",
}
MAX_BYTES = 25 * 1024 * 1024
FIELDS = {"file", "model", "language", "languages[]", "prompt", "response_format", "temperature"}


def refusal(status: int, message: str, code: str | None = None) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return web.json_response({"error": error}, status=status)


@dataclass
class FakeTranscriptions(FakeServer):
    text: str = ""
    languages: list[str] = field(default_factory=list)
    seconds: float = 3.0
    body: Any = None
    """What is answered instead of a transcription, where it is set."""
    quota_spent: bool = False
    fields: set[str] = field(default_factory=lambda: set(FIELDS))

    def __post_init__(self) -> None:
        self.app.router.add_post("/v1/audio/transcriptions", self._transcribe)

    def rate_limited(self) -> web.Response:
        if self.quota_spent:
            return refusal(429, "You exceeded your current quota", "insufficient_quota")
        answer = refusal(429, "Rate limit reached", "rate_limit_exceeded")
        answer.headers["retry-after"] = str(self.retry_after)
        return answer

    def revoked(self) -> web.Response:
        # The vendor repeats the key in this message: it must not travel on.
        return refusal(401, f"Incorrect API key provided: {KEY}", "invalid_api_key")

    async def _transcribe(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        return await self.guarded(request, "transcribe", lambda: self._answer(request, form))

    async def _answer(self, request: web.Request, form: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return self.revoked()
        file, model = form.get("file"), form.get("model")
        if unknown := set(form) - self.fields:
            return refusal(400, f"Unknown parameter: {sorted(unknown)[0]}")
        if not isinstance(file, web.FileField):
            return refusal(400, "[{'type': 'missing', 'loc': ('body', 'file')}]")
        if model not in MODELS:
            return refusal(404, f"The model {model!r} does not exist", "model_not_found")
        if form.get("response_format", "json") != "json" and model != "whisper-1":
            return refusal(400, "response_format is not compatible with this model")
        if "languages[]" in form and ("language" in form or model != "gpt-transcribe"):
            return refusal(400, "languages is not supported here")
        codes = [value for name in ("language", "languages[]") for value in form.getall(name, [])]
        if any(len(code) != 2 for code in codes):
            return refusal(400, f"Invalid language {codes}. Language parameter must be in ISO-639-1 format.")
        data = file.file.read()
        extension = (file.filename or "").rpartition(".")[2]
        if extension not in MAGIC or not re.match(MAGIC[extension], data, re.DOTALL):
            return refusal(400, "Unrecognized file format.")
        if len(data) > MAX_BYTES:
            return refusal(413, "Maximum content size limit exceeded")
        args = {"model": model, "languages": codes, "prompt": form.get("prompt")}
        sent = {"name": file.filename, "type": file.content_type, "bytes": len(data)}
        self.calls.append(Call("transcribe", {**args, "file": sent}))
        if self.body is not None:
            return web.json_response(self.body)
        return web.json_response(
            {
                "text": self.text,
                "languages": [{"code": code} for code in self.languages],
                "usage": {"type": "duration", "seconds": self.seconds},
            }
        )
