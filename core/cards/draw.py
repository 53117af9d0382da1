"""What each kind of card says. Pure: the state of a ticket and a reader in, a draft out.

A draft is a card whose buttons are still actions with arguments; core.outbox.card_publisher gives them their ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from core import phrases
from core.amounts import guess_in
from core.cards.card import Fact, Field, Option, Section
from core.cards.parts import (
    QUESTION_TEXT,
    answers,
    attachments,
    decided_line,
    facts,
    history,
    own_words,
    sources,
    status_line,
    title,
    understood,
)
from core.cards.snapshot import ApprovalSnapshot, DispatchSnapshot, QuestionSnapshot, TicketSnapshot
from core.cards.texts import guest_language, guest_text, offer_line, vendor_links, vendor_text, written
from core.cards.view import ButtonDraft, CardDraft, State, View
from core.company.schema import Vendor
from core.dispatch.standing import DEFAULT_DAYS, DEFAULT_SEVERITY, DEFAULT_USES, offered
from core.model import OPEN, ApprovalStatus, Intent, QuestionKind, Role, Status
from core.text import shorten

# --- the kinds -------------------------------------------------------------------------------------------


def receipt(view: View) -> CardDraft:
    """To whoever reported: what was understood, what happens next, what is still missing."""
    words, ticket = view.words, view.ticket
    lead, state = status_line(view)
    sections = [*understood(view), *sources(view)]
    advice = phrases.meanwhile(ticket.category, ticket.risk_tags, words)
    if ticket.status in {Status.NEW, Status.AWAITING_HUMAN, Status.DISPATCHED} and advice:
        more = written(view, "reporter", words.language)
        sections.insert(0, Section(title=words("What to do now"), text="\n".join([advice, *more])))
    mine = [
        r
        for r in ticket.reports
        if r.source.get("conversation_id") == view.conversation_id
        and r.split_to is None
        and (view.reader_id is None or r.reporter == view.reader_id)
    ]
    spoken = next((r for r in reversed(mine) if r.heard and r.heard.get("engine") and r.raw_input), None)
    if spoken is not None:
        sections.insert(
            0, Section(title=words("🎧 What I heard"), text=shorten(spoken.transcript_native, 600))
        )
    first = ticket.reports[0] if ticket.reports else None
    joined = first is not None and mine and mine[-1] is not first and first.reporter != view.reader_id
    buttons = []
    if joined and ticket.status not in {Status.MERGED, Status.CANCELLED}:
        lead = (
            words(
                "{who} reported this already; your words are added.",
                who=view.name(ticket.reports[0].reporter),
            )
            + " "
            + lead
        )
        buttons.append(ButtonDraft("split", words("No, another problem"), args={"report": mine[-1].id}))
    if ticket.status in OPEN and spoken is not None:
        said = Field(name="words", kind="text", label=words("What did you say? Write it, or say it again."))
        buttons.append(
            ButtonDraft("correct", words("I said something else"), args={"report": spoken.id}, fields=(said,))
        )
    if ticket.status in OPEN and not joined:
        buttons.append(_correct(view))
    if ticket.status in {Status.NEW, Status.AWAITING_HUMAN} and view.reader_id == ticket.reporter:
        buttons.append(ButtonDraft("cancel", words("Not needed any more")))
    if ticket.status == Status.MERGED and view.reader_id == ticket.reporter:
        buttons.append(ButtonDraft("unmerge", words("No, another problem")))
    if ticket.status in {Status.RESOLVED, Status.REJECTED, Status.LAPSED, Status.CANCELLED}:
        buttons.append(ButtonDraft("reopen", words("It is not over: reopen")))
    return CardDraft(
        title=title(view),
        lead=lead,
        state="danger" if ticket.severity >= 5 and state == "asking" else state,
        facts=facts(view, money=False),
        sections=tuple(sections),
        questions=(
            *(_question(q, view) for q in ticket.questions if _is_mine(q, view)),
            *_charge(view, on_job=False),
        ),
        buttons=tuple(buttons),
    )


def _is_mine(question: QuestionSnapshot, view: View) -> bool:
    return (
        question.answer is None
        and question.kind not in {QuestionKind.ASK, QuestionKind.CHARGE_TO}
        and question.conversation_id == view.conversation_id
        and view.ticket.status in {Status.NEW, Status.AWAITING_HUMAN, Status.DISPATCHED}
    )


def _charge(view: View, *, on_job: bool) -> tuple[tuple[str, tuple[ButtonDraft, ...]], ...]:
    """ "Who pays?", once it is known what it cost: on the job card of whoever closed it, else on their receipt."""
    has_job = view.dispatch is not None and view.reader_id in view.dispatch.paged
    return tuple(
        _question(question, view)
        for question in view.ticket.questions
        if question.kind == QuestionKind.CHARGE_TO
        and question.answer is None
        and question.person_id == view.reader_id
        and view.ticket.status == Status.RESOLVED
        and on_job == has_job
    )


def _question(question: QuestionSnapshot, view: View) -> tuple[str, tuple[ButtonDraft, ...]]:
    words = view.words
    text = words(
        QUESTION_TEXT[question.kind],
        **({"other": question.text} if question.kind == QuestionKind.REOPEN else {}),
    )
    labels = phrases.CHOICES.get(question.kind, {})
    buttons = []
    for option in question.options:
        place = view.company.place(option)
        buttons.append(
            ButtonDraft(
                "choose",
                place.name if place else phrases.label(labels, option, words),
                args={"question": question.id, "option": option},
            )
        )
    return text, tuple(buttons)


def approval(view: View) -> CardDraft:
    """To those who decide: one line of money, every reason, the exact texts, and the buttons."""
    words, ticket, dispatch, asked = view.words, view.ticket, view.dispatch, view.approval
    pending = (
        asked is not None
        and asked.status == ApprovalStatus.PENDING
        and ticket.status == Status.AWAITING_HUMAN
    )
    sections = [*own_words(view), *attachments(view)]
    if asked is not None and asked.reasons:
        why = "\n".join(f"• {phrases.reason(r, words)}" for r in asked.reasons)
        sections.append(Section(title=words("Why you are asked"), text=why))
    # What a yes sends stands there in full until it is said, also where nothing can be unfolded.
    sections += [
        *answers(view),
        *_texts(view, folded=not pending),
        *sources(view),
        *understood(view),
    ]
    if pending and dispatch is not None and asked is not None:
        if view.vendor is None:
            lead = words("{what} at {place}: whom shall I send?", what=view.category, place=view.place_name)
        else:
            lead = words(
                "Send {vendor} for about {estimate}?",
                vendor=view.vendor_name,
                estimate=words.amount(dispatch.estimate),
            )
        buttons = _approval_buttons(view, asked, dispatch)
        state: State = "danger" if ticket.severity >= 5 else "asking"
    else:
        line, state = status_line(view)
        lead = " ".join(part for part in (decided_line(view), line) if part)
        buttons = ()
        if ticket.status in {Status.REJECTED, Status.LAPSED}:
            buttons = (ButtonDraft("reopen", words("Ask again")),)
    shown = (
        *facts(view, money=True),
        Fact(label=words("Reported by"), value=view.name(ticket.reporter)),
    )
    return CardDraft(title(view), lead, state, shown, tuple(sections), (), buttons)


def _approval_buttons(
    view: View, asked: ApprovalSnapshot, dispatch: DispatchSnapshot
) -> tuple[ButtonDraft, ...]:
    words = view.words
    args = {"approval": asked.id, "digest": asked.digest}
    place = view.ticket.property_id or ""
    others = tuple(
        Option(value=v.id, label=f"{v.name} · {_usual(view, v)}")
        for v in view.company.vendors
        if view.company.reaches(v, place) and v.id != dispatch.vendor_id
    )
    buttons = []
    if view.vendor is not None:
        yes = words("Approve {amount}", amount=words.local(dispatch.estimate))
        buttons.append(ButtonDraft("approve", yes, "primary", args))
        money = view.rate.currency
        label = words("New amount in {currency}", currency=money)
        fields = (Field(name="amount", kind="amount", label=label, currency=money),)
        buttons.append(
            ButtonDraft("change", words("Change amount"), args={**args, "currency": money}, fields=fields)
        )
    if others:
        pick = Field(name="vendor", kind="choice", label=words("Which vendor?"), options=others)
        buttons.append(ButtonDraft("vendor", words("Other vendor"), args=args, fields=(pick,)))
    buttons += _always(view, asked, dispatch, args)
    buttons += _not_any_more(view)
    why = Field(name="reason", kind="text", label=words("Why not? The reporter will read it."))
    buttons.append(ButtonDraft("reject", words("Reject"), "danger", args, (why,)))
    if view.ticket.reporter != view.reader_id:
        ask = Field(name="question", kind="text", label=words("What do you want to know?"))
        buttons.append(
            ButtonDraft(
                "ask", words("Ask {who}", who=view.name(view.ticket.reporter)), args=args, fields=(ask,)
            )
        )
    return tuple(buttons)


def _not_any_more(view: View) -> list[ButtonDraft]:
    """Of each memo that it stands on, for the founder: no later card uses it."""
    basis = view.ticket.knowledge
    if basis is None or view.company.founder.id != view.reader_id:
        return []
    holding = {one.id for one in view.company.memos if one.holds}
    return [
        ButtonDraft(
            "retire",
            view.words("Not any more: “{quote}…”", quote=one.quote[:12]),
            args={"memo": one.id},
        )
        for one in basis.sources
        if one.layer == "memo" and one.id in holding
    ]


def _always(
    view: View, asked: ApprovalSnapshot, dispatch: DispatchSnapshot, args: dict[str, Any]
) -> list[ButtonDraft]:
    """The founder may say yes for the next times too: for this place, kind and vendor alone."""
    words, ticket = view.words, view.ticket
    founder = view.company.founder.id == view.reader_id
    if (
        view.vendor is None
        or not founder
        or not offered(ticket.category, ticket.property_id, ticket.severity, asked.reasons)
    ):
        return []
    money = view.rate.currency
    amount = max(dispatch.cap_usd, dispatch.estimate.usd)
    shown = view.rate.of_usd(amount)
    levels = tuple(Option(value=one, label=phrases.label(phrases.SEVERITY, one, words)) for one in ("3", "4"))
    fields = (
        Field(
            name="amount",
            kind="amount",
            label=words("Up to how much, in {currency}?", currency=money),
            value=str(shown.local.amount if shown.local is not None else shown.usd),
            currency=money,
        ),
        Field(
            name="days", kind="text", label=words("For how many days? (1 to 365)"), value=str(DEFAULT_DAYS)
        ),
        Field(name="uses", kind="text", label=words("How many times? (1 to 100)"), value=str(DEFAULT_USES)),
        Field(
            name="severity_max",
            kind="choice",
            label=words("Up to which severity?"),
            value=str(DEFAULT_SEVERITY),
            options=levels,
        ),
    )
    return [ButtonDraft("always", words("Always like this"), args={**args, "currency": money}, fields=fields)]


def _usual(view: View, vendor: Vendor) -> str:
    """What they usually take, in their money."""
    rate = view.company.rate_for(view.ticket.property_id, vendor.id)
    low, high = rate.of_usd(vendor.usual_usd.low), rate.of_usd(vendor.usual_usd.high)
    if low.local is None or high.local is None:
        return f"{low.usd:.0f}–{high.usd:.0f} USD"
    return f"{view.words.local(low)}–{view.words.local(high)}"


def _texts(view: View, *, folded: bool) -> tuple[Section, ...]:
    """The messages that go out, each in its reader's language."""
    if view.dispatch is None or view.vendor is None:
        return ()
    brief, guest = vendor_text(view), guest_text(view)
    return (
        Section(
            title=view.words("To the vendor ({language})", language=view.vendor.languages[0]),
            text=brief,
            folded=folded,
        ),
        Section(
            title=view.words("To the guest ({language})", language=guest_language(view)),
            text=guest,
            folded=folded,
        ),
    )


