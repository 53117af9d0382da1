"""How a question is put before a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Field, Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.i18n import N_, Words
from core.model import SYSTEM
from core.text import shorten

SHORT: Final = 40
"""Characters of an option that stands on its button whole; longer ones are numbered."""
ASKERS: Final = {"pulse": N_("the loop"), "setup": N_("the loop"), "cli": N_("the shell")}


LONGEST_SHOWN: Final = 2500
"""Characters of a payload on its card; its hash is of all of it."""
CLOSED: Final = "–"
"""The answer of what nobody needs to answer any more."""
PLAIN: Final = {"yes": N_("Yes"), "no": N_("No")}
ASKED: Final = {
    "shell": (N_("May I run this command? {reason}"), N_("What would run")),
    "act": (N_("May I do this? {reason}"), N_("What would run")),
    "sensor": (N_("May this program run at every look around? {reason}"), N_("The program")),
    "command": (N_("May this program work as {reason}?"), N_("What would run")),
    "verify": (N_("May this program check what {reason} did?"), N_("What would run")),
    "playbook": (N_("Shall this be how I decide? {reason}"), N_("What would change")),
}
"""By kind of what is to be approved: the question, and what its text is."""
ENDED: Final = {
    "approved": N_("You said yes. It is next."),
    "running": N_("You said yes. It is running."),
    "rejected": N_("You said no. Nothing was done."),
    "lapsed": N_("Nobody answered within a day, so nothing happened."),
    "done": N_("You said yes, and it is done."),
    "failed": N_("You said yes, and it failed (exit {code})."),
    "unknown": N_(
        "You said yes. I stopped in the middle, and do not know how it ended; I will not try again."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedApproval:
    """What is to be approved, and once it was decided, how it ended."""

    kind: str
    payload: str
    sha256: str
    more: Mapping[str, Any]
    """`{reason, name, why, shown}`, as far as there is something."""
    state: str
    code: int | None
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSnapshot:
    id: str
    kind: str
    worker: str
    prompt: str
    reference: str
    options: tuple[str, ...]
    irreversible: bool
    answer: str | None
    answered_by: str | None
    answered_on: str | None
    answered_at: datetime | None
    asked_by: str | None
    stranded: bool = False
    """Nobody waits for its answer any more."""
    approval: AskedApproval | None = None


def ask(seen: AskSnapshot, company: Company, reader: Reader) -> CardDraft:
    if seen.approval is not None:
        return _approval(company, seen, seen.approval, reader)
    return _question(company, seen, reader)


def _approval(company: Company, seen: AskSnapshot, approval: AskedApproval, reader: Reader) -> CardDraft:
    """What would be done, line by line as it would be done; and once it was, how it ended."""
    words = reader.words
    question, title = ASKED.get(approval.kind, ASKED["shell"])
    shown = str(approval.more.get("shown") or approval.payload)
    sections = [Section(title=words(title), text=shorten_lines(shown))]
    why = str(approval.more.get("why") or "")
    if why:
        sections.append(Section(title=words("Why I ask"), text=why))
    facts = [Fact(label=words("Question"), value=seen.id), Fact(label="sha256", value=approval.sha256)]
    reason = str(approval.more.get("reason") or approval.more.get("name") or "")
    lead = words(question, reason=reason) if reason else words(question, reason="–")
    who = phrases.label(ASKERS, seen.worker, words)
    if seen.answer is None:
        return CardDraft(
            title=words("{who} asks", who=who),
            lead=lead,
            state="asking",
            facts=tuple(facts),
            sections=(
                *sections,
                Section(title=words("Careful"), text=words("Nothing happens without your tap.")),
            ),
            buttons=(
                ButtonDraft(
                    "approve", _label(seen.options[0], words), "primary", {"ask": seen.id, "option": 0}
                ),
                ButtonDraft(
                    "reject", _label(seen.options[1], words), "danger", {"ask": seen.id, "option": 1}
                ),
            ),
        )
    if seen.answered_at is not None and seen.answered_by != SYSTEM:
        facts.append(Fact(label=words("Answered by"), value=_answered(company, seen, reader)))
    if approval.output.strip():
        sections.append(Section(title=words("What it said"), text=shorten_lines(approval.output.strip())))
    return CardDraft(
        title=words("{who} asks", who=who),
        lead=words(ENDED.get(approval.state, ENDED["approved"]), code=approval.code),
        state="done",
        facts=tuple(facts),
        sections=tuple(sections),
    )


def _label(option: str, words: Words) -> str:
    """The two plain choices in the reader's language; others as they were given."""
    return words(PLAIN[option]) if option in PLAIN else option


