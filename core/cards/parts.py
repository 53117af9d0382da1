"""The pieces that cards are made of: facts, sections, and what a ticket's state means in one sentence."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final, assert_never

from core import phrases
from core.cards.card import Fact, Link, Section
from core.cards.snapshot import DispatchSnapshot
from core.cards.view import State, View
from core.dispatch.draft import response_time
from core.dispatch.quiet_hours import next_working_moment
from core.i18n import N_
from core.knowledge.quoting import for_reader, reads
from core.model import URGENT, QuestionKind, RunState, Status
from core.money import Amount, Rate
from core.text import shorten


def title(view: View) -> str:
    return f"{view.ticket.ticket_id} · {view.category} · {view.place_name}"


def facts(view: View, *, money: bool) -> tuple[Fact, ...]:
    words, ticket, dispatch = view.words, view.ticket, view.dispatch
    found = [Fact(label=words("Severity"), value=phrases.label(phrases.SEVERITY, ticket.severity, words))]
    if ticket.risk_tags:
        risks = [phrases.label(phrases.RISK, tag, words) for tag in ticket.risk_tags]
        found.append(Fact(label=words("Risks"), value=words.join(risks)))
    if dispatch is not None:
        found.append(Fact(label=words("Vendor"), value=view.vendor_name))
        if money:
            found.append(
                Fact(
                    label=words("Estimate"),
                    value=_estimate(view, dispatch),
                )
            )
            found.append(Fact(label=words("Cap"), value=words.money(dispatch.cap_usd)))
        if dispatch.eta_iso:
            found.append(Fact(label=words("Expected"), value=view.time(dispatch.eta_iso)))
        if dispatch.bill is not None and money:
            found.append(Fact(label=words("Actual cost"), value=words.amount(dispatch.bill)))
    found += _guest(view)
    routine = _routine_left(view)
    if routine is not None:
        found.append(Fact(label=words("Routine"), value=routine))
    why = (ticket.knowledge.fallback if ticket.knowledge else "") or next(iter(ticket.triage.fallback), "")
    if money and why in phrases.BY_RULE:
        found.append(Fact(label=words("Analysed"), value=words(phrases.BY_RULE[why])))
    return tuple(found)


def _guest(view: View) -> list[Fact]:
    """When somebody leaves and the next one comes, and what that leaves of time: as the reservations say."""
    words, said = view.words, view.ticket.facts.get("guest", {})
    found = []
    if "check_out" in said:
        found.append(
            Fact(label=words("Check-out"), value=view.time(datetime.fromisoformat(said["check_out"])))
        )
    if "check_in" not in said:
        return found
    arrives, done_by = (datetime.fromisoformat(said[key]) for key in ("check_in", "done_by"))
    minutes = said["cleaner_minutes"]
    value = words(
        N_("{at}; done by {by}, then {minutes} min for the cleaner"),
        at=view.time(arrives),
        by=words.clock(done_by, view.now),
        minutes=minutes,
    )
    found.append(Fact(label=words("Next check-in"), value=value))
    waits = view.ticket.status in {Status.NEW, Status.AWAITING_HUMAN, Status.DISPATCHED}
    place = view.company.place(view.ticket.property_id)
    if waits and view.vendor is not None and place is not None:
        needs = response_time(view.vendor, place, view.now)
        if view.now + needs > done_by:
            text = words(
                N_("{vendor} usually comes within {hours} h. Choose another, or tell the guest now."),
                vendor=view.vendor_name,
                hours=f"{needs.total_seconds() / 3600:g}",
            )
            found.append(Fact(label=words("⚠️ Too late"), value=text))
    return found


def _routine_left(view: View) -> str | None:
    """Which skill does not fit after all, and why; None where none was left."""
    left = view.ticket.skill_artifact
    if left is None or left["run"] != RunState.FELL_BACK:
        return None
    why, _, key = left["reason"].partition(": ")
    reason = view.words(phrases.SKILL_LEFT[why])
    what = view.words(phrases.SKILL_KEY[key]) if key in phrases.SKILL_KEY else ""
    return f"{left['name']} v{left['version']}: {reason}" + (f" ({what})" if what else "")


def _estimate(view: View, dispatch: DispatchSnapshot) -> str:
    """`old → new` where a person edited it (W11)."""
    value = view.words.amount(dispatch.estimate)
    edit = next((c for c in reversed(dispatch.changes) if c.field == "estimate"), None)
    if edit is None:
        return value
    local = dispatch.cost_estimate_local
    old = view.words.local(Rate(local.currency, local.rate).of_usd(Decimal(edit.old))) if local else edit.old
    return f"{old} → {value} ({view.name(edit.by)})"


def own_words(view: View) -> tuple[Section, ...]:
    """Each reporter's original, never replaced by a translation."""
    sections = []
    for report in view.ticket.reports[-4:]:
        text = shorten(report.raw_input, 600) or {
            "voice": view.words("🎤 A voice note, attached. Nobody has typed it up yet."),
            "photo": view.words("📷 A photo, attached."),
        }.get(report.source.get("kind", ""), "")
        if not text:
            continue
        who = view.company.name_of(report.reporter)
        translated = view.translations.get(report.id)
        if translated is None:
            sections.append(Section(title=view.words("In the words of {who}", who=who), text=text))
            continue
        language = phrases.label(phrases.LANGUAGE, report.language, view.words)
        title = view.words("In the words of {who}, translated from {language}", who=who, language=language)
        sections.append(Section(title=title, text=shorten(translated, 600)))
        sections.append(Section(title=view.words("The original"), text=text))
    return tuple(sections)


