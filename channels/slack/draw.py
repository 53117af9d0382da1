"""Cards and texts as Block Kit. Pure; everything shown is data: escaped, never a mention, a link only where we make one.

Slack has no escape for * _ ~ and `: in somebody's words they can change the look, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from channels.slack.parse import FORM
from core.cards.card import Button, Card, CardQuestion, Fact, Link, Section
from core.text import shorten

Block = dict[str, Any]

MAX_BLOCKS: Final = 50
MAX_HOME_BLOCKS: Final = 100
MAX_CHARACTERS: Final = 12_500
"""Of the blocks as JSON. Slack refuses a message somewhere above 13,200, containers counted, and documents neither
(github.com/slackapi/bolt-js/issues/2509)."""
SECTION: Final = 3000
"""Characters of one section's text, after escaping. https://docs.slack.dev/reference/block-kit/blocks/section-block"""
MAX_TEXT: Final = 4000
"""Characters of a message without blocks that Slack asks for at most; it cuts at 40,000."""
FOLDED: Final = 300
"""Slack cannot fold: of details this much is shown."""
FACES: Final = 4
"""Buttons of a card that are seen at once; what is beyond goes into a menu."""
CHOICES: Final = 10
"""Answers of a question shown as buttons; more of them become a list to pick from."""
_TIGHTER: Final = (12_000, 4000, 2000, 1000, 500, 200, 80)
"""Most characters of one text, tried in turn until the whole fits."""
_STATE: Final = {"open": "🔵", "asking": "🟠", "done": "✅", "refused": "⛔", "danger": "🚨"}


def card_blocks(card: Card, most: int = MAX_BLOCKS) -> list[Block]:
    """The card, its longest texts cut until Slack takes it; buttons are never cut off."""
    blocks: list[Block] = []
    for limit in _TIGHTER:
        blocks = _card(card, limit)
        if len(blocks) <= most and size(blocks) <= MAX_CHARACTERS:
            break
    return blocks


def text_blocks(text: str) -> list[Block]:
    """A plain text in as many sections as it needs."""
    parts = pieces(text, SECTION)
    blocks: list[Block] = []
    for part in parts:
        block = section(escaped(part))
        if size([*blocks, block]) > MAX_CHARACTERS:
            blocks.append(section("…"))
            break
        blocks.append(block)
    return blocks


def fallback(card: Card) -> str:
    """What a notification and a screen reader say."""
    return fit(f"{card.title}: {card.lead}", SECTION)


def home(blocks: list[Block]) -> Block:
    return {"type": "home", "blocks": blocks}


def size(blocks: list[Block]) -> int:
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


# --- the parts of a card


def _card(card: Card, limit: int) -> list[Block]:
    blocks: list[Block] = []
    if card.title.strip():
        blocks.append({"type": "header", "text": words(card.title, 150)})
    blocks.append(section(f"{_STATE[card.state]} {fit(card.lead, min(limit, SECTION - 10))}".strip()))
    blocks += _facts(card.facts, min(limit, 1000))
    for one in card.sections:
        blocks += _section(one, limit)
    for number, question in enumerate(card.questions):
        blocks += _question(question, number, limit)
    return blocks + _rows(card.buttons)


def _facts(facts: Sequence[Fact], limit: int) -> list[Block]:
    """Ten fields to a section: https://docs.slack.dev/reference/block-kit/blocks/section-block"""
    fields = [
        {"type": "mrkdwn", "text": f"*{fit(fact.label, 200)}*\n{fit(fact.value, limit)}", "verbatim": True}
        for fact in facts
    ]
    return [{"type": "section", "fields": fields[start : start + 10]} for start in range(0, len(fields), 10)]


def _section(one: Section, limit: int) -> list[Block]:
    title = f"*{fit(one.title, 200)}*\n" if one.title.strip() else ""
    links = " · ".join(link for each in one.links if (link := _link(each)))
    text = one.text.strip()
    shown = cut(text, min(limit, FOLDED) if one.folded else limit)
    parts = [escaped(part) for part in pieces(shown, SECTION - len(title))]
    texts = [title + parts[0], *parts[1:]] if parts else [title.strip()] if title else []
    if links:
        texts.append(links)
    return [section(text, verbatim=True) for text in texts]


