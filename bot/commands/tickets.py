"""Commands about tickets."""

from __future__ import annotations

from typing import Final

from bot.commands.call import Call
from core import phrases
from core.acts.commands import Acknowledge, CorrectBill, Resolve
from core.amounts import parse_amount
from core.errors import Refused
from core.model import ApprovalStatus, Status
from core.money import Money
from core.text import normal
from core.tickets.records import find_ticket, latest_approval, open_tickets, rate_on

MAX_AMOUNT_WORDS: Final = 4
"""Of an amount as it is typed: "Rp 1,5 juta"."""


def tickets(call: Call) -> None:
    words = call.reader.words
    tickets = open_tickets(call.tx)
    if not tickets:
        call.reply(words("No open tickets. 🎉"))
        return
    lines = []
    for ticket in tickets[:20]:
        place = call.tx.services.company.place(ticket.property_id)
        what = phrases.label(phrases.CATEGORY, ticket.category, words)
        status = phrases.label(phrases.STATUS, ticket.status, words)
        lines.append(
            f"{ticket.ticket_id} · {ticket.severity} · {what} · {place.name if place else '–'} · {status}"
        )
    if len(tickets) > 20:
        lines.append(words("… and {count} more.", count=len(tickets) - 20))
    call.reply("\n".join(lines))


def ticket(call: Call) -> None:
    if not call.words_after:
        raise Refused("unknown_ticket", ticket="–")
    call.show("ticket", call.words_after.split()[0])


def approve(call: Call) -> None:
    """Shows the card again with live buttons; words alone never approve."""
    ticket = find_ticket(call.tx, call.words_after)
    approval = latest_approval(ticket)
    decides = (
        approval is not None
        and approval.status == ApprovalStatus.PENDING
        and call.person.id in approval.deciders
    )
    call.show("approval" if decides else "ticket", ticket.ticket_id)


def ack(call: Call) -> None:
    ticket = find_ticket(call.tx, call.words_after)
    call.do(Acknowledge(ticket.ticket_id))
    call.reply(call.reader.words("{ticket} is yours.", ticket=ticket.ticket_id))


def resolve(call: Call) -> None:
    name, _, said = call.words_after.strip().partition(" ")
    ticket = find_ticket(call.tx, name)
    amount, rest = _bill_in(said.split(), rate_on(call.tx, ticket).currency, call.reader.language)
    if ticket.status == Status.RESOLVED and amount is not None:
        if call.do(CorrectBill(ticket.ticket_id, amount, rest)):
            call.reply(call.reader.words("The bill of {ticket} is corrected.", ticket=ticket.ticket_id))
    elif call.do(Resolve(ticket.ticket_id, amount, outcome=rest)):
        call.reply(call.reader.words("{ticket} is done. Thank you.", ticket=ticket.ticket_id))


def _bill_in(said: list[str], local: str, language: str) -> tuple[Money | None, str]:
    """(the amount that the words begin with, the words after it): as many words as make one, "500 ribu", "130 usd".
    Raises Refused("amount_unclear" | "amount_unclear_local")."""
    for count in range(min(MAX_AMOUNT_WORDS, len(said)), 0, -1):
        after = said[count : count + 1]
        if after and any(char.isdecimal() for char in normal(after[0])[:1]):
            continue  # "4 600": half a number is none
        try:
            return parse_amount(" ".join(said[:count]), local, language), " ".join(said[count:])
        except Refused:
            continue
    if said:
        parse_amount(said[0] if len(said) == 1 else " ".join(said[:2]), local, language)
        raise Refused("amount_unclear", text=" ".join(said[:2])[:40])
    return None, ""
