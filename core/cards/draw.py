"""What each kind of card says. Pure: the state of a ticket and a reader in, a sketch out.

A sketch is a card whose buttons are still actions with arguments; core.desk.board gives them their ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from urllib.parse import quote

from core import phrases
from core.cards.card import Fact, Field, Link, Option, Section
from core.company.company import Company
from core.company.schema import Person, Vendor
from core.dispatch.quiet import PIERCING, next_working_moment
from core.i18n import N_, Words
from core.model import OPEN, Role, Status
from core.store.tables import Approval, Dispatch, Question, Ticket
from core.text import shorten

State = Literal["open", "asking", "done", "refused", "danger"]


@dataclass(frozen=True)
class Press:
    """A button before it has an id."""

    action: str
    label: str
    style: Literal["primary", "danger", "plain"] = "plain"
    args: dict[str, Any] = field(default_factory=dict)
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Sketch:
    title: str
    lead: str
    state: State = "open"
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = ()
    questions: tuple[tuple[str, tuple[Press, ...]], ...] = ()
    presses: tuple[Press, ...] = ()


@dataclass(frozen=True)
class View:
    """What a card may look at."""

    company: Company
    ticket: Ticket
    dispatch: Dispatch | None
    approval: Approval | None
    words: Words
    reader_id: str | None
    conversation_id: str
    now: datetime
    others: tuple[tuple[str, str], ...] = ()
    """Other open tickets of the same property: (ticket id, category)."""

    @property
    def place_name(self) -> str:
        place = self.company.place(self.ticket.property_id)
        return place.name if place else self.words("property unknown")

    @property
    def category(self) -> str:
        return phrases.label(phrases.CATEGORY, self.ticket.category, self.words)

    @property
    def vendor(self) -> Vendor | None:
        return self.company.vendor(self.dispatch.vendor_id) if self.dispatch else None

    @property
    def vendor_name(self) -> str:
        return self.vendor.name if self.vendor else self.words("nobody yet")

    @property
    def reader(self) -> Person | None:
        return self.company.person(self.reader_id)

    def name(self, person_id: str | None) -> str:
        if person_id == self.reader_id:
            return self.words("you")
        return self.company.name_of(person_id)

    def time(self, moment: datetime) -> str:
        return self.words.time(moment, self.now)


def title(view: View) -> str:
    return f"{view.ticket.ticket_id} · {view.category} · {view.place_name}"


def _facts(view: View, *, money: bool) -> tuple[Fact, ...]:
    words, ticket, dispatch = view.words, view.ticket, view.dispatch
    facts = [Fact(label=words("Severity"), value=phrases.label(phrases.SEVERITY, ticket.severity, words))]
    if ticket.risk_tags:
        risks = [phrases.label(phrases.RISK, tag, words) for tag in ticket.risk_tags]
        facts.append(Fact(label=words("Risks"), value=words.join(risks)))
    if dispatch is not None:
        facts.append(Fact(label=words("Vendor"), value=view.vendor_name))
        if money:
            facts.append(
                Fact(
                    label=words("Estimate"),
                    value=_changed(view, "estimate", words.money(dispatch.cost_estimate_usd)),
                )
            )
            facts.append(Fact(label=words("Cap"), value=words.money(dispatch.cap_usd)))
        if dispatch.eta_iso:
            facts.append(Fact(label=words("Expected"), value=view.time(dispatch.eta_iso)))
        if dispatch.actual_cost_usd is not None and money:
            facts.append(Fact(label=words("Actual cost"), value=words.money(dispatch.actual_cost_usd)))
    return tuple(facts)


def _changed(view: View, what: str, value: str) -> str:
    """`old → new` where a person edited it (WANTED W11)."""
    assert view.dispatch is not None
    edit = next((c for c in reversed(view.dispatch.changes) if c["field"] == what), None)
    return f"{edit['old']} → {value} ({view.name(edit['by'])})" if edit else value


def _own_words(view: View) -> tuple[Section, ...]:
    """Each reporter's original, never replaced by a translation."""
    sections = []
    for report in view.ticket.reports[-4:]:
        text = shorten(report.raw_input, 600) or {
            "voice": view.words("🎤 A voice note, attached. Nobody has typed it up yet."),
            "photo": view.words("📷 A photo, attached."),
        }.get(report.source.get("kind", ""), "")
        if text:
            who = view.words("In the words of {who}", who=view.company.name_of(report.reporter))
            sections.append(Section(title=who, text=text))
    return tuple(sections)


