"""A card as a Telegram message. Pure.

Telegram counts 4096 characters after it has read the markup; here UTF-16 units are counted, which are never
fewer than what it counts."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core.cards.card import Button, Card, Link, Section
from core.text import escape, shorten

LIMIT: Final = 4096
MAX_CAPTION: Final = 1024
MAX_DATA: Final = 64
MAX_PLACEHOLDER: Final = 64
_SHORT: Final = 20
"""Columns of a label that shares its row; a telephone shows about so many."""
_LABEL: Final = 64
_CALLS: Final = re.compile(r"(?<!\w)@(?=\w)")

Rows = tuple[tuple[tuple[str, str], ...], ...]
"""Rows of (label, button id)."""


@dataclass(frozen=True, slots=True)
class Drawing:
    html: str
    rows: Rows
    asks: str = ""
    """What stands in the input field while the answer is awaited; "" where none is."""


def draw(card: Card) -> Drawing:
    blocks = _fitted(_blocks(card))
    rows = tuple(row for question in card.questions for row in _rows(question.buttons)) + _rows(card.buttons)
    asks = shorten(escape(card.lead or card.title), MAX_PLACEHOLDER) if card.expects and not rows else ""
    return Drawing("\n".join(block.html() for block in blocks).strip() or "…", rows, asks)


def split(text: str) -> list[str]:
    """A long text as several messages, parted at line ends where there are any."""
    parts, rest = [], safe(text).strip()
    while units(rest) > LIMIT:
        head = _cut(rest, LIMIT)
        end = head.rfind("\n")
        head = head[:end] if end > 0 else head
        parts.append(head)
        rest = rest[len(head) :].lstrip("\n")
    parts.append(rest)
    return [part for part in parts if part.strip()] or ["…"]


def plain(text: str) -> Drawing:
    """A text that takes the place of a message: one message, cut if it must be."""
    first, *more = split(text)
    text = _cut(first, LIMIT - 1) + "…" if more else first
    return Drawing(html.escape(text, quote=False), ())


def caption(text: str) -> str:
    """The words below a picture or a file."""
    words = safe(text).strip()
    return words if units(words) <= MAX_CAPTION else _cut(words, MAX_CAPTION - 1).rstrip() + "…"


def safe(text: str) -> str:
    """Data, not markup: nobody is pinged by a name that somebody wrote."""
    return _CALLS.sub("@\u2060", escape(text))


# --- the text


@dataclass(slots=True)
class _Block:
    """One piece of the message. `rank`: the higher, the sooner it is shortened."""

    rank: int
    text: str
    title: str = ""
    glue: str = "\n"
    links: tuple[Link, ...] = ()
    apart: bool = False
    """An empty line stands before it."""

    @property
    def size(self) -> int:
        links = sum(units(_link_text(link)) + 1 for link in self.links)
        return units(self.title) + len(self.glue) + units(self.text) + links + 2

    def html(self) -> str:
        title = html.escape(self.title, quote=False)
        text = html.escape(self.text, quote=False)
        if self.rank == _FOLDED and text:
            text = f"<blockquote expandable>{text}</blockquote>"
        if self.rank in {_TITLE, _SECTION, _FOLDED} and title:
            title = f"<b>{title}</b>"
        body = self.glue.join(part for part in (title, text) if part)
        lines = [part for part in (body, *map(_link_html, self.links)) if part]
        return ("\n" if self.apart else "") + "\n".join(lines)


_TITLE, _LEAD, _QUESTION, _FACT, _SECTION, _FOLDED = range(6)
_LEAST: Final = (100, 500, 100, 20, 20, 20)
"""By rank: so much of a text is left as long as anything of it can stay."""


def _blocks(card: Card) -> list[_Block]:
    blocks = [_Block(_TITLE, "", safe(card.title)), _Block(_LEAD, safe(card.lead))]
    for position, fact in enumerate(card.facts):
        blocks.append(_Block(_FACT, safe(fact.value), safe(fact.label), ": ", apart=position == 0))
    blocks += [_section(section) for section in card.sections]
    blocks += [_Block(_QUESTION, safe(question.text), apart=True) for question in card.questions]
    return [block for block in blocks if block.text or block.title or block.links]


def _section(section: Section) -> _Block:
    rank = _FOLDED if section.folded else _SECTION
    return _Block(rank, safe(section.text).strip(), safe(section.title), links=section.links, apart=True)


def _fitted(blocks: list[_Block]) -> list[_Block]:
    """Shortened until they fit, details first and from the end; what does not even fit then is left out."""
    over = sum(block.size for block in blocks) - LIMIT
    if over <= 0:
        return blocks
    over += 3  # room for the mark of what was left out
    giving = sorted(range(len(blocks)), key=lambda i: (blocks[i].rank, i), reverse=True)
    for i in giving:
        over -= _shrink(blocks[i], over)
    gone = set()
    for i in giving:
        if over > 0 and blocks[i].rank > _LEAD:
            gone.add(i)
            over -= blocks[i].size
    left = [block for i, block in enumerate(blocks) if i not in gone]
    return [*left, _Block(_FACT, "…")] if gone else left


def _shrink(block: _Block, over: int) -> int:
    """Take up to `over` units away; returns how many it were. A long title of its own gives as well."""
    before = block.size
    for part in ("text", "title"):
        words: str = getattr(block, part)
        least = _LEAST[block.rank] if part == "text" else _LEAST[_TITLE]
        rest = max(least, units(words) - max(0, over - (before - block.size)))
        if units(words) > rest:
            setattr(block, part, _cut(words, rest - 1).rstrip() + "…")
    return before - block.size


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, most: int) -> str:
    return text.encode("utf-16-le")[: 2 * most].decode("utf-16-le", "ignore")


def _link_text(link: Link) -> str:
    """Only a web address can be a link here; a telephone number in the text can be tapped as it is."""
    label, url = safe(link.label), safe(link.url)
    if url.startswith(("https://", "http://")):
        return label or url
    return f"{label}: {url.removeprefix('tel:')}" if label else url.removeprefix("tel:")


def _link_html(link: Link) -> str:
    text = html.escape(_link_text(link), quote=False)
    if link.url.startswith(("https://", "http://")):
        return f'<a href="{html.escape(escape(link.url), quote=True)}">{text}</a>'
    return text


# --- the buttons


def _rows(buttons: Sequence[Button]) -> Rows:
    """Two short labels share a row, a long one has its own."""
    rows: list[list[tuple[str, str]]] = []
    pending = False
    for label, button_id in map(_drawn, buttons):
        short = _columns(label) <= _SHORT
        if short and pending:
            rows[-1].append((label, button_id))
            pending = False
        else:
            rows.append([(label, button_id)])
            pending = short
    return tuple(tuple(row) for row in rows)


def _drawn(button: Button) -> tuple[str, str]:
    assert 0 < len(button.id.encode()) <= MAX_DATA, "a button's id is at most 64 bytes"
    return shorten(escape(button.label), _LABEL) or "…", button.id


def _columns(text: Iterable[str]) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