def shorten_lines(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}\n…"


def _question(company: Company, seen: AskSnapshot, reader: Reader) -> CardDraft:
    words = reader.words
    facts = [Fact(label=words("Question"), value=seen.id)]
    sections = []
    if seen.reference:
        sections.append(Section(title=words("It refers to"), text=shorten(seen.reference, 300)))
    numbered = any(len(one) > SHORT for one in seen.options)
    if numbered:
        lines = "\n".join(f"{number}. {one}" for number, one in enumerate(seen.options, 1))
        sections.append(Section(title=words("Choices"), text=lines))
    who = asker(seen.worker, seen.asked_by, company, words)
    title = (
        words("{who} wants to be looked at", who=who) if seen.kind == "flag" else words("{who} asks", who=who)
    )
    if seen.answered_by == SYSTEM and seen.answer == CLOSED:
        return CardDraft(
            title=title, lead=words("That has settled itself."), state="done", facts=tuple(facts)
        )
    if seen.answer is not None and seen.answered_at is not None:
        facts.append(Fact(label=words("Answered by"), value=_answered(company, seen, reader)))
        return CardDraft(
            title=title,
            lead=words("Nobody answered within a day, so nothing happened.")
            if seen.answered_by == SYSTEM
            else words("“{answer}”", answer=shorten(seen.answer, 300)),
            state="done",
            facts=tuple(facts),
            sections=(Section(title=words("Question"), text=seen.prompt), *sections),
        )
    if seen.irreversible:
        return CardDraft(
            title=title,
            lead=seen.prompt,
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
                ButtonDraft(
                    "approve", _label(seen.options[0], words), "primary", {"ask": seen.id, "option": 0}
                ),
                ButtonDraft(
                    "reject", _label(seen.options[1], words), "danger", {"ask": seen.id, "option": 1}
                ),
            ),
        )
    if seen.stranded:
        text = words(
            "{who} has ended meanwhile. Your answer starts another one, which goes on with it.", who=who
        )
        sections.append(Section(title=words("Nobody waits for this any more"), text=text))
    labels = [str(number) if numbered else one for number, one in enumerate(seen.options, 1)]
    buttons = [
        ButtonDraft("answer", label, "plain", {"ask": seen.id, "option": number})
        for number, label in enumerate(labels)
    ]
    if seen.stranded:
        buttons.append(ButtonDraft("drop", words("Never mind"), "plain", {"ask": seen.id}))
    own = Field(name="text", kind="text", label=words("Your answer"), required=True)
    label = words("Another answer") if seen.options else words("Answer")
    if seen.kind == "flag":
        label = words("Tell it something")
    buttons.append(ButtonDraft("answer", label, "plain", {"ask": seen.id}, (own,)))
    return CardDraft(
        title=title,
        lead=seen.prompt,
        state="asking",
        facts=tuple(facts),
        sections=tuple(sections),
        buttons=tuple(buttons),
    )


def _answered(company: Company, seen: AskSnapshot, reader: Reader) -> str:
    words: Words = reader.words
    assert seen.answered_at is not None
    where = phrases.label(phrases.CHANNEL, seen.answered_on or "", words)
    return f"{name_of(company, seen.answered_by)}, {words.time(seen.answered_at, seen.answered_at)}, {where}"


def asker(worker: str, asked_by: str | None, company: Company, words: Words) -> str:
    """Whose question it is: a person's, the loop's own, or a worker's."""
    if asked_by is not None:
        return company.name_of(asked_by)
    return phrases.label(ASKERS, worker, words)


def name_of(company: Company, person_id: str | None) -> str:
    vendor = company.vendor(person_id)
    if company.person(person_id) is None and vendor is not None:
        return vendor.name
    return company.name_of(person_id) if company.person(person_id) is not None else person_id or "–"


def short(text: str) -> str:
    return shorten(text, 160)