ATTACHED: Final = {"voice": N_("Voice note"), "photo": N_("Photo")}


def _attachments(view: View) -> tuple[Section, ...]:
    links = tuple(
        Link(label=phrases.label(ATTACHED, one.kind, view.words), url=f"media:{one.sha256}")
        for one in view.ticket.attachments
    )
    return (Section(title=view.words("Attachments"), text="", links=links),) if links else ()


def _sources(view: View) -> tuple[Section, ...]:
    """Why this vendor, why this price, and what the company knows: every card shows its sources."""
    words, knowledge = view.words, view.ticket.knowledge
    if not knowledge:
        return ()
    lines = [
        f"{words('Vendor')}: {phrases.reason(knowledge['why_vendor'], words)}",
        f"{words('Estimate')}: {phrases.reason(knowledge['why_price'], words)}",
    ]
    names = {"memo": N_("Memo"), "sop": N_("Procedure"), "history": N_("Past repair"), "skill": N_("Routine")}
    lines += [
        f"{words(names[s['layer']])} [{s['id']}] {s['title']}: {s['quote']}"
        for s in knowledge.get("sources", [])
    ]
    return (Section(title=words("Why this vendor, why this price"), text="\n".join(lines), folded=True),)


def _understood(view: View) -> tuple[Section, ...]:
    """The words each judgement was read from, on demand."""
    evidence: dict[str, list[str]] = view.ticket.triage.get("evidence", {})
    if not evidence:
        return ()
    named = {"category": N_("Problem"), "severity": N_("Severity"), "property": N_("Property")}
    lines = [
        f"{view.words(named[key]) if key in named else phrases.label(phrases.RISK, key, view.words)}: {', '.join(found)}"
        for key, found in evidence.items()
    ]
    return (
        Section(
            title=view.words("What I understood, and from which words"), text="\n".join(lines), folded=True
        ),
    )


def _history(view: View) -> tuple[Section, ...]:
    lines = [
        f"{view.time(row.at)} · {phrases.label(phrases.EVENT, row.event, view.words)} · {view.company.name_of(row.actor)}"
        for row in view.ticket.history[-20:]
    ]
    return (Section(title=view.words("History"), text="\n".join(lines), folded=True),)


# --- what the ticket's state means, in one sentence ------------------------------------------------------


def status_line(view: View) -> tuple[str, State]:
    words, ticket, dispatch, approval = view.words, view.ticket, view.dispatch, view.approval
    match Status(ticket.status):
        case Status.NEW:
            pending = next((q for q in ticket.questions if q.answer is None and q.kind == "property"), None)
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
            cost = (
                words.money(dispatch.actual_cost_usd)
                if dispatch and dispatch.actual_cost_usd is not None
                else ""
            )
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
        case _:
            return words("This now goes on as {ticket}.", ticket=ticket.merged_into or ""), "done"


def _waiting_line(view: View) -> str:
    words, dispatch, approval = view.words, view.dispatch, view.approval
    deciders = words.join([view.name(p) for p in (approval.deciders if approval else [])])
    deciders = deciders or view.company.founder.name
    line = (
        words(
            "{who} is asked to approve: {vendor}, about {estimate}.",
            who=deciders,
            vendor=view.vendor_name,
            estimate=words.money(dispatch.cost_estimate_usd if dispatch else Decimal(0)),
        )
        if view.vendor
        else words("{who} is asked what to do.", who=deciders)
    )
    return line + _off_line(view, view.company.founder.id)


def _off_line(view: View, person_id: str | None) -> str:
    """Say so when the person it waits for is off (WANTED W14)."""
    person = view.company.person(person_id)
    if person is None or view.ticket.severity >= PIERCING or person.id == view.reader_id:
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
        return sent + " " + words("{who} has it.", who=view.name(dispatch.acknowledged_by))
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