ATTACHED: Final = {"voice": N_("Voice note"), "photo": N_("Photo")}


def attachments(view: View) -> tuple[Section, ...]:
    links = tuple(
        Link(label=phrases.label(ATTACHED, one.kind, view.words), url=f"media:{one.sha256};{one.media_type}")
        for one in view.ticket.attachments
    )
    return (Section(title=view.words("Attachments"), text="", links=links),) if links else ()


def sources(view: View) -> tuple[Section, ...]:
    """Why this vendor, why this price, and what the company knows: every card shows its sources."""
    words, basis = view.words, view.ticket.knowledge
    if basis is None or not view.may_know:
        return ()
    lines = [
        f"{words('Vendor')}: {phrases.reason(basis.why_vendor, words)}",
        f"{words('Estimate')}: {phrases.reason(basis.why_price, words)}",
    ]
    speaks = reads(words.language, view.reader)
    told = [for_reader(view.company, one, speaks, view.quotes) for one in basis.sources]
    lines += [f"{phrases.label(phrases.KIND, s.layer, words)} [{s.id}] {s.title}: {s.quote}" for s in told]
    return (Section(title=words("Why this vendor, why this price"), text="\n".join(lines), folded=True),)


def understood(view: View) -> tuple[Section, ...]:
    """The words each judgement was read from, on demand."""
    evidence = view.ticket.triage.evidence
    if not evidence:
        return ()
    named = {
        "category": N_("Problem"),
        "severity": N_("Severity"),
        "intent": N_("What you want"),
        "property": N_("Property"),
    }
    lines = [
        f"{view.words(named[key]) if key in named else phrases.label(phrases.RISK, key, view.words)}: {', '.join(found)}"
        for key, found in evidence.items()
    ]
    return (
        Section(
            title=view.words("What I understood, and from which words"), text="\n".join(lines), folded=True
        ),
    )


def history(view: View) -> tuple[Section, ...]:
    lines = [
        f"{view.time(row.at)} · {phrases.label(phrases.EVENT, row.event, view.words)} · {view.company.name_of(row.actor)}"
        for row in view.ticket.history
    ]
    return (Section(title=view.words("History"), text="\n".join(lines), folded=True),)


# --- what the ticket's state means, in one sentence ------------------------------------------------------


def status_line(view: View) -> tuple[str, State]:
    words, ticket, dispatch, approval = view.words, view.ticket, view.dispatch, view.approval
    match ticket.status:
        case Status.NEW:
            pending = next(
                (q for q in ticket.questions if q.answer is None and q.kind == QuestionKind.PROPERTY), None
            )
            if pending is not None:
                return words("I need one thing from you: which property is it?"), "asking"
            return words("Noted. I am looking at it."), "open"
        case Status.AWAITING_HUMAN:
            return _waiting_line(view), "asking"
        case Status.TRIAGED:
            return words("Understood; nobody needs to be sent yet."), "open"
        case Status.DISPATCHED:
            return _dispatched_line(view), "open"
        case Status.RESOLVED:
            when = view.time(ticket.resolved_at) if ticket.resolved_at else ""
            cost = words.amount(dispatch.bill) if dispatch and dispatch.bill is not None else ""
            return " ".join(
                part for part in (words("Done, {at}.", at=when), cost, ticket.outcome or "") if part
            ), "done"
        case Status.REJECTED:
            note = approval.note if approval and approval.note else ""
            who = view.name(approval.decided_by) if approval else ""
            return words("{who} said no. {note}", who=who, note=note).strip(), "refused"
        case Status.LAPSED:
            return words("Nobody decided in time. That is not a no: it can be asked again."), "refused"
        case Status.CANCELLED:
            return words("Cancelled."), "refused"
        case Status.MERGED:
            return words("This now goes on as {ticket}.", ticket=ticket.merged_into or ""), "done"
        case _:
            assert_never(ticket.status)


