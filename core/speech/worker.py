"""A program of its own: it recognizes speech. It holds one Whisper model, so that the service never does.

    python -I worker.py '{"model": "/folder", "device": "auto"}'

Reads one job a line and answers each with lines of JSON; what its libraries print goes nowhere.
    {"id": 1, "do": "hear", "pcm": "/file", "languages": ["zh", "en"], "certain": false, "prompts": {"zh": "..."}}
    {"id": 2, "do": "gate", "pcm": "/file"}
    {"id": 3, "do": "warm"}
Answers: {"id": 1, "done": 0.4} as often as there is news; then {"id": 1, "speech": 3.1, "language": "zh",
"text": [[words, no_speech, logprob], ...], "english": [...]}, {"id": 2, "speech": 0.0}, {"id": 3}, or {"id": 1,
"error": "model" | "RuntimeError", "frames": ["file:line:function", ...]}. It ends when nobody is at the other end. Nothing of the house is imported here."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from faster_whisper import WhisperModel
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

RATE: Final = 16_000
NICENESS: Final = 10
"""The event loop of the service goes before it, on a machine with few cores."""
MAX_THREADS: Final = 4
VOICE: Final = {"threshold": 0.5, "min_speech_duration_ms": 100}
"""Shorter than a tenth of a second is a knock on the microphone."""
TRIES: Final = (0.0, 0.2, 0.4)
"""Temperatures. The library's own list goes to 1.0, where a model makes words up."""
ENGLISH_SHARE: Final = 0.4
"""Of the work of a note that is also translated."""


def likeliest(shares: Iterable[tuple[str, float]], languages: list[str]) -> str:
    """The most probable of `languages`; the first of them where the model knows none."""
    known = {language: share for language, share in shares if language in languages}
    return max(known, key=lambda one: known[one]) if known else languages[0]


class Recognizer:
    def __init__(self, model: str, device: str) -> None:
        self._folder = model
        self._device = device
        self._model: WhisperModel | None = None

    def model(self) -> WhisperModel:
        """Loaded at the first call: seconds, and as much memory as the model is big."""
        if self._model is None:
            import ctranslate2
            from faster_whisper import WhisperModel

            cuda = self._device == "cuda" or (
                self._device == "auto" and ctranslate2.get_cuda_device_count() > 0
            )
            self._model = WhisperModel(
                self._folder,
                device="cuda" if cuda else "cpu",
                compute_type="float16" if cuda else "int8",
                cpu_threads=min(MAX_THREADS, os.cpu_count() or 1),
                local_files_only=True,
            )
        return self._model

    def hear(self, job: Mapping[str, Any], tell: Callable[[float], None]) -> dict[str, Any]:
        model = self.model()
        sound = voiced(read(job["pcm"]))
        if not len(sound):
            return {"speech": 0.0}
        languages: list[str] = job["languages"]
        if len(languages) == 1 or job["certain"]:
            language = languages[0]
        else:
            language = likeliest(model.detect_language(sound)[2], languages)
        foreign = language != "en"
        share = 1 - ENGLISH_SHARE if foreign else 1.0
        prompt = job["prompts"].get(language)
        text = self._written(sound, language, "transcribe", prompt, lambda done: tell(done * share))
        english = (
            self._written(sound, language, "translate", None, lambda done: tell(share + done * ENGLISH_SHARE))
            if foreign and text
            else []
        )
        return {"speech": len(sound) / RATE, "language": language, "text": text, "english": english}

    def _written(
        self, sound: Sound, language: str, task: str, prompt: str | None, tell: Callable[[float], None]
    ) -> list[tuple[str, float, float]]:
        segments, info = self.model().transcribe(
            sound,
            language=language,
            task=task,
            initial_prompt=prompt,
            temperature=TRIES,
            # One window's invention must not be the next one's context: that is how the loops begin.
            condition_on_previous_text=False,
        )
        written = []
        for segment in segments:
            written.append((segment.text, segment.no_speech_prob, segment.avg_logprob))
            tell(min(1.0, segment.end / info.duration))
        return written


def read(pcm: str) -> Sound:
    import numpy as np

    return np.fromfile(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)


def voiced(sound: Sound) -> Sound:
    """What of it is speech, by the voice detector that the library brings; empty where there is none."""
    import numpy as np
    from faster_whisper.vad import VadOptions, collect_chunks, get_speech_timestamps

    if not len(sound):
        return sound
    spoken = get_speech_timestamps(sound, VadOptions(**VOICE))
    return (
        np.asarray(np.concatenate(collect_chunks(sound, spoken)[0]), dtype=np.float32)
        if spoken
        else sound[:0]
    )


def where(error: Exception) -> list[str]:
    """As core.frames has it; its words stay here."""
    return [
        f"{os.path.basename(frame.filename)}:{frame.lineno}:{frame.name}"  # noqa: PTH119  (a name alone)
        for frame in traceback.extract_tb(error.__traceback__)
    ]


def answer(recognizer: Recognizer, job: Mapping[str, Any], tell: Callable[[float], None]) -> dict[str, Any]:
    if job["do"] != "gate":
        try:
            recognizer.model()
        except Exception as error:
            return {"error": "model", "frames": where(error)}
    try:
        match job["do"]:
            case "hear":
                return recognizer.hear(job, tell)
            case "gate":
                return {"speech": len(voiced(read(job["pcm"]))) / RATE}
            case _:
                return {}
    except Exception as error:
        # Its class, and where: a text may hold what was said.
        return {"error": type(error).__name__, "frames": where(error)}


def main(config: str) -> None:
    os.nice(NICENESS)
    wish = json.loads(config)
    # The pipe is kept for answers; whatever a library prints would be read as one.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

        def say(number: int, content: Mapping[str, Any]) -> None:
            print(json.dumps({"id": number, **content}), file=out, flush=True)

        recognizer = Recognizer(wish["model"], wish["device"])
        for line in sys.stdin:
            job = json.loads(line)
            number: int = job["id"]

            def tell(done: float, number: int = number) -> None:
                say(number, {"done": round(done, 3)})

            say(number, answer(recognizer, job, tell))


if __name__ == "__main__":
    main(sys.argv[1])
