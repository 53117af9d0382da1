"""Commands about tickets."""

from __future__ import annotations

from bot.commands.call import Call
from core import phrases
from core.acts.commands import Acknowledge, CorrectBill, Resolve
from core.amounts import parse_amount
from core.errors import Refused
from core.model import ApprovalStatus, Status
from core.tickets.records import find_ticket, latest_approval, open_tickets, rate_on


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
    parts = call.words_after.split(maxsplit=2)
    ticket = find_ticket(call.tx, parts[0] if parts else "")
    money = rate_on(call.tx, ticket).currency
    amount = parse_amount(parts[1], money) if len(parts) > 1 else None
    rest = parts[2] if len(parts) > 2 else ""
    if ticket.status == Status.RESOLVED and amount is not None:
        if call.do(CorrectBill(ticket.ticket_id, amount, rest)):
            call.reply(call.reader.words("The bill of {ticket} is corrected.", ticket=ticket.ticket_id))
    elif call.do(Resolve(ticket.ticket_id, amount, outcome=rest)):
        call.reply(call.reader.words("{ticket} is done. Thank you.", ticket=ticket.ticket_id))
