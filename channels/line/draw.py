"""Cards and texts as LINE messages. Pure.

Limits: developers.line.biz/en/reference/messaging-api, counted in UTF-16 code units (labels: in characters)."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from core.cards.card import Button, Card, Link, Section
from core.ports import Delivery, Outgoing

MAX_MESSAGES: Final = 5
MAX_TEXT: Final = 5000
MAX_ALT: Final = 1500
MAX_BUBBLE: Final = 30_000
"""Bytes of JSON, as the SDK writes it."""
MAX_LABEL: Final = 40
MAX_URI: Final = 1000
MAX_PREVIEW: Final = 1_000_000
"""Bytes of the picture that stands in the chat; below it the same one is also what a tap opens."""

# White on each has a contrast of more than 4.5; the mark says the same without colour.
_STATES: Final = {
    "open": ("#1A56A8", "🔵"),
    "asking": ("#8A5A00", "❓"),
    "done": ("#1B6E3C", "✅"),
    "refused": ("#5F6368", "🚫"),
    "danger": ("#B3261E", "❗"),
}
_GREY: Final = "#5F6368"
_BLUE: Final = "#1A56A8"
_RED: Final = "#B3261E"
_BUTTON_STYLES: Final[dict[str, dict[str, str]]] = {
    "primary": {"style": "primary", "color": _BLUE},
    "danger": {"style": "primary", "color": _RED},
    "plain": {"style": "secondary"},
}
_WEB: Final = re.compile(r"https://[^\s<>\"']+")
_TEL: Final = re.compile(r"tel:\+?[0-9*#().,;-]+")

Json = dict[str, Any]


@dataclass(frozen=True)
class _Room:
    """How much of a card is shown. Buttons always are."""

    text: int
    facts: int
    sections: int
    label: int = MAX_LABEL


_ROOMS: Final = (
    _Room(1500, 30, 20),
    _Room(700, 20, 12),
    _Room(300, 12, 8),
    _Room(120, 8, 4),
    _Room(60, 4, 0),
    _Room(40, 0, 0, label=20),
)


def messages(deliveries: Sequence[Delivery]) -> tuple[list[Json], list[int]]:
    """At most five messages for at most five deliveries, and for each delivery which of them is its first."""
    spare = MAX_MESSAGES - len(deliveries)
    drawn: list[Json] = []
    firsts: list[int] = []
    for delivery in deliveries:
        firsts.append(len(drawn))
        if delivery.card is not None:
            drawn.append(card_message(delivery.card))
            continue
        if delivery.file is not None:
            some = file_messages(delivery.file, 1 + spare)
        else:
            some = text_messages(delivery.text or "", 1 + spare)
        spare -= len(some) - 1
        drawn += some
    return drawn, firsts


# --- texts


def text_messages(text: str, most: int) -> list[Json]:
    """`text` in at most `most` messages. One with a web address goes as a bubble: LINE would fetch and show a
    preview of every address in a plain text, and has no switch against it."""
    text = text.strip() or "…"
    if "://" in text:
        return [_linked(text)]
    return [{"type": "text", "text": piece} for piece in split(text, most)]


def split(text: str, most: int) -> list[str]:
    """At most `most` pieces of at most MAX_TEXT, cut where a line or a word ends; what is too much is left out."""
    pieces: list[str] = []
    while units(text) > MAX_TEXT and len(pieces) < most - 1:
        head = _head(text, MAX_TEXT)
        end = max(head.rfind("\n"), head.rfind(" "))
        end = end if end > len(head) // 2 else len(head)
        pieces.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*pieces, cut(text, MAX_TEXT)]


def _linked(text: str) -> Json:
    links = [Link(label=address, url=address) for address in dict.fromkeys(_WEB.findall(text))][:5]
    for room in _ROOMS:
        body = [_text(text, 3 * room.text), *_link_buttons(links)]
        bubble = {"type": "bubble", "size": "giga", "body": _box(body)}
        if _size(bubble) <= MAX_BUBBLE:
            break
    return _flex(text, bubble)


# --- files


def file_messages(file: Outgoing, most: int) -> list[Json]:
    """LINE takes no bytes: it shows what lies behind a link of ours. A document, and a picture that is too large or
    whose words find no room beside it, is a bubble that opens it."""
    link = file.link or ""
    words = text_messages(file.caption, most - 1) if file.caption and most > 1 else []
    if file.is_picture and file.size <= MAX_PREVIEW and (words or not file.caption):
        return [{"type": "image", "originalContentUrl": link, "previewImageUrl": link}, *words]
    body = [_text(file.caption, 1500)] if file.caption else []
    body += _link_buttons([Link(label=f"📎 {file.name}", url=link)])
    return [_flex(file.caption or file.name, {"type": "bubble", "size": "mega", "body": _box(body)})]


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


def _head(text: str, limit: int) -> str:
    """The beginning of `text` in at most `limit` UTF-16 units, no character halved."""
    return text.encode("utf-16-le", "replace")[: 2 * limit].decode("utf-16-le", "ignore")


def cut(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units, the cut marked. Lines stay."""
    return text if units(text) <= limit else _head(text, limit - 1).rstrip() + "…"


