"""Rules that somebody proposes. A proposal is words: nothing in the house goes by it."""

from __future__ import annotations

from core.actors import Actor
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.outbox import card_publisher
from core.store.tables import RuleRow
from core.text import escape, shorten
from core.tickets.records import find_ticket


def propose(tx: Tx, actor: Actor, text: str, ticket_id: str, property_id: str) -> RuleRow:
    """Write it down and tell the founder. Raises Refused("text_needed" | "unknown_ticket" | "which_property")."""
    words = escape(text).strip()
    if not words:
        raise Refused("text_needed")
    if property_id and tx.services.company.place(property_id) is None:
        raise Refused("which_property")
    ticket = find_ticket(tx, ticket_id) if ticket_id else None
    rule = tx.add(
        RuleRow(
            rule_id=f"rule_{new_id()[-12:]}",
            text=words[:2000],
            ticket_id=ticket.ticket_id if ticket is not None else None,
            property_id=property_id or None,
            proposed_by=actor.person_id,
            proposed_at=tx.now,
            status="proposed",
        )
    )
    who = tx.services.company.name_of(actor.person_id)
    if actor.person_id != tx.services.company.founder.id:
        card_publisher.tell(
            tx,
            tx.services.company.founder,
            lambda said: said(
                N_("{who} proposes a rule: “{text}”. It changes nothing by itself."),
                who=who,
                text=shorten(words, 300),
            ),
        )
    return rule


def diff_of(rule: RuleRow) -> str:
    """What it would add, as a unified diff of the file that would hold it."""
    lines = [f"+{line}" for line in rule.text.splitlines()]
    return "\n".join(
        ["--- /dev/null", f"+++ b/rules/{rule.rule_id}.md", f"@@ -0,0 +1,{len(lines)} @@", *lines, ""]
    )


def brief_of(rule: RuleRow) -> str:
    """A complete task for whoever makes it part of the company."""
    evidence = f"Evidence: ticket {rule.ticket_id}." if rule.ticket_id else "Evidence: none was named."
    scope = f"property {rule.property_id}" if rule.property_id else "every property"
    return "\n".join(
        [
            f"Goal: make this rule of the company hold for {scope}: {rule.text}",
            evidence,
            f"Files: rules/{rule.rule_id}.json in the company's folder.",
            "Tests: a report that the rule is about is drafted by it; a report that it is not about is drafted as before; "
            "no cap is widened and no vendor is added.",
        ]
    )
