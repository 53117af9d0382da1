"""A Whisper of one's own on a rented machine: RunPod's serverless endpoint with its faster-whisper worker.

    POST {url}/runsync        {"input": {"audio_base64": ..., "model": "turbo", "language": "zh", ...}}
    -> {"id": ..., "status": "COMPLETED", "output": {"transcription": ..., "translation": ..., "detected_language": ...}}
    -> {"id": ..., "status": "IN_QUEUE" | "IN_PROGRESS"}: then GET {url}/status/{id} until it is done

https://docs.runpod.io/serverless/endpoints/send-requests, github.com/runpod-workers/worker-faster_whisper"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from core.speech.engine import EngineFailed, Note, Said
from core.speech.spoken import house_code, prompt_for, whisper_code
from core.speech.upload import upload_of
from core.speech.wording import kept

if TYPE_CHECKING:
    import aiohttp

MODEL: Final = "turbo"
MAX_BYTES: Final = 14_000_000
"""20 MB for a whole request, and base64 makes four bytes of three."""
BASE_TIMEOUT: Final = timedelta(seconds=120)
"""And the length of the note on top: a machine that slept loads its model first."""
POLL: Final = timedelta(seconds=1)
REST_WITHOUT_KEY: Final = timedelta(minutes=5)
_WAITING: Final = {"IN_QUEUE", "IN_PROGRESS"}


class RunPodTranscriber:
    provider = "runpod"
    paid = True

    def __init__(self, url: str, key: SecretStr, model: str = MODEL, poll: timedelta = POLL) -> None:
        """`url`: https://api.runpod.ai/v2/ENDPOINT, with or without /runsync behind it."""
        self.model = model
        self._url = url.rstrip("/").removesuffix("/runsync").removesuffix("/run")
        self._key = key
        self._poll = poll.total_seconds()
        self._session: aiohttp.ClientSession | None = None

    async def hear(self, note: Note, progress: Callable[[float], None]) -> Said:
        import aiohttp

        upload = await upload_of(note, MAX_BYTES)
        wish = await asyncio.to_thread(self._wish, note, upload.data)
        patience = BASE_TIMEOUT + timedelta(seconds=note.seconds)
        job: str | None = None
        try:
            async with asyncio.timeout(patience.total_seconds()):
                state = await self._call("POST", "/runsync", wish)
                while state.get("status") in _WAITING:
                    job = str(state.get("id"))
                    await asyncio.sleep(self._poll)
                    state = await self._call("GET", f"/status/{job}")
        except TimeoutError as slow:
            await self._cancel(job)
            raise EngineFailed("too slow", spent=True) from slow
        except asyncio.CancelledError:
            await self._cancel(job)
            raise
        except aiohttp.ClientConnectorError as error:
            raise EngineFailed("cannot be reached") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise EngineFailed("its answer cannot be read", spent=True) from error
        return _read(state, note)

    def _wish(self, note: Note, data: bytes) -> dict[str, Any]:
        wish: dict[str, Any] = {
            "audio_base64": base64.b64encode(data).decode(),
            "model": self.model,
            "transcription": "plain_text",
            "translate": not (note.certain and note.languages[0] == "en"),
            "translation": "plain_text",
            "enable_vad": True,
            "condition_on_previous_text": False,
        }
        if note.certain:
            wish["language"] = whisper_code(note.languages[0])
        if prompt := prompt_for(note.languages, note.certain):
            wish["initial_prompt"] = prompt
        return {"input": wish}

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Raises EngineFailed for a refusal, aiohttp.ClientError, ValueError."""
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, sock_connect=10))
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        # The key goes to this address alone: a redirect is not followed (D14).
        async with self._session.request(
            method, self._url + path, json=body, headers=headers, allow_redirects=False
        ) as answer:
            if answer.status in {401, 403}:
                raise EngineFailed("the key is refused", pause=REST_WITHOUT_KEY)
            if answer.status != 200:
                raise EngineFailed(f"status {answer.status}")
            found = await answer.json()
        if not isinstance(found, dict):
            raise ValueError("no object")
        return found

    async def _cancel(self, job: str | None) -> None:
        """What nobody waits for any more is not paid for either, if that can still be helped."""
        import aiohttp

        if job is not None:
            with contextlib.suppress(EngineFailed, aiohttp.ClientError, ValueError, TimeoutError):
                async with asyncio.timeout(5):
                    await self._call("POST", f"/cancel/{job}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _read(state: dict[str, Any], note: Note) -> Said:
    if state.get("status") != "COMPLETED":
        # FAILED, CANCELLED, TIMED_OUT: the machine ran all the same.
        raise EngineFailed(f"its job ended as {str(state.get('status'))[:20]}", spent=True)
    output = state.get("output")
    output = output if isinstance(output, dict) else {}
    text = output.get("transcription", output.get("text"))
    if not isinstance(text, str):
        raise EngineFailed("its answer has no text", spent=True)
    heard = kept([(text, 0.0, 0.0)])
    told, english = output.get("detected_language"), output.get("translation")
    return Said(
        heard,
        house_code(told if isinstance(told, str) else None, heard, note.languages),
        kept([(english, 0.0, 0.0)]) if heard and isinstance(english, str) else "",
    )