def job(view: View) -> CardDraft:
    """To whoever has to see to it: the vendor's number, the text to send, and "I have it"."""
    words, ticket, dispatch = view.words, view.ticket, view.dispatch
    lead, state = status_line(view)
    if (
        dispatch is not None
        and ticket.status == Status.DISPATCHED
        and not dispatch.acknowledged
        and _may_handle(view, dispatch)
    ):
        please = words("Please say that you have it.")
        lead = f"{lead} {please}"
    place = view.company.place(ticket.property_id)
    sections = [*own_words(view), *attachments(view), *answers(view)]
    now = phrases.meanwhile(ticket.category, ticket.risk_tags, words)
    if ticket.status == Status.DISPATCHED and now:
        sections.insert(0, Section(title=words("What to do now"), text=now))
    if dispatch is not None and view.vendor is not None and ticket.status == Status.DISPATCHED:
        asked = offer_line(view)
        brief = Section(
            title=words("The vendor") if asked else words("Tell the vendor"),
            text=f"{asked}\n{vendor_text(view)}" if asked else vendor_text(view),
            links=vendor_links(view),
        )
        sections.append(
            brief
            if view.vendor.person_id is None
            else Section(title=words("It is for you"), text=vendor_text(view))
        )
        sections.append(Section(title=words("Tell the guest"), text=guest_text(view), folded=True))
    sections += [*sources(view), *understood(view)]
    if view.alone and place and place.access and dispatch is not None and _may_handle(view, dispatch):
        sections.append(
            Section(title=words("Address and access"), text=f"{place.address}\n{place.access}", folded=True)
        )
    return CardDraft(
        title(view),
        lead,
        state,
        facts(view, money=True),
        tuple(sections),
        _charge(view, on_job=True),
        _job_buttons(view),
    )


