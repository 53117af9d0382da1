"""Files that are not what they claim, or that unpack to more than anybody has: each in a program of its own."""

from __future__ import annotations

import io
import random
import struct
import sys
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from core.speech.children import ENVIRONMENT, decode
from core.speech.decode import says_audio, verdict
from core.speech.port import MAX_SECONDS, NotTranscribed
from tests.voice.clips import BROKEN, CLIPS, CUT, clip

OGG = clip("leak.zh.ogg")
HOUR = 3600


def wav(
    samples: bytes, *, rate: int = 8000, channels: int = 1, bits: int = 8, claims: int | None = None
) -> bytes:
    size = len(samples) if claims is None else claims
    width = channels * bits // 8
    form = struct.pack("<HHIIHH", 1, channels, rate, min(rate * width, 2**32 - 1), width % 65536, bits)
    return (
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00" + form + b"data" + struct.pack("<I", size) + samples
    )


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("voice.ogg", bytes(5_000_000))
    return out.getvalue()


def picture() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (40, 40)).save(out, "WEBP")
    return out.getvalue()


def scrambled(data: bytes, share: float) -> bytes:
    chance, changed = random.Random(7), bytearray(data)
    for at in range(64, len(changed)):
        if chance.random() < share:
            changed[at] = chance.randrange(256)
    return bytes(changed)


# An AMR frame of the lowest quality: thirteen bytes stand for a fiftieth of a second.
AMR_HOURS = b"#!AMR\n" + (b"\x04" + bytes(12)) * (3 * HOUR * 50)
WHISPERED = OGG.path.read_bytes()

NOT_AUDIO: dict[str, Callable[[], bytes]] = {
    "a zip": zipped,
    "a text": lambda: b"OK, on my way\n" * 40,
    "nothing": lambda: b"",
    "a picture": picture,
    "a page": lambda: b"<!doctype html><html><script>alert(1)</script></html>",
    "a playlist": lambda: b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n/etc/passwd\n#EXT-X-ENDLIST\n",
    "a list of files": lambda: b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "a session": lambda: b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
}
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "three hours in seven megabytes": (lambda: AMR_HOURS, "too_long"),
    "one sample a second": (lambda: wav(bytes(2 * MAX_SECONDS), rate=1), "too_long"),
    "sixty thousand channels": (lambda: wav(bytes(600_000), channels=60_000), "damaged"),
    "no sample at all": (lambda: wav(b""), "damaged"),
    "a head and nothing more": (lambda: WHISPERED[:64], "damaged"),
    "every tenth byte wrong": (lambda: scrambled(WHISPERED, 0.1), "damaged"),
}


def as_file(folder: Path, content: bytes) -> Path:
    path = folder / "voice.ogg"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", NOT_AUDIO.values(), ids=NOT_AUDIO)
async def test_what_is_no_sound_is_told_as_that(content: Callable[[], bytes], tmp_path: Path) -> None:
    with pytest.raises(NotTranscribed) as refused:
        await decode(as_file(tmp_path, content()), tmp_path / "out.pcm")
    assert refused.value.code == "not_audio"


@pytest.mark.parametrize(("content", "code"), BOMBS.values(), ids=BOMBS)
async def test_a_bomb_hurts_nobody(content: Callable[[], bytes], code: str, tmp_path: Path) -> None:
    out = tmp_path / "out.pcm"
    with pytest.raises(NotTranscribed) as refused:
        await decode(as_file(tmp_path, content()), out)
    assert refused.value.code == code
    if out.exists():
        assert out.stat().st_size < (MAX_SECONDS + 60) * 32_000


@pytest.mark.long
async def test_how_much_was_heard_of_a_note_that_is_too_long_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotTranscribed) as refused:
        await decode(as_file(tmp_path, AMR_HOURS), None)
    assert MAX_SECONDS < refused.value.seconds < MAX_SECONDS + 5


async def test_what_the_head_claims_counts_for_nothing(tmp_path: Path) -> None:
    for claims in (2**31 - 1, 2**32 - 1):
        found = await decode(as_file(tmp_path, wav(bytes(8000 * 3), claims=claims)), None)
        assert found.seconds == pytest.approx(3, abs=0.1)


async def test_a_file_whose_half_is_missing_is_damaged(tmp_path: Path) -> None:
    for path in (BROKEN, CUT):
        with pytest.raises(NotTranscribed) as refused:
            await decode(path, None)
        assert refused.value.code == "damaged"


@pytest.mark.long
async def test_every_container_that_people_send_is_read(tmp_path: Path) -> None:
    for one in CLIPS:
        out = tmp_path / one.name
        found = await decode(one.path, out)
        assert out.stat().st_size == pytest.approx(found.seconds * 32_000, abs=32), one.name


async def test_one_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(NotTranscribed) as refused:
        await decode(OGG.path, None, within=timedelta(milliseconds=1))
    assert refused.value.code == "damaged"


async def test_a_machine_that_can_start_nothing_is_no_fault_of_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(NotTranscribed) as refused:
        await decode(OGG.path, None)
    assert (refused.value.code, refused.value.tried) == ("failed", ("decode: FileNotFoundError",))


def test_the_children_get_nothing_of_our_environment() -> None:
    assert set(ENVIRONMENT) == {"PATH", "LANG", "HF_HUB_OFFLINE", "OMP_WAIT_POLICY"}


def test_the_first_bytes_tell_a_broken_recording_from_another_thing() -> None:
    assert says_audio(b"OggS\x00\x02")
    assert says_audio(b"RIFF\x00\x00\x00\x00WAVE")
    assert says_audio(b"\x00\x00\x00\x1cftypM4A ")
    assert not says_audio(b"RIFF\x00\x00\x00\x00WEBP")
    assert not says_audio(b"PK\x03\x04")


@pytest.mark.parametrize(
    ("seconds", "claimed", "good", "bad", "code"),
    [
        (3.0, 3.0, 150, 0, ""),
        (3.0, None, 150, 20, ""),
        (3.0, 3.0, 150, 90, "damaged"),
        (3.0, 9.0, 150, 0, "damaged"),
        (3.0, 90_000.0, 150, 0, ""),
        (0.0, None, 0, 0, "damaged"),
        (901.0, None, 9, 0, "too_long"),
    ],
)
def test_what_is_made_of_a_file(
    seconds: float, claimed: float | None, good: int, bad: int, code: str
) -> None:
    assert verdict(seconds, claimed, good, bad, MAX_SECONDS) == code