# --- the kinds -------------------------------------------------------------------------------------------


def receipt(view: View) -> Sketch:
    """To whoever reported: what was understood, what happens next, what is still missing."""
    words, ticket = view.words, view.ticket
    lead, state = status_line(view)
    sections = [*_understood(view), *_sources(view)]
    if (
        ticket.status in {Status.NEW, Status.AWAITING_HUMAN, Status.DISPATCHED}
        and ticket.category in phrases.MEANWHILE
    ):
        advice = words(phrases.MEANWHILE[ticket.category])
        sections.insert(0, Section(title=words("What to do now"), text=advice))
    mine = [
        r
        for r in ticket.reports
        if r.source.get("conversation_id") == view.conversation_id and r.split_to is None
    ]
    joined = bool(ticket.reports) and mine and mine[0] is not ticket.reports[0]
    presses = []
    if joined and ticket.status not in {Status.MERGED, Status.CANCELLED}:
        lead = (
            words(
                "{who} reported this already; your words are added.",
                who=view.name(ticket.reports[0].reporter),
            )
            + " "
            + lead
        )
        presses.append(Press("split", words("No, another problem"), args={"report": mine[-1].id}))
    if ticket.status in {Status.NEW, Status.AWAITING_HUMAN} and view.reader_id == ticket.reporter:
        presses.append(Press("cancel", words("Not needed any more")))
    if ticket.status == Status.MERGED and view.reader_id == ticket.reporter:
        presses.append(Press("unmerge", words("No, another problem")))
    if ticket.status in {Status.RESOLVED, Status.REJECTED, Status.LAPSED, Status.CANCELLED}:
        presses.append(Press("reopen", words("It is not over: reopen")))
    return Sketch(
        title=title(view),
        lead=lead,
        state="danger" if ticket.severity >= 5 and state == "asking" else state,
        facts=_facts(view, money=False),
        sections=tuple(sections),
        questions=tuple(_question(q, view) for q in ticket.questions if _is_mine(q, view)),
        presses=tuple(presses),
    )


def _is_mine(question: Question, view: View) -> bool:
    return (
        question.answer is None
        and question.kind != "ask"
        and question.conversation_id == view.conversation_id
        and view.ticket.status in {Status.NEW, Status.AWAITING_HUMAN, Status.DISPATCHED}
    )


QUESTION_TEXT: Final = {
    "property": N_("Which property is it?"),
    "near_power": N_("Is water near a socket, cable or fuse box?"),
    "guest_inside": N_("Is a guest inside now?"),
    "reopen": N_("{other} was resolved only lately. Is it the same problem again?"),
}


def _question(question: Question, view: View) -> tuple[str, tuple[Press, ...]]:
    words = view.words
    text = words(
        QUESTION_TEXT[question.kind], **({"other": question.text} if question.kind == "reopen" else {})
    )
    labels = {
        "yes": words("Yes"),
        "no": words("No"),
        "reopen": words("Yes, reopen it"),
        "new": words("No, a new problem"),
    }
    presses = []
    for option in question.options:
        place = view.company.place(option)
        presses.append(
            Press(
                "choose",
                place.name if place else labels[option],
                args={"question": question.id, "option": option},
            )
        )
    return text, tuple(presses)


def approval(view: View) -> Sketch:
    """To those who decide: one line of money, every reason, the exact texts, and the buttons."""
    words, ticket, dispatch, asked = view.words, view.ticket, view.dispatch, view.approval
    sections = [*_own_words(view), *_attachments(view)]
    if asked is not None and asked.reasons:
        why = "\n".join(f"• {phrases.reason(r, words)}" for r in asked.reasons)
        sections.append(Section(title=words("Why you are asked"), text=why))
    sections += [*_answers(view), *_sources(view), *_texts(view), *_understood(view)]
    pending = asked is not None and asked.status == "pending" and ticket.status == Status.AWAITING_HUMAN
    if pending and dispatch is not None and asked is not None:
        if view.vendor is None:
            lead = words("{what} at {place}: whom shall I send?", what=view.category, place=view.place_name)
        else:
            lead = words(
                "Send {vendor} for about {estimate}?",
                vendor=view.vendor_name,
                estimate=words.money(dispatch.cost_estimate_usd),
            )
        presses = _approval_presses(view, asked, dispatch)
        state: State = "danger" if ticket.severity >= 5 else "asking"
    else:
        line, state = status_line(view)
        lead = " ".join(part for part in (decided_line(view), line) if part)
        presses = ()
        if ticket.status in {Status.REJECTED, Status.LAPSED}:
            presses = (Press("reopen", words("Ask again")),)
    facts = (
        *_facts(view, money=True),
        Fact(label=words("Reported by"), value=view.name(ticket.reporter)),
    )
    return Sketch(title(view), lead, state, facts, tuple(sections), (), presses)