def _correct_bill(view: View, dispatch: DispatchSnapshot | None) -> tuple[ButtonDraft, ...]:
    words, money = view.words, view.rate.currency
    if view.ticket.status != Status.RESOLVED or dispatch is None or dispatch.bill is None:
        return ()
    if not _may_handle(view, dispatch):
        return ()
    fields = (
        Field(
            name="amount",
            kind="amount",
            label=words("What was it really, in {currency}?", currency=money),
            currency=money,
        ),
        Field(name="why", kind="text", label=words("Why was it wrong?"), required=False),
    )
    return (ButtonDraft("bill", words("Correct the bill"), args={"currency": money}, fields=fields),)


def _job_buttons(view: View) -> tuple[ButtonDraft, ...]:
    words, ticket, dispatch = view.words, view.ticket, view.dispatch
    if ticket.status in {Status.RESOLVED, Status.REJECTED, Status.LAPSED, Status.CANCELLED}:
        reopen = ButtonDraft("reopen", words("It is not over: reopen"))
        return (reopen, *_correct_bill(view, dispatch))
    if dispatch is None or ticket.status != Status.DISPATCHED or not _may_handle(view, dispatch):
        return ()
    args = {"dispatch": dispatch.dispatch_id, "currency": view.rate.currency}
    if not dispatch.acknowledged:
        return (
            ButtonDraft("ack", words("I have it"), "primary", args),
            ButtonDraft("resolve", words("Already done"), args=args, fields=resolve_fields(view)),
        )
    buttons = [ButtonDraft("resolve", words("Done"), "primary", args, resolve_fields(view))]
    if view.reader_id == dispatch.acknowledged_by or (view.reader and view.reader.role is not Role.OPS):
        buttons.append(ButtonDraft("unack", words("Give it back"), args=args))
    return tuple(buttons)


