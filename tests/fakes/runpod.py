"""A RunPod serverless endpoint with the faster-whisper worker on it, as far as a caller sees both."""

from __future__ import annotations

import base64
import binascii
import itertools
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.faults import Call, FakeServer

KEY = "rpa_TESTKEY0123456789ABCDEFGHIJKLMNOPQRSTUV"
ENDPOINT = "/v2/abc123whisper"
MAX_BYTES = 20_000_000
MODELS = {"tiny", "base", "small", "medium", "large-v1", "large-v2", "large-v3", "turbo"}
FORMATS = {"plain_text", "formatted_text", "srt", "vtt"}
INPUT: dict[str, type | tuple[type, ...]] = {
    "audio": str,
    "audio_base64": str,
    "model": str,
    "transcription": str,
    "translate": bool,
    "translation": str,
    "language": str,
    "temperature": (int, float),
    "beam_size": int,
    "initial_prompt": str,
    "condition_on_previous_text": bool,
    "enable_vad": bool,
    "word_timestamps": bool,
}
MAGIC = (b"OggS", b"RIFF", b"\x1a\x45\xdf\xa3", b"fLaC", b"ID3", b"\xff\xfb")


def wrong(wish: Any) -> str | None:
    """What the worker's own check would say of this input; None: it takes it."""
    if not isinstance(wish, dict):
        return "input is missing"
    for name, value in wish.items():
        if name not in INPUT:
            return f"Unexpected input. {name} is not a valid input option."
        if not isinstance(value, INPUT[name]):
            return f"{name} should be {INPUT[name]} type, not {type(value)}."
    if wish.get("model", "base") not in MODELS:
        return f"Invalid model name: {wish['model']}"
    if not {wish.get("transcription", "plain_text"), wish.get("translation", "plain_text")} <= FORMATS:
        return "no such format"
    try:
        sound = base64.b64decode(wish["audio_base64"], validate=True)
    except (KeyError, binascii.Error):
        return "Must provide either audio or audio_base64"
    if not sound.startswith(MAGIC) and sound[4:8] != b"ftyp":
        return "Invalid data found when processing input"
    return None


@dataclass
class FakeRunPod(FakeServer):
    text: str = ""
    language: str = "en"
    english: str | None = None
    polls: int = 0
    """How often a job is still under way when it is asked for."""
    ends_as: str = "COMPLETED"
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _left: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app.router.add_post(ENDPOINT + "/runsync", self._runsync)
        self.app.router.add_get(ENDPOINT + "/status/{id}", self._status)
        self.app.router.add_post(ENDPOINT + "/cancel/{id}", self._cancel)

    def rate_limited(self) -> web.Response:
        return web.json_response({"error": "too many requests"}, status=429)

    def revoked(self) -> web.Response:
        return web.Response(status=401)

    def _stranger(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") != f"Bearer {KEY}"

    async def _runsync(self, request: web.Request) -> web.StreamResponse:
        async def do() -> web.StreamResponse:
            if self._stranger(request):
                return web.Response(status=401)
            raw = await request.read()
            if len(raw) > MAX_BYTES:
                return web.Response(status=413)
            wish = (await request.json()).get("input")
            job = f"sync-{next(self._numbers)}"
            self.calls.append(Call("runsync", wish if isinstance(wish, dict) else {}))
            if fault := wrong(wish):
                return web.json_response({"id": job, "status": "FAILED", "error": fault})
            self._left[job] = self.polls
            return web.json_response(self._state(job))

        return await self.guarded(request, "runsync", do)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        async def do() -> web.StreamResponse:
            job = request.match_info["id"]
            if self._stranger(request):
                return web.Response(status=401)
            if job not in self._left:
                return web.json_response({"error": "job not found"}, status=404)
            self.calls.append(Call("status", {"id": job}))
            self._left[job] -= 1
            return web.json_response(self._state(job))

        return await self.guarded(request, "status", do)

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        job = request.match_info["id"]
        if self._stranger(request) or job not in self._left:
            return web.json_response({"error": "job not found"}, status=404)
        del self._left[job]
        self.calls.append(Call("cancel", {"id": job}))
        return web.json_response({"id": job, "status": "CANCELLED"})

    def _state(self, job: str) -> dict[str, Any]:
        left = self._left[job]
        if left > 0:
            return {"id": job, "status": "IN_QUEUE" if left == self.polls else "IN_PROGRESS"}
        if self.ends_as != "COMPLETED":
            return {"id": job, "status": self.ends_as, "error": "worker exited"}
        output = {
            "segments": [{"id": 1, "start": 0.0, "end": 1.0, "text": f" {self.text}"}],
            "detected_language": self.language,
            "transcription": self.text,
            "translation": self.english,
            "device": "cuda",
            "model": "turbo",
        }
        return {
            "id": job,
            "status": "COMPLETED",
            "output": output,
            "delayTime": 20,
            "executionTime": 900,
            "workerId": "w1",
        }
