"""A form asked field by field, in a chat that has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.actors import Reader
from core.cards.card import Button, Section
from core.cards.view import ButtonDraft, CardDraft
from core.text import shorten

CONFIRM: Final = "confirm"
"""Stands for the question whether it is meant at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSnapshot:
    button: Button
    """Whose form it is."""
    field: str
    """Which is asked."""
    said: str
    """What was said last."""
    over: bool


def form(seen: FormSnapshot, reader: Reader) -> CardDraft:
    words, button = reader.words, seen.button
    field = next((one for one in button.fields if one.name == seen.field), None)
    if seen.over:
        return CardDraft(title=button.label, lead="✓", state="done")
    stop = ButtonDraft("choose", words("Never mind"), args={"stop": True})
    if seen.field == CONFIRM:
        said = shorten(seen.said, 300)
        return CardDraft(
            title=button.label,
            lead=words("Say no with these words: “{text}”?", text=said),
            state="asking",
            buttons=(ButtonDraft("choose", words("Yes, say no"), "danger", args={"confirm": True}), stop),
        )
    if field is None:
        which = tuple(ButtonDraft("choose", one.label, args={"field": one.name}) for one in button.fields)
        return CardDraft(
            title=button.label, lead=words("What is it about?"), state="asking", buttons=(*which, stop)
        )
    if field.kind == "choice":
        options = tuple(ButtonDraft("choose", one.label, args={"value": one.value}) for one in field.options)
        return CardDraft(title=button.label, lead=field.label, state="asking", buttons=(*options, stop))
    now = (Section(title=words("As it stands"), text=field.value),) if field.value.strip() else ()
    return CardDraft(title=button.label, lead=field.label, state="asking", sections=now, expects=field.kind)
