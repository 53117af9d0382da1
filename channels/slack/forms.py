"""A button's fields as a modal, and what was filled in."""

from __future__ import annotations

import json
from typing import Any, Final
from zoneinfo import ZoneInfo

from channels.slack import draw
from channels.slack.draw import Block, words
from channels.slack.parse import FORM, Payload, filled
from core import phrases
from core.amounts import parse_amount
from core.cards.card import Button, Card, Field
from core.errors import Refused
from core.i18n import N_, Words
from core.money import USD

TITLE: Final = 24
"""Characters of a modal's title and of its buttons. https://docs.slack.dev/reference/views/modal-views"""
SEND: Final = N_("Send")
CANCEL: Final = N_("Cancel")


def loading() -> Block:
    """Shown within the trigger's 3 s, before the database was asked; in no language."""
    return _modal("LoopOS", [draw.section("⏳")])


def not_valid() -> Block:
    """The button is gone; the core says the same in the chat, in the person's language."""
    return _modal("LoopOS", [draw.section(phrases.REFUSED["unknown_button"])])


def form(button: Button, card: Card, conversation: str) -> Block:
    say = Words(card.language, ZoneInfo("UTC"))
    about = [draw.section(f"*{draw.fit(card.title, 150)}*\n{draw.fit(card.lead, 1000)}", verbatim=True)]
    view = _modal(button.label, [*about, *(_input(field) for field in button.fields)])
    meta: dict[str, Any] = {"button": button.id, "conversation": conversation, "language": card.language}
    if local := {field.name: field.currency for field in button.fields if field.currency}:
        meta["currency"] = local
    return {
        **view,
        "callback_id": FORM,
        "submit": words(say(SEND), TITLE),
        "close": words(say(CANCEL), TITLE),
        "private_metadata": json.dumps(meta),
    }


def _modal(title: str, blocks: list[Block]) -> Block:
    return {"type": "modal", "title": words(title, TITLE), "blocks": blocks}


def _input(field: Field) -> Block:
    """The block carries the field's name and the element its kind: that is how the answer comes back."""
    return {
        "type": "input",
        "block_id": field.name,
        "optional": not field.required,
        "label": words(field.label, 2000),
        "element": {"action_id": field.kind, **_element(field)},
    }


def _element(field: Field) -> Block:
    if field.kind == "choice" and field.options:
        return _select(field)
    element: Block = {"type": "plain_text_input", "multiline": field.kind == "text"}
    return {**element, "initial_value": field.value} if field.value else element


def _select(field: Field) -> Block:
    """A list takes 100 options, or 100 groups of them."""
    options = [{"text": words(one.label, 75), "value": one.value} for one in field.options]
    element: Block = {"type": "static_select"}
    if len(options) <= 100:
        element["options"] = options
    else:
        element["option_groups"] = [
            {"label": words(f"{at + 1}–{min(at + 100, len(options))}", 75), "options": options[at : at + 100]}
            for at in range(0, len(options), 100)
        ]
    chosen = next((one for one in options if one["value"] == field.value), None)
    return {**element, "initial_option": chosen} if chosen else element


def refusals(payload: Payload) -> dict[str, str]:
    """Per field, in the card's language, why an amount cannot be read; Slack shows it beside the field."""
    meta: dict[str, Any] = json.loads(payload["view"]["private_metadata"])
    say = Words(str(meta.get("language", "en")), ZoneInfo("UTC"))
    wrong = {}
    for name, kind, value in filled(payload):
        if kind == "amount":
            try:
                parse_amount(value, meta.get("currency", {}).get(name, USD), say.language)
            except Refused as refused:
                wrong[name] = phrases.refusal(refused, say)
    return wrong