def _approval_presses(view: View, asked: Approval, dispatch: Dispatch) -> tuple[Press, ...]:
    words = view.words
    args = {"approval": asked.id, "digest": asked.digest}
    place = view.ticket.property_id or ""
    others = tuple(
        Option(value=v.id, label=f"{v.name} · {v.usual_usd.low:.0f}–{v.usual_usd.high:.0f} USD")
        for v in view.company.vendors
        if view.company.reaches(v, place) and v.id != dispatch.vendor_id
    )
    presses = []
    if view.vendor is not None:
        yes = words("Approve {amount}", amount=words.money(dispatch.cost_estimate_usd))
        presses.append(Press("approve", yes, "primary", args))
        amount = Field(name="amount", kind="amount", label=words("New amount in USD"))
        presses.append(Press("change", words("Change amount"), args=args, fields=(amount,)))
    if others:
        pick = Field(name="vendor", kind="choice", label=words("Which vendor?"), options=others)
        presses.append(Press("vendor", words("Other vendor"), args=args, fields=(pick,)))
    why = Field(name="reason", kind="text", label=words("Why not? The reporter will read it."))
    presses.append(Press("reject", words("Reject"), "danger", args, (why,)))
    if view.ticket.reporter != view.reader_id:
        ask = Field(name="question", kind="text", label=words("What do you want to know?"))
        presses.append(
            Press("ask", words("Ask {who}", who=view.name(view.ticket.reporter)), args=args, fields=(ask,))
        )
    return tuple(presses)


def _answers(view: View) -> tuple[Section, ...]:
    """Facts that came by a tap, and what was asked and answered in words."""
    words = view.words
    lines = []
    for question in view.ticket.questions:
        if question.kind == "ask":
            said = question.answer or words("(no answer yet)")
            lines.append(f"{question.text} → {said}")
        elif question.answer and question.kind in {"near_power", "guest_inside"}:
            lines.append(
                f"{words(QUESTION_TEXT[question.kind])} → {words('Yes') if question.answer == 'yes' else words('No')}"
            )
    return (Section(title=words("Asked and answered"), text="\n".join(lines)),) if lines else ()


def _texts(view: View) -> tuple[Section, ...]:
    """The messages that go out, each in its reader's language."""
    if view.dispatch is None or view.vendor is None:
        return ()
    brief, guest = vendor_text(view), guest_text(view)
    return (
        Section(
            title=view.words("To the vendor ({language})", language=view.vendor.languages[0]),
            text=brief,
            folded=True,
        ),
        Section(
            title=view.words("To the guest ({language})", language=guest_language(view)),
            text=guest,
            folded=True,
        ),
    )


def guest_language(view: View) -> str:
    place = view.company.place(view.ticket.property_id)
    return place.language if place else view.words.language


