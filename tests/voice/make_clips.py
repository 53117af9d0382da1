"""Makes the clips of this folder: `python -m tests.voice.make_clips`. It needs espeak-ng and ffmpeg; the tests do not."""

from __future__ import annotations

import io
import subprocess
import wave
from pathlib import Path
from typing import Final

import av
import numpy as np

from tests.voice.clips import CLIPS, FOLDER, Clip
from tests.voice.phrases import spoken

VOICES: Final = {"zh": "cmn-latn-pinyin", "ja": "ja", "id": "id", "es": "es", "en": "en-us"}
OPUS: Final = ("-c:a", "libopus", "-b:a", "16k", "-application", "voip")
FILM: Final = ("-c:a", "aac", "-b:a", "32k", "-c:v", "mpeg4", "-shortest")
ENCODINGS: Final[dict[str, tuple[str, ...]]] = {
    "ogg": OPUS,
    "webm": OPUS,
    "m4a": ("-c:a", "aac", "-b:a", "32k"),
    "mp4": FILM,
    "wav": ("-ar", "16000"),
    "mp3": ("-b:a", "32k"),
}
RATE: Final = 16_000


def ffmpeg(*arguments: str, feed: bytes | None = None) -> None:
    subprocess.run(["ffmpeg", "-y", "-loglevel", "error", *arguments], input=feed, check=True)


def say(clip: Clip) -> bytes:
    voice = f"{VOICES[clip.language]}+{clip.voice}"
    command = ["espeak-ng", "-v", voice, "-s", "150", "--stdout", spoken(clip.topic, clip.language)]
    return subprocess.run(command, capture_output=True, check=True).stdout


def encode(sound: bytes, target: Path) -> None:
    if target.suffix == ".amr":
        as_amr(sound, target)
        return
    # A film of nothing: what a phone that records an mp4 puts beside the sound.
    film = ("-f", "lavfi", "-i", "color=size=64x64:rate=2") if target.suffix == ".mp4" else ()
    ffmpeg("-i", "pipe:0", *film, "-ac", "1", *ENCODINGS[target.suffix[1:]], str(target), feed=sound)


def as_amr(sound: bytes, target: Path) -> None:
    """By PyAV: Debian's ffmpeg cannot write it."""
    with av.open(io.BytesIO(sound), "r") as source, av.open(str(target), "w", format="amr") as out:
        stream = out.add_stream("libopencore_amrnb", rate=8000, layout="mono", bit_rate=12_200)
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000, frame_size=160)
        for frame in [*source.decode(audio=0), None]:
            for plain in resampler.resample(frame):
                out.mux(stream.encode(plain))
        out.mux(stream.encode(None))


def as_wave(samples: np.ndarray) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return out.getvalue()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for clip in CLIPS:
        encode(say(clip), clip.path)
    chance = np.random.default_rng(1)
    encode(as_wave(np.zeros(6 * RATE)), FOLDER / "silence.ogg")
    encode(as_wave(chance.normal(0, 0.05, 6 * RATE).clip(-1, 1)), FOLDER / "noise.ogg")
    whole = bytearray(CLIPS[0].path.read_bytes())
    for at in range(300, len(whole)):
        whole[at] = int(chance.integers(256))
    (FOLDER / "broken.ogg").write_bytes(whole)
    m4a = next(clip.path for clip in CLIPS if clip.path.suffix == ".m4a").read_bytes()
    (FOLDER / "cut.m4a").write_bytes(m4a[: len(m4a) // 2])


if __name__ == "__main__":
    main()
