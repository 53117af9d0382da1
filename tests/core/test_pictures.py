"""Pictures from outside are opened by a program of its own: what a bomb takes, it takes there and not for long."""

from __future__ import annotations

import asyncio
import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core import media
from core.decode_picture import MEMORY
from core.media import MediaRefused, Pictures, Stored

SCENE = Image.effect_noise((600, 400), 60).convert("RGB")


def encoded(picture: Image.Image, form: str, **how: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, form, **how)
    return out.getvalue()


def chunked(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zeros(width: int, height: int, *, bits: int, colour: int, interlaced: bool = False) -> bytes:
    """A PNG of nothing but zeros, a thousandth of what it unpacks to."""
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[colour]
    left, packer, data = height + interlaced * 4, zlib.compressobj(9), []  # its passes have more rows
    row = bytes(1 + (width * channels * bits + 7) // 8)
    while left > 0:
        data.append(packer.compress(row * min(left, 50)))
        left -= 50
    data.append(packer.flush())
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    palette = chunked(b"PLTE", bytes(768)) if colour == 3 else b""
    body = chunked(b"IHDR", head) + palette + chunked(b"IDAT", b"".join(data)) + chunked(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def interlaced(side: int) -> bytes:
    """All seven passes of a grey PNG."""
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    rows = b"".join(
        (b"\x00" + b"\x80" * len(range(x, side, dx))) * len(range(y, side, dy)) for x, y, dx, dy in passes
    )
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunked(b"IHDR", head), chunked(b"IDAT", zlib.compress(rows)), chunked(b"IEND", b""))
    )


def elsewhere(picture: str, form: str) -> bytes:
    """The file of a large picture, made where what that takes is given back."""
    code = f"from PIL import Image; import sys; {picture}.save(sys.stdout.buffer, {form!r})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout


def sideways() -> bytes:
    """As a phone that is held upright writes it: wide, with the note that it stands on its side."""
    note = Image.Exif()
    note[0x0112] = 6
    return encoded(SCENE, "JPEG", exif=note)


def moving(form: str) -> bytes:
    frames = [Image.new("RGB", (64, 48), (shade, 0, 0)) for shade in range(0, 250, 2)]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=20)


