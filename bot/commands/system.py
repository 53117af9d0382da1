"""Commands about the house itself: how it is, what it knows, what it was taught."""

from __future__ import annotations

from functools import partial

from bot.commands.call import Call
from core import phrases
from core.acts.commands import ReviewCorrection, UndoCorrection
from core.brain.answering import Question, answer
from core.clock import shifted
from core.errors import Refused
from core.health import Health
from core.i18n import N_, Words
from core.loop.house import is_down
from core.outbox import translations
from core.team.rights import Right
from core.text import shorten
from core.tickets.records import count_open, repairs_here
from core.workflow import corrections as taught


def brain(call: Call) -> None:
    words = call.reader.words
    if not call.words_after:
        call.reply(words("What do you want to know? For example: /brain AC Taipei"))
        return
    services = call.tx.services
    told = answer(
        services.company,
        services.baseline,
        Question(call.words_after),
        call.person,
        call.tx.now.date(),
        words=words,
        near=call.near,
        own=repairs_here(call.tx.session),
        known=partial(translations.known, call.tx.session),
    )
    lines = [f"• {one['quote']} [{one['id']}]" for one in told["sources"]]
    # In a group others read along, who may read less.
    call.reply_alone("\n".join(lines) or told["answer"])


def status(call: Call) -> None:
    words, services = call.reader.words, call.tx.services
    lines = [
        words("Open tickets: {count}", count=count_open(call.tx)),
        words("The loop is stopped. /up starts it again.")
        if is_down(call.tx.session)
        else words("The loop runs."),
        words(
            "Channels: {names}",
            names=", ".join(
                phrases.label(phrases.CHANNEL, name, words)
                for name in services.channels
                if name not in services.proved
            ),
        ),
        *_shifted(words),
        *(_health_line(call, name, health) for name, health in services.health.items()),
        *_models_and_speech(call),
    ]
    call.reply("\n".join(lines))


def _shifted(words: Words) -> list[str]:
    """That this house does not live by the real clock."""
    by = shifted()
    return (
        [words("⚠️ The clock is shifted by {seconds} seconds.", seconds=f"{by.total_seconds():+.0f}")]
        if by
        else []
    )


def _models_and_speech(call: Call) -> list[str]:
    """Who reads and who listens: the plain engine is named as such (N9)."""
    words, services = call.reader.words, call.tx.services
    lines = []
    for one in services.models.health() if services.models is not None else []:
        state = "✓" if one.state == "ok" else f"⚠️ {one.detail}"
        named = ", ".join(dict.fromkeys(one.models.values()))
        lines.append(words("Model: {name}", name=f"{one.name} {named}".strip()) + f" {state}")
    transcriber = (
        ", ".join(services.transcriber.names)
        if services.transcriber is not None
        else words("nobody: a person has to")
    )
    return [
        *(lines or [words("Model: none, I read by my own rules")]),
        words("Voice notes are heard by: {names}", names=transcriber),
    ]


def _health_line(call: Call, name: str, health: Health) -> str:
    words, now = call.reader.words, call.tx.now
    moments = {
        N_("last heard {at}"): health.last_inbound,
        N_("last delivered {at}"): health.last_delivered,
    }
    parts = [words(text, at=words.time(at, now)) for text, at in moments.items() if at is not None]
    state = f"⚠️ {health.ailment}" if health.ailment else "✓"
    return f"{phrases.label(phrases.CHANNEL, name, words)}: {state} " + " · ".join(parts)


def corrections(call: Call) -> None:
    """What was taught lately, newest first; `/corrections undo 2` takes the second back."""
    words, company = call.reader.words, call.tx.services.company
    call.require(Right.CORRECTIONS)
    lately = taught.lately(call.tx)
    verb, _, number = call.words_after.partition(" ")
    if verb.casefold() == "undo":
        if not number.isdecimal() or not 1 <= int(number) <= len(lately):
            raise Refused("unknown_option")
        call.do(UndoCorrection(lately[int(number) - 1].id))
        call.reply(words("Taken back. From the next message on I read as if it had not been said."))
        return
    if verb.casefold() == "ok":
        if not number.isdecimal() or not 1 <= int(number) <= len(lately):
            raise Refused("unknown_option")
        call.do(ReviewCorrection(lately[int(number) - 1].id))
        call.reply(words("Learnt, from the next message on."))
        return
    if not lately:
        call.reply(words("Nothing was corrected yet."))
        return
    lines = [
        f"{at}. {row.old or '–'} → {row.new} · {company.name_of(row.person_id)}, "
        f"{words.time(row.at, call.tx.now)} · {shorten(row.text, 60)}"
        + ("" if row.reviewed_by else " · " + words("not learnt yet"))
        for at, row in enumerate(lately, 1)
    ]
    if any(row.reviewed_by is None for row in lately):
        lines.append(words("To let me learn one: /corrections ok 1"))
    lines.append(words("To take one back: /corrections undo 1"))
    call.reply("\n".join(lines))