def _may_handle(view: View, dispatch: DispatchSnapshot) -> bool:
    if view.reader is None:
        return False
    return view.reader.id in {dispatch.assignee, *dispatch.paged} or view.reader.role in {
        Role.LEAD,
        Role.FOUNDER,
    }


def resolve_fields(view: View) -> tuple[Field, ...]:
    words, ticket = view.words, view.ticket
    free = view.vendor is not None and view.vendor.person_id is not None
    credit, minutes = _credit(ticket), ticket.staff_minutes
    return (
        Field(
            name="amount",
            kind="amount",
            label=words("What did it cost, in {currency}?", currency=view.rate.currency),
            value="0" if free else _said_cost(ticket),
            currency=view.rate.currency,
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
        # After a ticket came back they begin with what was given and worked before: they are those of the whole ticket.
        Field(
            name="credit",
            kind="amount",
            label=words("Credit to the guest, in {currency}", currency=view.rate.currency),
            required=False,
            value=credit,
            currency=view.rate.currency,
        ),
        # No amount: a channel refuses what it cannot read as one with words about dollars.
        Field(
            name="minutes",
            kind="text",
            label=words("Minutes of our own work"),
            required=False,
            value="" if minutes is None else str(minutes),
        ),
    )


def _credit(ticket: TicketSnapshot) -> str:
    """What was given before, as a form begins with it."""
    if ticket.guest_credit_usd is None:
        return ""
    local = ticket.guest_credit_local
    return str(ticket.guest_credit_usd) if local is None else f"{local.amount} {local.currency}"


def _said_cost(ticket: TicketSnapshot) -> str:
    """The number in the last words that said it was done: too unsure to close with, a help in the form."""
    last = ticket.reports[-1] if ticket.reports else None
    if last is None or last.triage.intent is not Intent.RESOLUTION_REPORT:
        return ""
    guess = guess_in(last.raw_input, language=last.language)
    return "" if guess is None else str(guess)


def ticket_card(view: View) -> CardDraft:
    """Everything about a ticket, for /ticket; also what is done by hand: merge, cancel."""
    draft = job(view)
    sections = (*draft.sections, *history(view))
    buttons = (*draft.buttons, *_by_hand(view))
    # Whoever runs the place can also say which property it is, when the reporter does not.
    asked = view.reader is not None and view.reader.role is not Role.OPS
    questions = tuple(
        _question(q, view)
        for q in view.ticket.questions
        if asked
        and q.kind == QuestionKind.PROPERTY
        and q.answer is None
        and view.ticket.status in {Status.NEW, Status.AWAITING_HUMAN}
    )
    return CardDraft(draft.title, draft.lead, draft.state, draft.facts, sections, questions, buttons)


def _by_hand(view: View) -> tuple[ButtonDraft, ...]:
    words, ticket, reader = view.words, view.ticket, view.reader
    if reader is None or ticket.status not in OPEN:
        return ()
    if (
        reader.id != ticket.reporter
        and reader.role is Role.OPS
        and ticket.property_id not in reader.properties
    ):
        return ()
    buttons = [_correct(view)]
    if view.others:
        options = tuple(
            Option(value=one, label=f"{one} · {phrases.label(phrases.CATEGORY, category, words)}")
            for one, category in view.others
        )
        pick = Field(
            name="into", kind="choice", label=words("The same problem as which ticket?"), options=options
        )
        buttons.append(ButtonDraft("merge", words("Same as another ticket"), fields=(pick,)))
    if reader.id == ticket.reporter or reader.role is not Role.OPS:
        buttons.append(ButtonDraft("cancel", words("Not needed any more")))
    return tuple(buttons)


def _correct(view: View) -> ButtonDraft:
    """One tap to say that it was read wrongly. What stands now is left empty: only a change is sent."""
    words, ticket = view.words, view.ticket

    def choice(name: str, label: str, options: Iterable[tuple[str, str]]) -> Field:
        found = tuple(Option(value=value, label=text) for value, text in options)
        return Field(name=name, kind="choice", label=label, required=False, options=found)

    fields = [
        choice(
            "category",
            words("What is it really?"),
            [(key, words(text)) for key, text in phrases.CATEGORY.items() if key != ticket.category],
        ),
        choice(
            "severity",
            words("How urgent is it really?"),
            [(str(key), words(text)) for key, text in phrases.SEVERITY.items() if key != ticket.severity],
        ),
    ]
    if ticket.status != Status.DISPATCHED:
        places = [
            (place.id, place.name) for place in view.company.properties if place.id != ticket.property_id
        ]
        fields.append(choice("property", words("Which property is it really?"), places))
    spoken = [(code, text) for code, text in phrases.LANGUAGE.items() if code != ticket.language]
    fields.append(choice("language", words("Which language is it really?"), spoken))
    return ButtonDraft("correct", words("Not right?"), fields=tuple(fields))


def follow_up(view: View) -> CardDraft:
    """At the vendor's ETA, to whoever has it: is it done?"""
    words, ticket, dispatch = view.words, view.ticket, view.dispatch
    lead, state = status_line(view)
    buttons: tuple[ButtonDraft, ...] = ()
    if dispatch is not None and ticket.status == Status.DISPATCHED and dispatch.acknowledged:
        lead, state = words("Has {vendor} been, and is it done?", vendor=view.vendor_name), "asking"
        args = {"dispatch": dispatch.dispatch_id, "currency": view.rate.currency}
        buttons = (
            ButtonDraft("resolve", words("Done"), "primary", args, resolve_fields(view)),
            ButtonDraft("later", words("Not yet: ask me in an hour"), args=args),
            ButtonDraft("unack", words("Give it back"), args=args),
        )
    return CardDraft(
        title(view),
        lead,
        state,
        facts(view, money=True),
        (Section(title="", text="", links=vendor_links(view)),) if vendor_links(view) else (),
        (),
        buttons,
    )


KINDS: Final = {
    "receipt": receipt,
    "approval": approval,
    "job": job,
    "ticket": ticket_card,
    "follow_up": follow_up,
}