BOMB = zeros(10_000, 10_000, bits=8, colour=6)
"""389 KB, and 400 MB of points."""
GOOD: dict[str, tuple[Callable[[], bytes], tuple[int, int]]] = {
    "a photo": (lambda: encoded(SCENE, "JPEG"), (600, 400)),
    "one that comes line by line": (lambda: encoded(SCENE, "JPEG", progressive=True), (600, 400)),
    "one for print": (lambda: encoded(SCENE.convert("CMYK"), "JPEG"), (600, 400)),
    "one with a second behind it": (
        lambda: encoded(SCENE, "MPO", save_all=True, append_images=[SCENE]),
        (600, 400),
    ),
    "one that stands on its side": (sideways, (400, 600)),
    "one with mad notes of its camera": (
        lambda: encoded(SCENE, "JPEG", exif=b"Exif\0\0MM\0*\xff" * 9),
        (600, 400),
    ),
    "a screenshot": (lambda: encoded(SCENE.convert("RGBA"), "PNG"), (600, 400)),
    "a palette": (lambda: encoded(SCENE.convert("P"), "PNG"), (600, 400)),
    "black and white": (lambda: encoded(SCENE.convert("1"), "PNG"), (600, 400)),
    "sixteen bits": (lambda: encoded(SCENE.convert("I").convert("I;16"), "PNG"), (600, 400)),
    "interlaced": (lambda: interlaced(100), (100, 100)),
    "webp": (lambda: encoded(SCENE, "WEBP"), (600, 400)),
    "a moving webp": (lambda: moving("WEBP"), (64, 48)),
    "a moving gif": (lambda: moving("GIF"), (64, 48)),
    "one of 50 million points": (
        lambda: elsewhere('Image.new("L", (8160, 6120), 90)', "JPEG"),
        (1024, 768),
    ),
    "as many as may be": (lambda: BOMB, (1024, 1024)),
    "the same interlaced": (lambda: zeros(10_000, 9_990, bits=8, colour=6, interlaced=True), (1024, 1023)),
}
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "a few too many": (lambda: zeros(10_000, 10_001, bits=8, colour=6), "too_many_pixels"),
    "400 million of one bit": (lambda: zeros(20_000, 20_000, bits=1, colour=0), "too_many_pixels"),
    "a palette of 400 million": (lambda: zeros(20_000, 20_000, bits=8, colour=3), "too_many_pixels"),
    "a claim and nothing behind it": (
        lambda: zeros(1, 1, bits=8, colour=2).replace(b"\0\0\0\1" * 2, b"\0\0\x90\0" * 2),
        "damaged_picture",
    ),
    "more than its memory": (
        lambda: elsewhere('Image.new("RGB", (6_000, 6_000))', "WEBP"),
        "too_many_pixels",
    ),
    "half a photo": (lambda: (data := encoded(SCENE, "JPEG"))[: len(data) // 2], "damaged_picture"),
    "half a screenshot": (lambda: (data := encoded(SCENE, "PNG"))[: len(data) // 2], "damaged_picture"),
    "half a webp": (lambda: (data := encoded(SCENE, "WEBP"))[: len(data) // 2], "damaged_picture"),
    "half a gif": (lambda: (data := encoded(SCENE, "GIF"))[: len(data) // 2], "damaged_picture"),
    "a head alone": (lambda: encoded(SCENE, "JPEG")[:20], "damaged_picture"),
}
HEAVY = {"as many as may be", "the same interlaced", "more than its memory"}
"""Seconds of packing and unpacking each: in `make long`."""
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


def cases(table: dict[str, tuple[Callable[[], bytes], Any]]) -> list[Any]:
    return [
        pytest.param(*row, id=name, marks=[pytest.mark.long] if name in HEAVY else [])
        for name, row in table.items()
    ]


async def stored(folder: Path, content: bytes, pictures: Pictures | None = None) -> Stored:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return await media.store(folder, chunks(), "image/png", pictures or Pictures())


async def drawn(folder: Path, content: bytes) -> Image.Image | None:
    found = await Pictures().draw(folder / (await stored(folder, content)).sha256)
    return None if found is None else Image.open(io.BytesIO(found.data))


@pytest.mark.parametrize(("content", "size"), cases(GOOD))
async def test_what_people_send_is_drawn_small_and_upright(
    content: Callable[[], bytes], size: tuple[int, int], tmp_path: Path
) -> None:
    picture = await drawn(tmp_path, content())
    assert picture is not None
    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", size)
    assert not picture.getexif()


@pytest.mark.parametrize(("content", "code"), cases(BAD))
async def test_what_cannot_be_drawn_is_refused_and_leaves_nothing(
    content: Callable[[], bytes], code: str, tmp_path: Path
) -> None:
    with pytest.raises(MediaRefused) as refused:
        await stored(tmp_path, content())
    assert refused.value.code == code
    assert not list(tmp_path.iterdir())


async def test_a_format_that_is_not_drawn_here_is_kept_and_shown_to_nobody(tmp_path: Path) -> None:
    assert (await stored(tmp_path, HEIC)).media_type == "image/heif"
    assert await drawn(tmp_path, HEIC) is None


async def test_a_program_that_dies_or_hangs_is_the_pictures_fault_and_of_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = Pictures()
    for does in ("import os; os.abort()", "import time; time.sleep(600)", "while True: print('x' * 9999)"):
        (tmp_path / "other.py").write_text(does)
        with monkeypatch.context() as instead:
            instead.setattr(media, "_DRAW", tmp_path / "other.py")
            instead.setattr(media, "DRAW_WITHIN", timedelta(seconds=2))
            with pytest.raises(MediaRefused) as refused:
                await stored(tmp_path / "media", encoded(SCENE, "PNG"), pictures)
        assert refused.value.code == "damaged_picture"
    assert await stored(tmp_path / "media", encoded(SCENE, "PNG"), pictures)


async def test_a_machine_that_can_start_nothing_keeps_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert (await stored(tmp_path, encoded(SCENE, "PNG"))).kind == "photo"


async def test_they_are_drawn_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each program notes when it begins and ends: no two overlap."""
    (tmp_path / "slow.py").write_text(
        "import os, sys, time\n"
        "note = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)\n"
        "os.write(note, b'('); time.sleep(0.1); os.write(note, b')'); print()"
    )
    (tmp_path / "notes").touch()
    monkeypatch.setattr(media, "_DRAW", tmp_path / "slow.py")
    pictures = Pictures()
    await asyncio.gather(*(pictures.draw(tmp_path / "notes") for _ in range(5)))
    assert (tmp_path / "notes").read_text() == "()" * 5


SERVICE = """
import asyncio, json, resource, sys
from pathlib import Path
from core import media
from core.inbound import File
from core.model import SourceKind

async def main():
    folder, bomb = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
    async def chunks():
        yield bomb
    pictures = media.Pictures()
    kept = await media.store(folder, chunks(), "image/png", pictures)
    file = File(SourceKind.PHOTO, kept.media_type, kept.bytes, kept.sha256, kept.path)
    assert len(await pictures.shown(folder, [file])) == 1
    (own,) = (one.split()[1] for one in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in one)
    program = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"service": int(own) // 1024, "program": program // 1024, "pillow": "PIL" in sys.modules}))

asyncio.run(main())
"""


@pytest.mark.long
def test_a_bomb_takes_nothing_of_the_service_and_a_bounded_part_of_the_machine(tmp_path: Path) -> None:
    """D15 of docs/PROMISES.md."""
    (tmp_path / "bomb.png").write_bytes(BOMB)
    command = [sys.executable, "-c", SERVICE, str(tmp_path / "media"), str(tmp_path / "bomb.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    print(len(BOMB), found)
    assert not found["pillow"]
    assert found["service"] < 100
    assert found["program"] <= MEMORY // 1024**2
