"""Commands about what workers, the loop and the shell ask people."""

from __future__ import annotations

from bot.commands.call import Call
from core.acts.commands import AnswerAsk
from core.asks import asks as questions
from core.asks.askers import ended_among
from core.errors import Refused
from core.text import shorten

MAX_LISTED = 20


def asks(call: Call) -> None:
    """Those that the person may answer, oldest first."""
    words = call.reader.words
    rows = questions.pending(call.tx.session, call.person)
    if not rows:
        call.reply(words("Nothing is asked."))
        return
    gone = ended_among(call.tx.session, {row.worker for row in rows if row.kind == "ask"})
    nobody = words("Nobody waits for this any more")
    lines = [
        f"• {shorten(row.prompt, 160)} [{row.id}]"
        + (f" ({nobody})" if row.kind == "ask" and row.worker in gone else "")
        for row in rows[:MAX_LISTED]
    ]
    if len(rows) > MAX_LISTED:
        lines.append(words("{count} more", count=len(rows) - MAX_LISTED))
    lines.append(words("Answer one: {example}", example=f"/answer {rows[0].id} …"))
    call.reply_alone("\n".join(lines))


def answer(call: Call) -> None:
    ask_id, _, text = call.words_after.partition(" ")
    if not ask_id or not text.strip():
        raise Refused("text_needed")
    call.do(AnswerAsk(ask_id, text))
    call.reply(call.reader.words("Thank you, I passed it on."))