def vendor_text(view: View) -> str:
    """The order as the vendor reads it: in their language, without our cap."""
    vendor, place, dispatch = view.vendor, view.company.place(view.ticket.property_id), view.dispatch
    if vendor is None or place is None or dispatch is None:
        return ""
    words = Words(vendor.languages[0], place.zone)
    contact = view.company.person(dispatch.assignee) or view.company.founder
    risks = [
        phrases.label(phrases.RISK, tag, words)
        for tag in view.ticket.risk_tags
        if tag not in {"guest_angry", "vip_or_review_threat"}
    ]
    lines = [
        words("Hello, this is {company}.", company=view.company.about.name),
        words(
            "Job {ticket}: {what} at {place}, {address}.",
            ticket=view.ticket.ticket_id,
            what=phrases.label(phrases.CATEGORY, view.ticket.category, words),
            place=place.name,
            address=place.address,
        ),
    ]
    if risks:
        lines.append(words("Careful: {risks}.", risks=words.join(risks)))
    lines.append(
        words(
            "Agreed about {amount}. Please call before it gets more.",
            amount=words.money(dispatch.cost_estimate_usd),
        )
    )
    if dispatch.eta_iso:
        lines.append(words("We expect you at {at}.", at=words.time(dispatch.eta_iso, view.now)))
    lines.append(words("Contact: {who} {phone}", who=contact.name, phone=contact.phone or "").strip())
    return "\n".join(lines)


def guest_text(view: View) -> str:
    place, dispatch = view.company.place(view.ticket.property_id), view.dispatch
    if place is None or dispatch is None:
        return ""
    words = Words(guest_language(view), place.zone)
    lines = [
        words(
            "Hello, this is {company}. We know about the problem ({what}) and are on it.",
            company=view.company.about.name,
            what=phrases.label(phrases.CATEGORY, view.ticket.category, words),
        ),
    ]
    if dispatch.eta_iso:
        lines.append(
            words(
                "{vendor} should be with you at about {at}.",
                vendor=view.vendor_name,
                at=words.time(dispatch.eta_iso, view.now),
            )
        )
    sop = view.company.sop(view.ticket.matched_sop_id)
    offer = sop.guest_offer.get(words.language) if sop else None  # type: ignore[call-overload]
    if offer:
        lines.append(words("We are sorry, and would like to offer you {offer}.", offer=offer))
    return "\n".join(lines)


def _vendor_links(view: View) -> tuple[Link, ...]:
    vendor = view.vendor
    if vendor is None or vendor.phone is None or vendor.person_id == view.reader_id:
        return ()
    digits = "".join(char for char in vendor.phone if char.isdigit())
    links = [Link(label=view.words("Call {phone}", phone=vendor.phone), url=f"tel:+{digits}")]
    if vendor.whatsapp:
        links.append(
            Link(
                label=view.words("WhatsApp with this text"),
                url=f"https://wa.me/{digits}?text={quote(vendor_text(view))}",
            )
        )
    return tuple(links)


def job(view: View) -> Sketch:
    """To whoever has to see to it: the vendor's number, the text to send, and "I have it"."""
    words, ticket, dispatch = view.words, view.ticket, view.dispatch
    lead, state = status_line(view)
    if (
        dispatch is not None
        and ticket.status == Status.DISPATCHED
        and not dispatch.acknowledged
        and _may_handle(view, dispatch)
    ):
        lead = f"{lead} {words('Please say that you have it.')}"
    place = view.company.place(ticket.property_id)
    sections = [*_own_words(view), *_attachments(view), *_answers(view)]
    if ticket.category in phrases.MEANWHILE and ticket.status == Status.DISPATCHED:
        sections.insert(
            0, Section(title=words("What to do now"), text=words(phrases.MEANWHILE[ticket.category]))
        )
    if dispatch is not None and view.vendor is not None and ticket.status == Status.DISPATCHED:
        brief = Section(title=words("Tell the vendor"), text=vendor_text(view), links=_vendor_links(view))
        sections.append(
            brief
            if view.vendor.person_id is None
            else Section(title=words("It is for you"), text=vendor_text(view))
        )
        sections.append(Section(title=words("Tell the guest"), text=guest_text(view), folded=True))
    sections += [*_sources(view), *_understood(view)]
    if place and place.access:
        sections.append(
            Section(title=words("Address and access"), text=f"{place.address}\n{place.access}", folded=True)
        )
    return Sketch(title(view), lead, state, _facts(view, money=True), tuple(sections), (), _job_presses(view))


