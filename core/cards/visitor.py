"""Somebody unknown wrote: what they said, and whether to let them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.cards.card import Fact, Field, Option, Section
from core.cards.view import ButtonDraft, CardDraft
from core.i18n import Words
from core.model import LANGUAGES
from core.phrases import LANGUAGE
from core.text import escape, shorten

NOWHERE: Final = "-"
"""The choice that no property is theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorSnapshot:
    channel: str
    """"" where nothing that they said can be read."""
    sender: str
    name: str
    """As their platform gives it: theirs to choose, so never trusted."""
    texts: tuple[str, ...]
    """The last of what they wrote, as it came in."""
    places: tuple[tuple[str, str], ...]
    """(property id, name)"""
    people: tuple[tuple[str, str], ...]
    """(person id, name)"""


def visitor(seen: VisitorSnapshot, words: Words, outcome: str | None = None) -> CardDraft:
    """`outcome`: what was decided."""
    title = words("Somebody unknown wrote")
    facts: tuple[Fact, ...] = ()
    if seen.channel:
        who = shorten(f"{escape(seen.name)} {seen.sender}".strip(), 80)
        facts = (
            Fact(label=words("Channel"), value=seen.channel),
            Fact(label=words("Sender"), value=who),
        )
    if outcome is not None:
        return CardDraft(title=title, lead=outcome, state="done", facts=facts)
    texts = "\n".join(shorten(escape(one), 400) for one in seen.texts if one.strip())
    people = tuple(Option(value=id_, label=name) for id_, name in seen.people)
    known = (Field(name="person", kind="choice", label=words("Who is it?"), options=people),)
    return CardDraft(
        title=title,
        lead=words("The message is kept. Nothing happens with it until you let its sender in."),
        state="asking",
        facts=facts,
        sections=(Section(title=words("Message"), text=texts),) if texts else (),
        buttons=(
            ButtonDraft("admit", words("Admit and file"), "primary", fields=_about_them(seen, words)),
            ButtonDraft("known", words("It is one of us"), fields=known),
            ButtonDraft("block", words("Block"), "danger"),
        ),
    )


def _about_them(seen: VisitorSnapshot, words: Words) -> tuple[Field, ...]:
    places = tuple(Option(value=id_, label=name) for id_, name in seen.places)
    return (
        Field(name="name", kind="text", label=words("What is their name?"), value=shorten(seen.name, 60)),
        Field(
            name="property",
            kind="choice",
            label=words("Which property is theirs?"),
            options=(*places, Option(value=NOWHERE, label=words("No property of their own"))),
        ),
        Field(
            name="language",
            kind="choice",
            label=words("Which language do they read?"),
            options=tuple(Option(value=code, label=LANGUAGE[code]) for code in LANGUAGES),
            required=False,
        ),
    )