def _label(text: str, limit: int) -> str:
    """On one line. Code points are never fewer than the characters that LINE counts."""
    flat = " ".join(text.split()) or "…"
    if len(flat) <= limit:
        return flat
    head = flat[: limit - 1]
    while head and (unicodedata.combining(head[-1]) or head[-1] in "\u200d\ufe0f"):
        head = head[:-1]
    return head.rstrip() + "…"


# --- cards


def card_message(card: Card) -> Json:
    """One flex message, with every button whatever else must be shortened."""
    for room in _ROOMS:
        bubble = _bubble(card, room)
        if _size(bubble) <= MAX_BUBBLE:
            break
    return _flex(f"{_STATES[card.state][1]} {card.title}\n{card.lead}", bubble)


def _bubble(card: Card, room: _Room) -> Json:
    colour, mark = _STATES[card.state]
    title = _text(f"{mark} {card.title}", room.text, color="#FFFFFF", weight="bold", size="lg")
    body = [_text(card.lead, 2 * room.text, weight="bold")] if card.lead.strip() else []
    body += [
        _fact(fact.label, fact.value, room)
        for fact in card.facts[: room.facts]
        if fact.label.strip() and fact.value.strip()
    ]
    shown = [section for section in card.sections if not section.folded or section.links]
    for section in shown[: room.sections]:
        body += _section(section, room)
    for section in shown[room.sections :]:
        body += _link_buttons(section.links)
    for question in card.questions:
        body += [_separator(), _text(question.text or "…", room.text, weight="bold")]
        body += [_button(button, room) for button in question.buttons]
    bubble: Json = {"type": "bubble", "size": "mega", "header": _box([title], backgroundColor=colour)}
    if body:
        bubble["body"] = _box(body)
    if card.buttons:
        bubble["footer"] = _box([_button(button, room) for button in card.buttons])
    return bubble


def _fact(label: str, value: str, room: _Room) -> Json:
    return {
        "type": "box",
        "layout": "baseline",
        "spacing": "sm",
        "contents": [
            _text(label, min(60, room.text), color=_GREY, size="sm", flex=2),
            _text(value, min(300, room.text), size="sm", flex=5),
        ],
    }


def _section(section: Section, room: _Room) -> list[Json]:
    """A folded one is here for its links: LINE cannot unfold."""
    drawn = [_separator()]
    if section.title.strip():
        drawn.append(_text(section.title, min(100, room.text), color=_GREY, size="sm", weight="bold"))
    if section.text.strip():
        limit, look = (60, {"color": _GREY}) if section.folded else (room.text, {})
        drawn.append(_text(section.text, min(limit, room.text), size="sm", **look))
    return drawn + _link_buttons(section.links)


def _link_buttons(links: Sequence[Link]) -> list[Json]:
    return [
        {
            "type": "button",
            "style": "link",
            "height": "sm",
            "adjustMode": "shrink-to-fit",
            "action": {"type": "uri", "label": _label(link.label, MAX_LABEL), "uri": address},
        }
        for link in links
        if (address := _address(link.url))
    ]


def _address(url: str) -> str | None:
    """What LINE takes as a link of ours, percent-encoded; None for anything else."""
    encoded = quote(url.strip(), safe="%/:=&?~#+!$,;'@()*[]-._")
    fits = _WEB.fullmatch(encoded) or _TEL.fullmatch(encoded)
    return encoded if fits and len(encoded) <= MAX_URI else None


def _button(button: Button, room: _Room) -> Json:
    label = _label(button.label, room.label)
    # displayText puts the choice into the chat, as if the person had said it.
    action = {"type": "postback", "label": label, "data": button.id, "displayText": label}
    look = _BUTTON_STYLES[button.style]
    return {"type": "button", "height": "sm", "adjustMode": "shrink-to-fit", "action": action, **look}


def _text(text: str, limit: int, **look: Any) -> Json:
    return {"type": "text", "text": cut(text.strip(), limit) or "…", "wrap": True, **look}


def _separator() -> Json:
    return {"type": "separator", "margin": "md"}


def _box(contents: list[Json], **look: Any) -> Json:
    return {"type": "box", "layout": "vertical", "spacing": "sm", "contents": contents, **look}


def _flex(alt: str, bubble: Json) -> Json:
    return {"type": "flex", "altText": cut(alt.strip(), MAX_ALT), "contents": bubble}


def _size(bubble: Json) -> int:
    return len(json.dumps(bubble))
