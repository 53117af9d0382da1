"""How a memo is put before the founder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Field, Link, Option, Section
from core.cards.rule_words import sentence
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.company.memo_rules import rule_of
from core.company.rules import Rule
from core.company.schema import Memo
from core.i18n import N_, Words
from core.model import Category, MemoStatus
from core.text import shorten

GENERAL: Final = "general"
"""The choice that it is about no property, or no kind, alone."""
_LEADS: Final = {
    MemoStatus.PROPOSED: N_("Shall this count from now on? Nothing uses it before you say yes."),
    MemoStatus.KEPT: N_("It counts."),
    MemoStatus.DROPPED: N_("Dropped."),
    MemoStatus.RETIRED: N_("It counts no more."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoSnapshot:
    memo: Memo
    status: MemoStatus


def memo(seen: MemoSnapshot, company: Company, reader: Reader) -> CardDraft:
    words, memo = reader.words, seen.memo
    place = company.place(memo.property_id)
    facts = [
        Fact(label=words("Memo"), value=memo.id),
        Fact(label=words("Property"), value=place.name if place is not None else words("every property")),
        Fact(
            label=words("Kind"),
            value=phrases.label(phrases.CATEGORY, memo.category, words)
            if memo.category
            else words("Everything"),
        ),
    ]
    title = words("A memo")
    if memo.speaker != reader.person_id:
        title = words("A memo of {who}", who=company.name_of(memo.speaker))
    said = memo.transcript
    if memo.transcript_en and memo.transcript_en != said:
        said = f"{said}\n{memo.transcript_en}"
    title_of_words = words("In the words of {who}", who=company.name_of(memo.speaker))
    audio = (
        (Link(label=words("Voice note"), url=f"media:{memo.audio_sha256};audio/*"),)
        if memo.audio_sha256
        else ()
    )
    sections = [Section(title=title_of_words, text=shorten(said, 900), links=audio)]
    if memo.flags:
        text = words("It reads like an order to me: it can be kept as words, and changes nothing.")
        sections.append(Section(title=words("Careful"), text=text))
    else:
        would = _would_change(company, memo, words)
        if would:
            sections.append(Section(title=words("As a rule it would say"), text=would))
    open_ = seen.status == MemoStatus.PROPOSED
    return CardDraft(
        title=title,
        lead=words(_LEADS[seen.status]),
        state="asking" if open_ else "done",
        facts=tuple(facts),
        sections=tuple(sections),
        buttons=_buttons(company, memo, reader) if open_ and reader.person_id == company.founder.id else (),
    )


def _would_change(company: Company, memo: Memo, words: Words) -> str:
    wanted = rule_of(company, memo)
    return sentence(company, Rule.model_validate(wanted), words) if wanted is not None else ""


def _buttons(company: Company, memo: Memo, reader: Reader) -> tuple[ButtonDraft, ...]:
    words, args = reader.words, {"memo": memo.id}
    nowhere = Option(value=GENERAL, label=words("every property"))
    anything = Option(value=GENERAL, label=words("Everything"))
    fields = (
        Field(
            name="property",
            kind="choice",
            label=words("Which property?"),
            required=False,
            value=memo.property_id or GENERAL,
            options=(nowhere, *(Option(value=one.id, label=one.name) for one in company.properties)),
        ),
        Field(
            name="category",
            kind="choice",
            label=words("What kind of problem?"),
            required=False,
            value=memo.category.value if memo.category else GENERAL,
            options=(
                anything,
                *(
                    Option(value=one.value, label=phrases.label(phrases.CATEGORY, one, words))
                    for one in Category
                ),
            ),
        ),
        Field(name="words", kind="text", label=words("The words"), required=False, value=memo.transcript),
    )
    return (
        ButtonDraft("confirm", words("Yes, it counts"), "primary", args),
        ButtonDraft("change", words("Change"), "plain", args, fields),
        ButtonDraft("drop", words("Drop"), "danger", args),
    )
