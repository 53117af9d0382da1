"""A tool's result as words that stand alone, in the language of whoever asks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core import phrases
from core.company.company import Company
from core.i18n import N_, Words


def told(name: str, found: dict[str, Any], words: Words, company: Company) -> str:
    """What `name` found, as a person would say it."""
    match name:
        case "list_tickets":
            lines = [_brief(one, words, company) for one in found["tickets"]]
            return "\n".join([words(N_("Tickets: {count}"), count=found["total"]), *lines])
        case "query_brain":
            lines = [f"• {one['quote']} [{one['id']}]" for one in found["sources"]]
            return "\n".join(lines) or words("I found nothing about that.")
        case "live_state":
            return _state(found, words, company)
        case "cost_summary":
            return _cost(found, words)
        case "show_loopos_dashboard":
            return _dashboard(found, words, company)
        case "show_brain_sources":
            lines = [f"• {one['quote']} [{one['id']}]" for one in found["sources"]]
            return "\n".join([found["ticket_id"], *(lines or [words("Nothing is known about that.")])])
        case "propose_new_rule":
            text = N_("Proposed as {rule}: “{text}”. It changes nothing by itself.")
            return words(text, rule=found["rule_id"], text=found["text"])
        case "whoami":
            role = phrases.label(phrases.ROLE, found["role"], words)
            return f"{company.name_of(found['person'])} · {role} · {found['scope']}"
        case "list_asks":
            if not found["asks"]:
                return words(N_("Nobody asks you anything right now."))
            return "\n".join(f"{one['prompt']} [{one['id']}]" for one in found["asks"])
        case "answer_ask":
            return words(N_("Thank you, I passed it on."))
        case "triage" if found["ticket"] is None:
            return _judgement(found["judgement"], words, company)
        case _:
            return _ticket(found.get("ticket"), words, company)


def _place(company: Company, property_id: str | None) -> str:
    place = company.place(property_id)
    return place.name if place is not None else "–"


def _brief(one: dict[str, Any], words: Words, company: Company) -> str:
    what = phrases.label(phrases.CATEGORY, one["category"], words)
    status = phrases.label(phrases.STATUS, one["status"], words)
    return (
        f"{one['ticket_id']} · {one['severity']} · {what} · {_place(company, one['property_id'])} · {status}"
    )


def _ticket(ticket: dict[str, Any] | None, words: Words, company: Company) -> str:
    if ticket is None:
        return words(N_("That is kept, and it is no report: no ticket was made."))
    lines = [_brief(ticket, words, company)]
    standing = next((one for one in reversed(ticket["dispatches"]) if not one["void"]), None)
    if standing is not None:
        vendor = company.vendor(standing["vendor_id"])
        lines.append(
            words(
                N_("{vendor}, about {estimate} USD, cap {cap} USD"),
                vendor=vendor.name if vendor is not None else "–",
                estimate=standing["cost_estimate_usd"],
                cap=standing["cap_usd"],
            )
        )
        if standing["acknowledged_by"]:
            lines.append(words(N_("{who} has it."), who=company.name_of(standing["acknowledged_by"])))
    waiting = next((one for one in reversed(ticket["approvals"]) if one["status"] == "pending"), None)
    if waiting is not None:
        who = words.join([company.name_of(one) for one in waiting["deciders"]])
        lines.append(words(N_("{who} decides: approval {id}"), who=who, id=waiting["approval_id"]))
    return "\n".join(lines)


def _judgement(judged: dict[str, Any], words: Words, company: Company) -> str:
    what = phrases.label(phrases.CATEGORY, judged["category"], words)
    severity = phrases.label(phrases.SEVERITY, judged["severity"], words)
    return f"{what} · {severity} · {_place(company, judged['property_id'])}"


def _state(found: dict[str, Any], words: Words, company: Company) -> str:
    counts = [
        f"{phrases.label(phrases.STATUS, status, words)}: {count}"
        for status, count in found["by_status"].items()
    ]
    lines = [" · ".join(counts) or words("No open tickets. 🎉")]
    lines += [_brief(one, words, company) for one in found["awaiting"]]
    for one in found["timers"][:5]:
        at = datetime.fromisoformat(one["due_at"])
        when = words.time(at, datetime.fromisoformat(found["now"]))
        lines.append(f"{one['ticket_id']} → {company.name_of(one['who']) if one['who'] else '–'}, {when}")
    return "\n".join(lines)


def _cost(found: dict[str, Any], words: Words) -> str:
    return words(
        N_("Models: {total} USD. This month's budget: {budget} USD, {left} USD left. Vendors: {vendor} USD."),
        total=found["total_usd"],
        budget=found["budget_usd"],
        left=found["remaining_usd"],
        vendor=found["vendor_usd"],
    )


def _dashboard(found: dict[str, Any], words: Words, company: Company) -> str:
    if found["state"] is not None:
        said = _state(found["state"], words, company)
    elif found["cost"] is not None:
        said = _cost(found["cost"], words)
    elif found["ticket"] is not None:
        said = _ticket(found["ticket"], words, company)
    else:
        said = "\n".join(f"{one['name']} v{one['version']}" for one in found["skills"] or [])
    return f"{said}\n{found['url']}".strip()
