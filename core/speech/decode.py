"""A program of its own: turns one sound file into plain samples, where a hostile file can hurt nothing but itself.

    python -I decode.py SOURCE TARGET MAX_SECONDS

Writes 16 kHz mono signed 16-bit samples to TARGET ("" measures only) and one line of JSON to its output:
{"code": "", "seconds": 3.2, "container": "ogg", "codec": "opus"}; `code` is "", too_long, not_audio or damaged. It
imports nothing of the house, so that it starts fast and runs wherever the file lies."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream

RATE: Final = 16_000
SAMPLE_BYTES: Final = 2
MEMORY: Final = 512 * 1024 * 1024
CPU_SECONDS: Final = 60
NICENESS: Final = 10
"""Those who wait for an answer go before a note that is being decoded."""

DEMUXERS: Final = "ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,amr,amrnb,amrwb,wav,mp3,aac,flac"
"""Containers alone: no playlist, no image, nothing that names another file (D15)."""
DECODERS: Final = (
    "opus,libopus,vorbis,aac,aac_fixed,mp3,mp3float,amrnb,amrwb,flac,alac,"
    "pcm_s16le,pcm_s16be,pcm_u8,pcm_s24le,pcm_s32le,pcm_f32le,pcm_mulaw,pcm_alaw"
)
_MAGIC: Final = (b"OggS", b"\x1a\x45\xdf\xa3", b"#!AMR", b"ID3", b"fLaC")
_MPEG_SYNC: Final = (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9")
MAX_BAD: Final = 0.25
"""The share of broken packets from which what is left says something else than the speaker did."""


def says_audio(head: bytes) -> bool:
    """Whether a file begins as one of our containers: then one that cannot be read is damaged, not foreign."""
    wave = head[:4] == b"RIFF" and head[8:12] == b"WAVE"
    return wave or head.startswith(_MAGIC) or head[4:8] == b"ftyp" or head[:2] in _MPEG_SYNC


def verdict(seconds: float, claimed: float | None, good: int, bad: int, most: float) -> str:
    """ "Empty, too_long or damaged. A header's length counts only where it can be true: recorders that stream write none,
    or the largest number there is, and neither is a fault."""
    if seconds > most:
        return "too_long"
    if good == 0 or bad > MAX_BAD * (good + bad):
        return "damaged"
    if claimed is not None and claimed <= most and seconds < claimed / 2:
        return "damaged"
    return ""


def confine() -> None:
    """Bounds what a bomb can take: memory, time, disk. The caller watches the clock on the wall besides."""
    most_file = (15 * 60 + 60) * RATE * SAMPLE_BYTES
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, most_file),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(limit, (value, value))
    os.nice(NICENESS)


def _samples(
    container: av.container.InputContainer, stream: AudioStream, count: dict[str, int]
) -> Iterator[bytes]:
    import av

    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                frame.pts = None
                for plain in resampler.resample(frame):
                    yield bytes(plain.planes[0])[: plain.samples * SAMPLE_BYTES]
            count["good"] += packet.size > 0
        except (av.error.FFmpegError, ValueError):
            count["bad"] += 1
    for plain in resampler.resample(None):
        yield bytes(plain.planes[0])[: plain.samples * SAMPLE_BYTES]


def decode(source: BinaryIO, target: BinaryIO | None, most: float) -> dict[str, Any]:
    import av

    av.logging.set_level(None)
    options = {"format_whitelist": DEMUXERS, "codec_whitelist": DECODERS, "protocol_whitelist": "none"}
    with av.open(source, mode="r", metadata_errors="ignore", container_options=options) as container:
        if not container.streams.audio:
            return {"code": "not_audio", "seconds": 0.0}
        stream = container.streams.audio[0]
        claimed = container.duration / av.time_base if container.duration else None
        written, count = 0, {"good": 0, "bad": 0}
        # A file that is cut ends in an error: what came before it counts, and `verdict` weighs it.
        with contextlib.suppress(av.error.FFmpegError):
            for samples in _samples(container, stream, count):
                written += len(samples)
                if target is not None:
                    target.write(samples)
                if written > most * RATE * SAMPLE_BYTES:
                    break
        seconds = written / (RATE * SAMPLE_BYTES)
        return {
            "code": verdict(seconds, claimed, count["good"], count["bad"], most),
            "seconds": round(seconds, 3),
            "container": container.format.name,
            "codec": stream.codec_context.name,
        }


def main(source: str, target: str, most: str) -> None:
    confine()
    with Path(source).open("rb") as file:
        head = file.read(16)
        file.seek(0)
        try:
            with Path(target).open("wb") if target else contextlib.nullcontext() as out:
                found = decode(file, out, float(most))
        except Exception:
            # Whatever a hostile file makes the library raise, MemoryError among it: it is the file's fault.
            found = {"code": "damaged" if says_audio(head) else "not_audio", "seconds": 0.0}
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
