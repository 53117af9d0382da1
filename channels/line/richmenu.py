"""The menu below the chat: what it does, and its picture, drawn without any font or library."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any, Final

NAME: Final = "loopos-1"
"""Another number replaces the menu that stands."""
WIDTH: Final = 2500
HEIGHT: Final = 843
COMMANDS: Final = ("tickets", "oncall", "help")
_WORDS: Final = ("TICKETS", "ON CALL", "HELP")
_SCALE: Final = 16
_GLYPHS: Final = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "C": "01111 10000 10000 10000 10000 10000 01111",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "11111 00100 00100 00100 00100 00100 11111",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "N": "10001 11001 10101 10101 10011 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}


def definition(labels: Mapping[str, str]) -> dict[str, Any]:
    """A rich menu as LINE's API describes it; `labels` by command are read aloud to those who cannot see."""
    edges = [WIDTH * n // len(COMMANDS) for n in range(len(COMMANDS) + 1)]
    return {
        "size": {"width": WIDTH, "height": HEIGHT},
        "selected": True,
        "name": NAME,
        "chatBarText": "LoopOS",
        "areas": [
            {
                "bounds": {"x": left, "y": 0, "width": right - left, "height": HEIGHT},
                "action": {
                    "type": "message",
                    "label": labels.get(command, command)[:20],
                    "text": f"/{command}",
                },
            }
            for command, left, right in zip(COMMANDS, edges, edges[1:], strict=False)
        ],
    }


def picture() -> bytes:
    """A PNG of two colours: three words, a line between each."""
    blank = _row([])
    top = (HEIGHT - 7 * _SCALE) // 2
    lines = [_row([word_line(word, y) for word in _WORDS]) for y in range(7)]
    rows = [blank] * top
    for line in lines:
        rows += [line] * _SCALE
    rows += [blank] * (HEIGHT - len(rows))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    palette = bytes.fromhex("1A56A8FFFFFF")
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def word_line(word: str, y: int) -> str:
    """Line `y` of 7 of a word, as ones and zeros."""
    return "0".join(_GLYPHS[char].split()[y] for char in word)


def _row(words: list[str]) -> bytes:
    """One line of pixels with each word in the middle of its area."""
    row = bytearray(WIDTH)
    areas = len(_WORDS)
    for n in range(1, areas):
        middle = WIDTH * n // areas
        row[middle - 3 : middle + 3] = b"\1" * 6
    for n, bits in enumerate(words):
        start = (WIDTH * n // areas + WIDTH * (n + 1) // areas - len(bits) * _SCALE) // 2
        row[start : start + len(bits) * _SCALE] = b"".join(bytes([int(bit)]) * _SCALE for bit in bits)
    return bytes(row)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
