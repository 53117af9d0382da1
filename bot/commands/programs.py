"""Commands about programs and browsers that act for somebody."""

from __future__ import annotations

from bot.commands.call import Call
from core.access import clients as listing
from core.acts.commands import MakeSignInCode


def dashboard(call: Call) -> None:
    """A code that signs one browser in. The link carries it in its fragment, which no log and no preview sees."""
    code = call.do(MakeSignInCode())
    call.reply_alone(
        call.reader.words(
            "This opens the page, signed in as you. It works once, within 10 minutes: {link}\nOr type this code there: {code}",
            link=f"{call.tx.services.url}/signin#{code}",
            code=code,
        )
    )


def clients(call: Call) -> None:
    person, ways = call.person.id, [(address, call.reader) for address in call.alone()]
    call.later(lambda tx: listing.show(tx, person, ways))