def _link(link: Link) -> str:
    url = link.url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    if not url.startswith(("https://", "http://", "tel:", "mailto:")) or len(url) > 1500:
        return ""
    return f"<{''.join(url.split())}|{fit(link.label, 75).replace('|', '/')}>"


def _question(question: CardQuestion, number: int, limit: int) -> list[Block]:
    text = section(fit(question.text, min(limit, 1000)), verbatim=True)
    if len(question.buttons) <= CHOICES:
        return [text, *([_actions([_button(one) for one in question.buttons])] if question.buttons else [])]
    menus = [
        {
            "type": "static_select",
            "action_id": f"pick:{number}:{start}",
            "placeholder": words(question.text, 150),
            "options": [_option(one) for one in question.buttons[start : start + 100]],
        }
        for start in range(0, len(question.buttons), 100)
    ]
    return [text, _actions(menus)]


def _rows(buttons: Sequence[Button]) -> list[Block]:
    """A few buttons stand side by side; of many, those that matter stay and the others share menus."""
    if not buttons:
        return []
    faces = list(buttons)
    if len(faces) > FACES:
        styled = [one for one in buttons if one.style != "plain"]
        kept = [*styled, *(one for one in buttons if one.style == "plain")][:FACES]
        faces = [one for one in buttons if one in kept]
    rest = [one for one in buttons if one not in faces]
    elements = [_button(one) for one in faces]
    elements += [
        {
            "type": "overflow",
            "action_id": f"more:{start}",
            "options": [_option(one) for one in rest[start : start + 5]],
        }
        for start in range(0, len(rest), 5)
    ]
    return [_actions(elements[start : start + 25]) for start in range(0, len(elements), 25)]


def _actions(elements: list[Block]) -> Block:
    return {"type": "actions", "elements": elements}


def _button(button: Button) -> Block:
    # The action id says whether a form is to be opened: its trigger lives 3 s and must not wait for the database.
    drawn: Block = {
        "type": "button",
        "action_id": f"{FORM if button.fields else 'tap'}:{button.id}",
        "text": words(button.label, 75),
        "value": button.id,
    }
    return drawn if button.style == "plain" else {**drawn, "style": button.style}


def _option(button: Button) -> Block:
    return {"text": words(button.label, 75), "value": button.id}


# --- texts


def section(text: str, *, verbatim: bool = False) -> Block:
    """`verbatim` keeps Slack from making links of what only looks like one."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": verbatim}}


def words(text: str, limit: int) -> Block:
    """A plain text object; Slack refuses an empty one."""
    return {"type": "plain_text", "text": shorten(text, limit) or "…", "emoji": False}


def escaped(text: str) -> str:
    """https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fit(text: str, limit: int) -> str:
    """`text` escaped, at most `limit` characters of it."""
    return escaped(cut(text, limit))


def cut(text: str, limit: int) -> str:
    """As much of `text` as is `limit` characters long once escaped, a cut marked."""
    if len(escaped(text)) <= limit:
        return text
    room = limit - 1
    for at, char in enumerate(text):
        room -= len(escaped(char))
        if room < 0:
            return text[:at].rstrip() + "…"
    return text


def pieces(text: str, limit: int) -> list[str]:
    """`text` in parts, each at most `limit` characters long once escaped, broken at a line or a word if possible."""
    parts: list[str] = []
    rest = text.strip()
    while rest:
        if len(escaped(rest)) <= limit:
            return [*parts, rest]
        head = cut(rest, limit).removesuffix("…")
        at = next((at for mark in "\n " if (at := head.rfind(mark)) > len(head) // 2), len(head))
        head = head[:at]
        parts.append(head)
        rest = rest[len(head) :].lstrip()
    return parts