def _job_presses(view: View) -> tuple[Press, ...]:
    words, ticket, dispatch = view.words, view.ticket, view.dispatch
    if ticket.status in {Status.RESOLVED, Status.REJECTED, Status.LAPSED, Status.CANCELLED}:
        return (Press("reopen", words("It is not over: reopen")),)
    if dispatch is None or ticket.status != Status.DISPATCHED or not _may_handle(view, dispatch):
        return ()
    args = {"dispatch": dispatch.dispatch_id}
    if not dispatch.acknowledged:
        return (
            Press("ack", words("I have it"), "primary", args),
            Press("resolve", words("Already done"), args=args, fields=resolve_fields(view)),
        )
    presses = [Press("resolve", words("Done"), "primary", args, resolve_fields(view))]
    if view.reader_id == dispatch.acknowledged_by or (view.reader and view.reader.role is not Role.OPS):
        presses.append(Press("unack", words("Give it back"), args=args))
    return tuple(presses)


def _may_handle(view: View, dispatch: Dispatch) -> bool:
    if view.reader is None:
        return False
    return view.reader.id in {dispatch.assignee, *dispatch.paged} or view.reader.role in {
        Role.LEAD,
        Role.FOUNDER,
    }


def resolve_fields(view: View) -> tuple[Field, ...]:
    words = view.words
    free = view.vendor is not None and view.vendor.person_id is not None
    return (
        Field(
            name="amount", kind="amount", label=words("What did it cost, in USD?"), value="0" if free else ""
        ),
        Field(name="outcome", kind="text", label=words("What was done?"), required=False),
        Field(
            name="charge_to",
            kind="choice",
            label=words("Who pays?"),
            required=False,
            options=tuple(
                Option(value=key, label=phrases.label(phrases.CHARGE, key, words)) for key in phrases.CHARGE
            ),
        ),
        Field(
            name="rating",
            kind="choice",
            label=words("How good was it?"),
            required=False,
            options=tuple(Option(value=str(n), label="★" * n) for n in (5, 4, 3, 2, 1)),
        ),
    )


def ticket_card(view: View) -> Sketch:
    """Everything about a ticket, for /ticket; also what is done by hand: merge, cancel."""
    sketch = job(view)
    sections = (*sketch.sections, *_history(view))
    presses = (*sketch.presses, *_by_hand(view))
    return Sketch(sketch.title, sketch.lead, sketch.state, sketch.facts, sections, (), presses)


def _by_hand(view: View) -> tuple[Press, ...]:
    words, ticket, reader = view.words, view.ticket, view.reader
    if reader is None or ticket.status not in OPEN:
        return ()
    if (
        reader.id != ticket.reporter
        and reader.role is Role.OPS
        and ticket.property_id not in reader.properties
    ):
        return ()
    presses = []
    if view.others:
        options = tuple(
            Option(value=one, label=f"{one} · {phrases.label(phrases.CATEGORY, category, words)}")
            for one, category in view.others
        )
        pick = Field(
            name="into", kind="choice", label=words("The same problem as which ticket?"), options=options
        )
        presses.append(Press("merge", words("Same as another ticket"), fields=(pick,)))
    if reader.id == ticket.reporter or reader.role is not Role.OPS:
        presses.append(Press("cancel", words("Not needed any more")))
    return tuple(presses)


def follow_up(view: View) -> Sketch:
    """At the vendor's ETA, to whoever has it: is it done?"""
    words, ticket, dispatch = view.words, view.ticket, view.dispatch
    lead, state = status_line(view)
    presses: tuple[Press, ...] = ()
    if dispatch is not None and ticket.status == Status.DISPATCHED and dispatch.acknowledged:
        lead, state = words("Has {vendor} been, and is it done?", vendor=view.vendor_name), "asking"
        args = {"dispatch": dispatch.dispatch_id}
        presses = (
            Press("resolve", words("Done"), "primary", args, resolve_fields(view)),
            Press("later", words("Not yet: ask me in an hour"), args=args),
            Press("unack", words("Give it back"), args=args),
        )
    return Sketch(
        title(view),
        lead,
        state,
        _facts(view, money=True),
        (Section(title="", text="", links=_vendor_links(view)),) if _vendor_links(view) else (),
        (),
        presses,
    )


KINDS: Final = {
    "receipt": receipt,
    "approval": approval,
    "job": job,
    "ticket": ticket_card,
    "follow_up": follow_up,
}
