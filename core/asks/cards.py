"""How a question is put before a person."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from core import phrases
from core.actors import Reader
from core.asks.askers import is_stranded
from core.cards.card import Fact, Field, Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.context import Tx
from core.i18n import N_, Words
from core.model import SYSTEM
from core.store.loop_tables import AskRow, LoopApproval
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


def drawn(tx: Tx, row: AskRow) -> Callable[[Reader], CardDraft]:
    """What its card looks at is read here, once; drawing it for each reader reads nothing."""
    company = tx.services.company
    approval = tx.get(LoopApproval, row.id) if row.kind == "approval" else None
    if approval is not None:
        return partial(_approval, company, row, approval)
    return partial(_question, company, row, row.answer is None and is_stranded(tx.session, row))


def _approval(company: Company, row: AskRow, approval: LoopApproval, reader: Reader) -> CardDraft:
    """What would be done, line by line as it would be done; and once it was, how it ended."""
    words = reader.words
    question, title = ASKED.get(approval.kind, ASKED["shell"])
    shown = str(approval.more.get("shown") or approval.payload)
    sections = [Section(title=words(title), text=shorten_lines(shown))]
    why = str(approval.more.get("why") or "")
    if why:
        sections.append(Section(title=words("Why I ask"), text=why))
    facts = [Fact(label=words("Question"), value=row.id), Fact(label="sha256", value=approval.sha256)]
    reason = str(approval.more.get("reason") or approval.more.get("name") or "")
    lead = words(question, reason=reason) if reason else words(question, reason="–")
    who = phrases.label(ASKERS, row.worker, words)
    if row.answer is None:
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
                    "approve", _label(row.options[0], words), "primary", {"ask": row.id, "option": 0}
                ),
                ButtonDraft("reject", _label(row.options[1], words), "danger", {"ask": row.id, "option": 1}),
            ),
        )
    if row.answered_at is not None and row.answered_by != SYSTEM:
        facts.append(Fact(label=words("Answered by"), value=_answered(company, row, reader)))
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


def _question(company: Company, row: AskRow, stranded: bool, reader: Reader) -> CardDraft:
    words = reader.words
    facts = [Fact(label=words("Question"), value=row.id)]
    sections = []
    if row.reference:
        sections.append(Section(title=words("It refers to"), text=shorten(row.reference, 300)))
    numbered = any(len(one) > SHORT for one in row.options)
    if numbered:
        lines = "\n".join(f"{number}. {one}" for number, one in enumerate(row.options, 1))
        sections.append(Section(title=words("Choices"), text=lines))
    who = asker(row, company, words)
    title = (
        words("{who} wants to be looked at", who=who) if row.kind == "flag" else words("{who} asks", who=who)
    )
    if row.answered_by == SYSTEM and row.answer == CLOSED:
        return CardDraft(
            title=title, lead=words("That has settled itself."), state="done", facts=tuple(facts)
        )
    if row.answer is not None and row.answered_at is not None:
        facts.append(Fact(label=words("Answered by"), value=_answered(company, row, reader)))
        return CardDraft(
            title=title,
            lead=words("Nobody answered within a day, so nothing happened.")
            if row.answered_by == SYSTEM
            else words("“{answer}”", answer=shorten(row.answer, 300)),
            state="done",
            facts=tuple(facts),
            sections=(Section(title=words("Question"), text=row.prompt), *sections),
        )
    if row.irreversible:
        return CardDraft(
            title=title,
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
                ButtonDraft(
                    "approve", _label(row.options[0], words), "primary", {"ask": row.id, "option": 0}
                ),
                ButtonDraft("reject", _label(row.options[1], words), "danger", {"ask": row.id, "option": 1}),
            ),
        )
    if stranded:
        text = words(
            "{who} has ended meanwhile. Your answer starts another one, which goes on with it.", who=who
        )
        sections.append(Section(title=words("Nobody waits for this any more"), text=text))
    labels = [str(number) if numbered else one for number, one in enumerate(row.options, 1)]
    buttons = [
        ButtonDraft("answer", label, "plain", {"ask": row.id, "option": number})
        for number, label in enumerate(labels)
    ]
    if stranded:
        buttons.append(ButtonDraft("drop", words("Never mind"), "plain", {"ask": row.id}))
    own = Field(name="text", kind="text", label=words("Your answer"), required=True)
    label = words("Another answer") if row.options else words("Answer")
    if row.kind == "flag":
        label = words("Tell it something")
    buttons.append(ButtonDraft("answer", label, "plain", {"ask": row.id}, (own,)))
    return CardDraft(
        title=title,
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


def asker(row: AskRow, company: Company, words: Words) -> str:
    """Whose question it is: a person's, the loop's own, or a worker's."""
    if row.asked_by is not None:
        return company.name_of(row.asked_by)
    return phrases.label(ASKERS, row.worker, words)


def name_of(company: Company, person_id: str | None) -> str:
    vendor = company.vendor(person_id)
    if company.person(person_id) is None and vendor is not None:
        return vendor.name
    return company.name_of(person_id) if company.person(person_id) is not None else person_id or "–"


def short(text: str) -> str:
    return shorten(text, 160)
