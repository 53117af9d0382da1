"""How a question is put before a person."""

from __future__ import annotations

from typing import Final

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Field, Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.context import Tx
from core.i18n import N_, Words
from core.model import SYSTEM
from core.store.loop_tables import AskRow
from core.text import shorten

SHORT: Final = 40
"""Characters of an option that stands on its button whole; longer ones are numbered."""
ASKERS: Final = {"pulse": N_("the loop"), "setup": N_("the loop"), "cli": N_("the shell")}


def card(tx: Tx, row: AskRow, reader: Reader) -> CardDraft:
    words, company = reader.words, tx.services.company
    facts = [Fact(label=words("Question"), value=row.id)]
    sections = []
    if row.reference:
        sections.append(Section(title=words("It refers to"), text=shorten(row.reference, 300)))
    numbered = any(len(one) > SHORT for one in row.options)
    if numbered:
        lines = "\n".join(f"{number}. {one}" for number, one in enumerate(row.options, 1))
        sections.append(Section(title=words("Choices"), text=lines))
    who = phrases.label(ASKERS, row.worker, words)
    if row.answer is not None and row.answered_at is not None:
        facts.append(Fact(label=words("Answered by"), value=_answered(company, row, reader)))
        return CardDraft(
            title=words("{who} asks", who=who),
            lead=words("Nobody answered within a day, so nothing happened.")
            if row.answered_by == SYSTEM
            else words("“{answer}”", answer=shorten(row.answer, 300)),
            state="done",
            facts=tuple(facts),
            sections=(Section(title=words("Question"), text=row.prompt), *sections),
        )
    if row.irreversible:
        return CardDraft(
            title=words("{who} asks", who=who),
            lead=row.prompt,
            state="asking",
            facts=tuple(facts),
            sections=(
                *sections,
                Section(
                    title=words("Careful"),
                    text=words("This cannot be undone. Nothing happens without your tap."),
                ),
            ),
            buttons=(
                ButtonDraft("approve", row.options[0], "primary", {"ask": row.id, "option": 0}),
                ButtonDraft("reject", row.options[1], "danger", {"ask": row.id, "option": 1}),
            ),
        )
    labels = [str(number) if numbered else one for number, one in enumerate(row.options, 1)]
    buttons = [
        ButtonDraft("answer", label, "plain", {"ask": row.id, "option": number})
        for number, label in enumerate(labels)
    ]
    own = Field(name="text", kind="text", label=words("Your answer"), required=True)
    label = words("Another answer") if row.options else words("Answer")
    buttons.append(ButtonDraft("answer", label, "plain", {"ask": row.id}, (own,)))
    return CardDraft(
        title=words("{who} asks", who=who),
        lead=row.prompt,
        state="asking",
        facts=tuple(facts),
        sections=tuple(sections),
        buttons=tuple(buttons),
    )


def _answered(company: Company, row: AskRow, reader: Reader) -> str:
    words: Words = reader.words
    assert row.answered_at is not None
    where = phrases.label(phrases.CHANNEL, row.answered_on or "", words)
    return f"{name_of(company, row.answered_by)}, {words.time(row.answered_at, row.answered_at)}, {where}"


def name_of(company: Company, person_id: str | None) -> str:
    return company.name_of(person_id) if company.person(person_id) is not None else person_id or "–"


def short(text: str) -> str:
    return shorten(text, 160)
