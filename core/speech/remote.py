"""OpenAI's transcription, and whatever speaks like it (`OPENAI_BASE_URL`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from core.speech.engine import EngineFailed, Note, Said
from core.speech.spoken import house_code, prompt_for, whisper_code
from core.speech.upload import Upload, upload_of
from core.speech.wording import kept

if TYPE_CHECKING:
    from openai import APIError, AsyncOpenAI

MODEL: Final = "gpt-transcribe"
MAX_BYTES: Final = 25_000_000
BASE_TIMEOUT: Final = timedelta(seconds=30)
"""And half the length of the note on top."""
RETRIES: Final = 2
REST_WITHOUT_KEY: Final = timedelta(minutes=5)
LONGEST_REST: Final = timedelta(minutes=10)
NAMES_SEVERAL_LANGUAGES: Final = "gpt-transcribe"


class OpenAITranscriber:
    provider = "openai"
    paid = True

    def __init__(
        self, key: SecretStr, url: str | None = None, model: str = MODEL, retries: int = RETRIES
    ) -> None:
        """`url` ends in /v1; None is OpenAI's own."""
        self.model = model
        self._key = key
        self._url = url
        self._retries = retries
        self._client: AsyncOpenAI | None = None

    async def hear(self, note: Note, progress: Callable[[float], None]) -> Said:
        upload = await upload_of(note, MAX_BYTES)
        client = await self._connected()
        import openai

        patience = (BASE_TIMEOUT + timedelta(seconds=note.seconds / 2)).total_seconds()
        try:
            async with asyncio.timeout(patience):
                answer = await self._asked(client, upload, self._hints(note), patience)
        except (TimeoutError, openai.APITimeoutError) as slow:
            raise EngineFailed("too slow", spent=True) from slow
        except openai.APIError as error:
            raise _reason(error) from error
        text = getattr(answer, "text", None)
        if not isinstance(text, str):
            raise EngineFailed("its answer has no text", spent=True)
        heard = kept([(text, 0.0, 0.0)])
        return Said(heard, house_code(_told(answer), heard, note.languages), charged_seconds=_charged(answer))

    async def _asked(
        self, client: AsyncOpenAI, upload: Upload, hints: dict[str, Any], patience: float
    ) -> Any:
        from openai import BadRequestError

        try:
            # The limit of one try is that of all: what timed out may have been charged, and is not repeated.
            return await client.audio.transcriptions.create(
                file=(upload.name, upload.data, upload.media_type),
                model=self.model,
                response_format="json",
                timeout=patience,
                **hints,
            )
        except BadRequestError:
            if "languages" not in hints:
                raise
            # An endpoint that borrowed the model's name and knows only the older field.
            less = {name: value for name, value in hints.items() if name != "languages"}
            return await self._asked(client, upload, less, patience)

    async def _connected(self) -> AsyncOpenAI:
        if self._client is None:
            # Loading the library and the machine's certificates takes a while: not on the event loop.
            fresh = await asyncio.to_thread(self._connect)
            self._client = self._client or fresh
        return self._client

    def _connect(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI

        key = self._key.get_secret_value()
        return AsyncOpenAI(api_key=key, base_url=self._url, max_retries=self._retries)

    def _hints(self, note: Note) -> dict[str, Any]:
        codes = [whisper_code(one) for one in note.languages]
        hints: dict[str, Any] = {}
        if note.certain:
            hints["language"] = codes[0]
        elif self.model.startswith(NAMES_SEVERAL_LANGUAGES):
            hints["languages"] = codes
        if prompt := prompt_for(note.languages, note.certain):
            hints["prompt"] = prompt
        return hints

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def _told(answer: Any) -> str | None:
    """The language: gpt-transcribe lists what it found, others name one, most say nothing."""
    found = getattr(answer, "languages", None)
    if found:
        return str(found[0].code)
    named = getattr(answer, "language", None)
    return named if isinstance(named, str) else None


def _charged(answer: Any) -> float | None:
    usage = getattr(answer, "usage", None)
    seconds = getattr(usage, "seconds", None)
    return float(seconds) if seconds is not None else None


def _reason(error: APIError) -> EngineFailed:
    """Errors carry what we sent: only their kind is kept."""
    import openai

    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return EngineFailed("the key is refused", pause=REST_WITHOUT_KEY)
    if isinstance(error, openai.RateLimitError):
        if error.code == "insufficient_quota":
            return EngineFailed("the quota is spent", pause=LONGEST_REST)
        return EngineFailed("too many calls", pause=_asked_pause(error.response.headers.get("retry-after")))
    if isinstance(error, openai.APIStatusError):
        return EngineFailed(f"status {error.status_code}")
    if isinstance(error, openai.APIConnectionError):
        connected = type(error.__cause__).__name__ != "ConnectError"
        return EngineFailed("cannot be reached", spent=connected)
    return EngineFailed("its answer cannot be read", spent=True)


def _asked_pause(header: str | None) -> timedelta:
    """Retry-After in whole seconds; its other form, a date, no vendor of ours sends."""
    return min(timedelta(seconds=int(header)), LONGEST_REST) if header and header.isdigit() else timedelta()