def _waiting_line(view: View) -> str:
    words, dispatch, approval = view.words, view.dispatch, view.approval
    deciders = words.join([view.name(p) for p in (approval.deciders if approval else [])])
    deciders = deciders or view.company.founder.name
    if approval is not None and approval.deciders and set(approval.deciders) <= set(approval.unreached):
        return words("{who} must decide, but nothing I send arrives there. Please call.", who=deciders)
    mine = approval is not None and [*approval.deciders] == [view.reader_id]
    line = (
        words(
            "You are asked to approve: {vendor}, about {estimate}.",
            vendor=view.vendor_name,
            estimate=words.amount(dispatch.estimate if dispatch else Amount(Decimal(0))),
        )
        if mine and view.vendor
        else words(
            "{who} is asked to approve: {vendor}, about {estimate}.",
            who=deciders,
            vendor=view.vendor_name,
            estimate=words.amount(dispatch.estimate if dispatch else Amount(Decimal(0))),
        )
        if view.vendor
        else words("{who} is asked what to do.", who=deciders)
    )
    return line + _off_line(view, view.company.founder.id)


def _off_line(view: View, person_id: str | None) -> str:
    """Say so when the person it waits for is off (W14)."""
    person = view.company.person(person_id)
    if person is None or view.ticket.severity >= URGENT or person.id == view.reader_id:
        return ""
    back = next_working_moment(person, view.now, view.ticket.severity)
    if back <= view.now:
        return ""
    return " " + view.words("{who} is off until {at}.", who=person.name, at=view.time(back))


def _dispatched_line(view: View) -> str:
    words, dispatch = view.words, view.dispatch
    assert dispatch is not None
    eta = view.time(dispatch.eta_iso) if dispatch.eta_iso else ""
    sent = words("{vendor} is to come, expected {at}.", vendor=view.vendor_name, at=eta)
    if dispatch.acknowledged:
        mine = dispatch.acknowledged_by == view.reader_id
        has_it = (
            words("You have it.") if mine else words("{who} has it.", who=view.name(dispatch.acknowledged_by))
        )
        return f"{sent} {has_it}"
    if dispatch.assignee == view.reader_id:
        return sent  # the job card asks; a second request beside it would only confuse
    waiting = words("Waiting for {who} to say “I have it”.", who=view.name(dispatch.assignee))
    return sent + " " + waiting + _off_line(view, dispatch.assignee)


def decided_line(view: View) -> str:
    """Who decided, when and where; empty while nobody has."""
    approval = view.approval
    if approval is None or approval.decided_by is None or approval.decided_at is None:
        return ""
    return view.words(
        "{verdict} by {who}, {at}, on {channel}.",
        verdict=phrases.label(phrases.VERDICT, approval.status, view.words).capitalize(),
        who=view.name(approval.decided_by),
        at=view.time(approval.decided_at),
        channel=phrases.label(phrases.CHANNEL, approval.decided_on, view.words),
    )


QUESTION_TEXT: Final = {
    QuestionKind.PROPERTY: N_("Which property is it?"),
    QuestionKind.NEAR_POWER: N_("Is water near a socket, cable or fuse box?"),
    QuestionKind.GUEST_INSIDE: N_("Is a guest inside now?"),
    QuestionKind.DANGER: N_("Is anybody in danger?"),
    QuestionKind.DOOR: N_("Who opens the door for the vendor?"),
    QuestionKind.CHARGE_TO: N_("Who pays?"),
    QuestionKind.REOPEN: N_("{other} was resolved only lately. Is it the same problem again?"),
}


def answers(view: View) -> tuple[Section, ...]:
    """Facts that came by a tap, and what was asked and answered in words."""
    words = view.words
    lines = []
    for question in view.ticket.questions:
        if question.kind == QuestionKind.ASK:
            said = question.answer or words("(no answer yet)")
            lines.append(f"{question.text} → {said}")
        elif question.answer and question.kind in phrases.FACTS:
            said = phrases.label(phrases.FACTS[question.kind], question.answer, words)
            if question.answer == "reporter":
                said = view.name(question.person_id)
            lines.append(f"{words(QUESTION_TEXT[question.kind])} → {said}")
    return (Section(title=words("Asked and answered"), text="\n".join(lines)),) if lines else ()
