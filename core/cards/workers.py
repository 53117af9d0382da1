"""The workers, as a person in chat sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Field, Option
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.i18n import N_, Words
from core.model import Role
from core.text import shorten

WORKERS: Final = "workers"
"""The kind of the card."""
ENDED_SHOWN: Final = 5
MAX_BUTTONS: Final = 20
HEALTH: Final = {
    "busy": N_("at work"),
    "waiting-ask": N_("waits for an answer"),
    "stuck": N_("silent for long"),
    "exited": N_("has ended"),
    "killed": N_("was ended"),
}


def card(workers: Sequence[dict[str, Any]], company: Company, now: datetime, reader: Reader) -> CardDraft:
    """`workers`: as core.workers.roster describes them. The founder alone ends and flags them; leads may tell them something."""
    words = reader.words
    person = company.person(reader.person_id or "")
    live = [one for one in workers if one["alive"]]
    dead = [one for one in workers if not one["alive"]]
    ended = sorted(dead, key=lambda one: str(one["ended_at"]))[-ENDED_SHOWN:]
    tells: list[ButtonDraft] = []
    flags: list[ButtonDraft] = []
    ends: list[ButtonDraft] = []
    sure = Field(
        name="sure",
        kind="choice",
        label=words("It stops in the middle of its work."),
        options=(Option(value="yes", label=words("End it")), Option(value="no", label=words("Let it work"))),
    )
    note = Field(name="note", kind="text", label=words("What is the matter"), required=False)
    text = Field(name="text", kind="text", label=words("What it should know"), required=True)
    for one in live:
        about = {"worker": one["id"], "run": one["run"]}
        if person is not None and person.role in {Role.FOUNDER, Role.LEAD}:
            tells.append(
                ButtonDraft("tell", words("Tell {worker}", worker=one["id"]), "plain", about, (text,))
            )
        if person is not None and person.role is Role.FOUNDER:
            flags.append(
                ButtonDraft("flag", words("Flag {worker}", worker=one["id"]), "plain", about, (note,))
            )
            ends.append(
                ButtonDraft("kill", words("End {worker}", worker=one["id"]), "danger", about, (sure,))
            )
    lead = words("{count} at work", count=len(live)) if live else words("Nobody works.")
    return CardDraft(
        title=words("Workers"),
        lead=lead,
        state="done",
        facts=tuple(Fact(label=one["id"], value=_line(one, words, now)) for one in [*live, *ended]),
        buttons=tuple(_fitting(tells, ends, flags)),
    )


def _fitting(*kinds: list[ButtonDraft]) -> list[ButtonDraft]:
    """All of a kind or none, as many kinds as fit on a card."""
    found: list[ButtonDraft] = []
    for kind in kinds:
        if len(found) + len(kind) <= MAX_BUTTONS:
            found += kind
    return found


def _line(one: dict[str, Any], words: Words, now: datetime) -> str:
    parts = [phrases.label(HEALTH, one["health"] if one["alive"] else one["state"], words)]
    if one["alive"] and one["ask_id"]:
        parts.append(str(one["ask_id"]))
    if one["state"] == "exited" and one["exit_code"]:
        parts.append(words("it failed ({code})", code=one["exit_code"]))
    if one["verify"]:
        parts.append(
            words("checked: it is done") if one["verify"] == "pass" else words("checked: it is not done")
        )
    if one["flagged"]:
        parts.append(words("flagged: {note}", note=shorten(one["note"] or "–", 80)))
    if one["alive"]:
        parts.append(words("since {time}", time=words.clock(now - timedelta(seconds=one["uptime_s"]), now)))
    if one["cost_usd"]:
        parts.append(words.money(Decimal(str(one["cost_usd"]))))
    return " · ".join(parts)
