"""What stands on each copy of a ticket's card, for whoever reads it: drawn from snapshots made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.cards import snapshot
from core.cards.card import Section
from core.cards.draw import KINDS
from core.cards.view import ButtonDraft, CardDraft, View
from core.company.loader import load_company
from core.company.schema import Person, RatesFile
from core.model import ApprovalStatus, Category, Intent, OfferStatus, QuestionKind, RiskTag, Role, Status
from core.money import Local
from core.stored_values import Basis, Change, Judgement, ModelText, Reason, Source
from tests.said import Catalogued

DEMO = load_company(Path(__file__).parents[2] / "data" / "company")
LENA = Person(
    id="lena", name="Lena", role=Role.LEAD, languages=["en"], timezone="Asia/Taipei",
    properties=["bali_villa"],
)  # fmt: skip
COMPANY = replace(DEMO, team=(*DEMO.team, LENA))
NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
NIGHT_FOR_BEN = NOW + timedelta(hours=4)
TAIPEI = ZoneInfo("Asia/Taipei")
READ = Judgement(Intent.NEW_ISSUE, "zh-TW", "warm_taipei_2br", Category.HVAC_LEAK, 3)
WAIT, SENT = Status.AWAITING_HUMAN, Status.DISPATCHED
MEMO = Source("memo", "memo_taipei_ac", "Taipei AC", "Anything with the air conditioning")
KNOWN = Basis(Reason("vendor_none"), Reason("price_unknown"), (MEMO,))


def report(number: int = 1, reporter: str = "shirley", **changes: Any) -> snapshot.ReportSnapshot:
    """Their own words, from their own conversation; `shirley` reported first unless said otherwise."""
    whole: dict[str, Any] = {
        "id": number, "reporter": reporter, "source": {"conversation_id": reporter, "kind": "text"},
        "raw_input": f"words {number}", "transcript_native": f"heard {number}", "language": "en",
        "triage": READ, "heard": None, "split_to": None, **changes,
    }  # fmt: skip
    return snapshot.ReportSnapshot(**whole)


def question(
    kind: str, options: tuple[str, ...] = ("yes", "no"), **changes: Any
) -> snapshot.QuestionSnapshot:
    whole: dict[str, Any] = {
        "id": f"q_{kind}", "kind": QuestionKind(kind), "person_id": "shirley", "conversation_id": "shirley",
        "text": "", "options": options, "answer": None, **changes,
    }  # fmt: skip
    return snapshot.QuestionSnapshot(**whole)


def asked(status: str = "pending", **changes: Any) -> snapshot.ApprovalSnapshot:
    whole: dict[str, Any] = {
        "id": "a1", "digest": "d1", "reasons": (Reason("severity", {"severity": "4"}),), "deciders": ("ben",),
        "unreached": (), "status": ApprovalStatus(status), "decided_by": None, "decided_at": None,
        "decided_on": None, "note": None, **changes,
    }  # fmt: skip
    return snapshot.ApprovalSnapshot(**whole)


def order(**changes: Any) -> snapshot.DispatchSnapshot:
    whole: dict[str, Any] = {
        "dispatch_id": "x1", "vendor_id": "mr_wang_hvac", "cost_estimate_usd": Decimal(143),
        "cap_usd": Decimal(201), "actual_cost_usd": None, "changes": (), "texts": {},
        "eta_iso": NOW + timedelta(hours=2), "assignee": "shirley", "paged": ("shirley",),
        "acknowledged": False, "acknowledged_by": None, **changes,
    }  # fmt: skip
    return snapshot.DispatchSnapshot(**whole)


TAKEN = order(acknowledged=True, acknowledged_by="shirley")
BILLED = replace(TAKEN, actual_cost_usd=Decimal(162))
VERDICT: dict[str, Any] = {"decided_by": "ben", "decided_at": NOW, "decided_on": "web", "note": "Too dear."}
SO_FAR: dict[Status, dict[str, Any]] = {
    WAIT: {"dispatch": order(), "approval": asked()},
    SENT: {"dispatch": order(), "approval": asked("approved", **VERDICT)},
    Status.RESOLVED: {"dispatch": BILLED, "resolved_at": NOW},
    Status.REJECTED: {"dispatch": order(), "approval": asked("rejected", **VERDICT)},
    Status.LAPSED: {"dispatch": order(), "approval": asked("lapsed")},
    Status.MERGED: {"merged_into": "T-2"},
}
"""What a ticket usually has once it is there."""


def ticket(status: Status = Status.NEW, **changes: Any) -> snapshot.TicketSnapshot:
    whole: dict[str, Any] = {
        "ticket_id": "T-1", "property_id": "warm_taipei_2br", "status": status, "category": "hvac_leak",
        "severity": 3, "risk_tags": (), "language": "zh-TW", "reporter": "shirley", "triage": READ,
        "knowledge": None, "matched_sop_id": None, "outcome": None, "guest_credit_usd": None,
        "staff_minutes": None, "merged_into": None, "resolved_at": None, "reports": (report(),),
        "attachments": (), "questions": (), **SO_FAR.get(status, {}), **changes,
    }  # fmt: skip
    return snapshot.TicketSnapshot(**whole)


def draw(
    kind: str, seen: snapshot.TicketSnapshot, reader: str | None, language: str = "en", **view: Any
) -> CardDraft:
    """As `reader` sees it in a conversation of their own."""
    shown: dict[str, Any] = {"company": COMPANY, "conversation_id": reader or "", "now": NOW, **view}
    return KINDS[kind](View(ticket=seen, words=Catalogued(language, TAIPEI), reader_id=reader, **shown))


def buttons(card: CardDraft) -> str:
    return " ".join(one.action for one in card.buttons)


def button(card: CardDraft, action: str) -> ButtonDraft:
    return next(one for one in card.buttons if one.action == action)


def section(card: CardDraft, title: str) -> Section | None:
    return next((one for one in card.sections if one.title.startswith(title)), None)


def fact(card: CardDraft, label: str) -> str | None:
    return next((one.value for one in card.facts if one.label == label), None)


# --- what can be tapped, and the colour ------------------------------------------------------------------

OVER_CAP = Reason("over_cap", {"total": "9", "cap": "8"})
DECIDE = "approve change vendor"
OVER = "RESOLVED REJECTED LAPSED CANCELLED"


@pytest.mark.parametrize(
    ("kind", "reader", "during", "pressed"),
    [
        ("receipt", "shirley", "NEW AWAITING_HUMAN", "correct cancel"),
        ("receipt", "haru", "NEW AWAITING_HUMAN DISPATCHED", "correct"),
        ("receipt", "lena", "NEW", "correct"), ("receipt", "ben", "NEW", "correct"),
        ("receipt", "shirley", "TRIAGED DISPATCHED", "correct"), ("receipt", "shirley", OVER, "reopen"),
        ("receipt", "shirley", "MERGED", "unmerge"), ("receipt", "haru", "MERGED", ""),
        ("approval", "ben", "AWAITING_HUMAN", f"{DECIDE} always reject ask"),
        ("approval", "lena", "AWAITING_HUMAN", f"{DECIDE} reject ask"),
        ("approval", "shirley", "AWAITING_HUMAN", f"{DECIDE} reject"),
        ("approval", "ben", "NEW TRIAGED DISPATCHED RESOLVED CANCELLED MERGED", ""),
        ("approval", "ben", "REJECTED LAPSED", "reopen"), ("job", None, "DISPATCHED", ""),
        ("job", "shirley", "NEW AWAITING_HUMAN MERGED", ""), ("job", "shirley", "DISPATCHED", "ack resolve"),
        ("job", "lena", "DISPATCHED", "ack resolve"), ("job", "ben", "DISPATCHED", "ack resolve"),
        ("job", "haru", "DISPATCHED", ""), ("job", "haru", OVER, "reopen"),
        ("job", "shirley", "RESOLVED", "reopen bill"), ("job", "lena", "RESOLVED", "reopen bill"),
        ("job", "shirley", "REJECTED LAPSED CANCELLED", "reopen"),
        ("ticket", "shirley", "NEW TRIAGED AWAITING_HUMAN", "correct merge cancel"),
        ("ticket", "lena", "NEW", "correct merge cancel"), ("ticket", "ben", "NEW", "correct merge cancel"),
        ("ticket", "miguel", "NEW DISPATCHED MERGED", ""), ("ticket", None, "NEW DISPATCHED", ""),
        ("ticket", "ben", "DISPATCHED", "ack resolve correct merge cancel"),
        ("ticket", "ben", "RESOLVED", "reopen bill"), ("ticket", "ben", "MERGED", ""),
        ("follow_up", "shirley", "DISPATCHED RESOLVED", ""),
    ],
)  # fmt: skip
def test_who_may_tap_what(kind: str, reader: str | None, during: str, pressed: str) -> None:
    for status in during.split():
        assert buttons(draw(kind, ticket(Status(status)), reader, others=(("T-9", "cleaning"),))) == pressed


@pytest.mark.parametrize("kind", KINDS)
def test_every_card_has_the_colour_of_what_is_so(kind: str) -> None:
    assert {one.value: draw(kind, ticket(one), "shirley").state for one in Status} == {
        "NEW": "open", "TRIAGED": "open", "AWAITING_HUMAN": "asking", "DISPATCHED": "open", "RESOLVED": "done",
        "REJECTED": "refused", "LAPSED": "refused", "CANCELLED": "refused", "MERGED": "done",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("reader", "taken", "pressed"),
    [
        ("shirley", TAKEN, "resolve unack"), ("haru", TAKEN, ""), ("lena", TAKEN, "resolve unack"),
        ("ben", TAKEN, "resolve unack"), ("haru", replace(TAKEN, paged=("shirley", "haru")), "resolve"),
        ("haru", order(paged=("haru",)), "ack resolve"), ("haru", order(assignee="haru"), "ack resolve"),
    ],
)  # fmt: skip
def test_a_job_is_given_back_by_who_has_it(
    reader: str, taken: snapshot.DispatchSnapshot, pressed: str
) -> None:
    assert buttons(draw("job", ticket(SENT, dispatch=taken), reader)) == pressed


@pytest.mark.parametrize(
    ("changes", "state"),
    [({"severity": 5}, "danger"), ({"severity": 4}, "asking"), ({"severity": 5, "status": SENT}, "open")],
)
def test_what_is_dangerous_is_red_while_it_waits(changes: dict[str, Any], state: str) -> None:
    for kind, reader in (("receipt", "shirley"), ("approval", "ben")):
        assert draw(kind, replace(ticket(WAIT), **changes), reader).state == state


@pytest.mark.parametrize("kind", ["receipt", "job"])
@pytest.mark.parametrize("risk", [RiskTag.FIRE_RISK, RiskTag.GAS_RISK])
@pytest.mark.parametrize("category", ["electrical", "hvac_leak", "appliance", "other"])
def test_where_it_burns_nobody_is_sent_to_a_breaker(kind: str, risk: RiskTag, category: str) -> None:
    seen = replace(ticket(SENT), category=category, risk_tags=(risk,), severity=5)
    now = section(draw(kind, seen, "shirley"), "What to do now")
    assert now is not None and now.text.startswith("Everybody stays outside")


def test_the_follow_up_asks_and_no_bill_can_be_corrected_that_was_never_given() -> None:
    card = draw("follow_up", ticket(SENT, dispatch=TAKEN), "shirley")
    assert (buttons(card), card.state) == ("resolve later unack", "asking")
    assert card.lead == "Has Mr. Wang (王師傅) been, and is it done?"
    assert buttons(draw("job", ticket(Status.RESOLVED, dispatch=TAKEN), "shirley")) == "reopen"


def test_staff_of_the_place_correct_and_merge_but_only_the_reporter_or_who_leads_cancels() -> None:
    theirs = ticket(WAIT, reporter="haru", property_id="warm_taipei_2br")
    seen = {who: buttons(draw("ticket", theirs, who)) for who in ("shirley", "haru", "miguel", "lena")}
    assert seen == {"shirley": "correct", "haru": "correct cancel", "miguel": "", "lena": "correct cancel"}
    merge = button(draw("ticket", theirs, "ben", others=(("T-9", "cleaning"),)), "merge")
    assert [one.label for one in merge.fields[0].options] == ["T-9 · Cleaning"]


@pytest.mark.parametrize("status", [WAIT, SENT])
def test_what_is_corrected_is_never_what_stands(status: Status) -> None:
    offered = {
        one.name: [o.value for o in one.options]
        for one in button(draw("receipt", ticket(status), "shirley"), "correct").fields
    }
    assert "hvac_leak" not in offered["category"] and "cleaning" in offered["category"]
    assert (offered["severity"], offered["language"]) == (["1", "2", "4", "5"], ["en", "ja", "id", "es"])
    elsewhere = [one.id for one in COMPANY.properties if one.id != "warm_taipei_2br"]
    assert offered.get("property") == (None if status is SENT else elsewhere)  # the vendor is on the way


# --- the receipt -----------------------------------------------------------------------------------------


JOINED = report(2, "haru")


@pytest.mark.parametrize(
    ("second", "reader", "during", "pressed"),
    [
        (JOINED, "haru", "NEW AWAITING_HUMAN", "split"), (JOINED, "haru", "RESOLVED", "split reopen"),
        (JOINED, "haru", "MERGED", ""), (JOINED, "haru", "CANCELLED", "reopen"),
        (replace(JOINED, split_to="T-3"), "haru", "NEW", "correct"), (JOINED, "miguel", "NEW", "correct"),
        (JOINED, "shirley", "NEW", "correct cancel"), (report(2), "shirley", "NEW", "correct cancel"),
    ],
)  # fmt: skip
def test_another_problem_is_said_of_ones_own_joined_words(
    second: snapshot.ReportSnapshot, reader: str, during: str, pressed: str
) -> None:
    for status in during.split():
        card = draw("receipt", ticket(Status(status), reports=(report(), second)), reader)
        assert buttons(card) == pressed
        assert card.lead.startswith("Shirley reported this already") == ("split" in pressed)
        assert all(one.args == {"report": 2} for one in card.buttons if one.action == "split")


SPOKEN = report(heard={"engine": "whisper"})


@pytest.mark.parametrize(
    ("spoken", "status", "reader", "pressed", "heard"),
    [
        (SPOKEN, SENT, "shirley", "correct correct", True), (SPOKEN, SENT, "haru", "correct", False),
        (SPOKEN, Status.RESOLVED, "shirley", "reopen", True),
        (replace(SPOKEN, heard={"engine": ""}), SENT, "shirley", "correct", False),
        (replace(SPOKEN, raw_input=""), SENT, "shirley", "correct", False),
    ],
)  # fmt: skip
def test_what_was_heard_is_shown_to_who_said_it(
    spoken: snapshot.ReportSnapshot, status: Status, reader: str, pressed: str, heard: bool
) -> None:
    card = draw("receipt", ticket(status, reports=(spoken,)), reader)
    said = section(card, "🎧 What I heard")
    assert (buttons(card), said.text if said else "") == (pressed, "heard 1" if heard else "")
    assert card.buttons[0].args == ({"report": 1} if pressed == "correct correct" else {})


POWER, PLACE = question("near_power"), question("property", ("warm_taipei_2br", "other"))
PAYS = question("charge_to", ("owner", "us"))


@pytest.mark.parametrize(
    ("kind", "during", "reader", "asks", "shown"),
    [
        ("receipt", "NEW AWAITING_HUMAN DISPATCHED", "shirley", POWER, True),
        ("receipt", "TRIAGED RESOLVED REJECTED MERGED", "shirley", POWER, False),
        ("receipt", "DISPATCHED", "haru", POWER, False),
        ("receipt", "DISPATCHED", "shirley", replace(POWER, answer="yes"), False),
        ("receipt", "DISPATCHED", "shirley", replace(POWER, answer=""), False),
        ("receipt", "DISPATCHED", "shirley", question("ask", ()), False),
        ("receipt", "DISPATCHED RESOLVED", "shirley", PAYS, False),  # it comes on their job card
        ("job", "RESOLVED", "shirley", PAYS, True), ("job", "DISPATCHED", "shirley", PAYS, False),
        ("job", "RESOLVED", "shirley", replace(PAYS, answer="us"), False),
        ("job", "RESOLVED", "haru", replace(PAYS, person_id="haru"), False),
        ("receipt", "RESOLVED", "haru", replace(PAYS, person_id="haru"), True),
        ("receipt", "RESOLVED", "haru", PAYS, False), ("job", "DISPATCHED", "shirley", POWER, False),
        ("approval", "AWAITING_HUMAN", "ben", replace(POWER, conversation_id="ben"), False),
        ("ticket", "NEW AWAITING_HUMAN", "ben", PLACE, True), ("ticket", "NEW", "lena", PLACE, True),
        ("ticket", "NEW", "shirley", PLACE, False), ("ticket", "NEW", None, PLACE, False),
        ("ticket", "DISPATCHED", "ben", PLACE, False), ("ticket", "NEW", "ben", POWER, False),
        ("ticket", "NEW", "ben", replace(PLACE, answer="other"), False),
    ],
)  # fmt: skip
def test_a_question_stands_where_it_was_asked(
    kind: str, during: str, reader: str | None, asks: snapshot.QuestionSnapshot, shown: bool
) -> None:
    for status in during.split():
        assert len(draw(kind, ticket(Status(status), questions=(asks,)), reader).questions) == shown


def test_a_question_is_answered_by_a_tap_on_words_that_can_be_read() -> None:
    again = question("reopen", ("new",), text="T-4")
    card = draw("receipt", ticket(questions=(PLACE, POWER, again)), "shirley")
    assert [(text, [one.label for one in pressed]) for text, pressed in card.questions] == [
        ("Which property is it?", ["Warm Taipei 2BR", "other"]),
        ("Is water near a socket, cable or fuse box?", ["Yes", "No"]),
        ("T-4 was resolved only lately. Is it the same problem again?", ["No, a new problem"]),
    ]
    assert card.questions[0][1][1].args == {"question": "q_property", "option": "other"}
    assert (card.lead, card.state) == ("I need one thing from you: which property is it?", "asking")
    answered = draw("receipt", ticket(questions=(replace(PLACE, answer="other"),)), "shirley")
    assert (answered.lead, answered.state) == ("Noted. I am looking at it.", "open")


@pytest.mark.parametrize(
    ("status", "category", "advised"),
    [(WAIT, "hvac_leak", True), (SENT, "hvac_leak", True), (Status.TRIAGED, "hvac_leak", False),
     (Status.RESOLVED, "hvac_leak", False), (WAIT, "cleaning", False)],
)  # fmt: skip
def test_what_to_do_now_is_said_until_it_is_over(status: Status, category: str, advised: bool) -> None:
    texts = {"reporter": ModelText("en", "Towels are in the hall.")}
    seen = ticket(status, category=category, dispatch=order(texts=texts))
    told = section(draw("receipt", seen, "shirley"), "What to do now")
    assert (told is not None) == advised
    if told is not None:
        assert told.text.startswith("Until then: switch the unit off at the breaker")
        assert told.text.endswith("\nTowels are in the hall.")
        assert "Towels" not in draw("receipt", seen, "shirley", "ja").sections[0].text


# --- the approval ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "verdict", "open_"),
    [(WAIT, "pending", True), (SENT, "approved", False), (Status.REJECTED, "rejected", False),
     (Status.CANCELLED, "pending", False), (WAIT, "superseded", False)],
)  # fmt: skip
def test_what_a_yes_sends_stands_open_until_it_is_said(status: Status, verdict: str, open_: bool) -> None:
    card = draw("approval", ticket(status, dispatch=order(), approval=asked(verdict)), "ben")
    vendor, guest = section(card, "To the vendor (zh-TW)"), section(card, "To the guest (zh-TW)")
    assert vendor and guest and (vendor.folded, guest.folded) == (not open_, not open_)
    assert "143" in vendor.text and "143" not in guest.text
    assert "201" not in vendor.text + guest.text  # our cap is nobody else's to know
    assert ("approve" in buttons(card)) == open_


def test_a_yes_names_the_amount_and_carries_what_was_shown() -> None:
    card = draw("approval", ticket(WAIT), "ben")
    shown = {"approval": "a1", "digest": "d1"}
    assert (button(card, "approve").label, button(card, "approve").style) == ("Approve 143.00 USD", "primary")
    assert all(one.args.items() >= shown.items() for one in card.buttons)
    assert button(card, "reject").fields[0].required and button(card, "reject").style == "danger"
    assert button(card, "ask").label == "Ask Shirley"
    why = section(card, "Why you are asked")
    assert why and not why.folded and why.text == "• Severity 4: always asked"
    assert fact(card, "Reported by") == "Shirley"
    assert fact(draw("approval", ticket(WAIT), "shirley"), "Reported by") == "you"


def test_only_vendors_who_are_let_in_there_are_offered() -> None:
    def offered(chosen: str | None, **company: Any) -> list[str]:
        seen = ticket(WAIT, dispatch=order(vendor_id=chosen))
        card = draw("approval", seen, "ben", company=replace(COMPANY, **company))
        return [o.value for one in card.buttons if one.action == "vendor" for o in one.fields[0].options]

    there = ["mr_wang_hvac", "taipei_water_works", "shirley_personal"]
    assert offered("mr_wang_hvac") == there[1:]
    assert offered(None) == there
    banned = [one.model_copy(update={"approved": one.id != "taipei_water_works"}) for one in COMPANY.vendors]
    assert offered("mr_wang_hvac", vendors=banned) == ["shirley_personal"]
    wang = [one for one in COMPANY.vendors if one.id == "mr_wang_hvac"]
    alone = draw("approval", ticket(WAIT), "ben", company=replace(COMPANY, vendors=wang))
    assert buttons(alone) == "approve change always reject ask"
    (first, *_) = button(draw("approval", ticket(WAIT), "ben"), "vendor").fields[0].options
    assert first.label == "Taipei Water Works (台北水電行) · 60–250 USD"


def test_with_no_vendor_there_is_nothing_to_say_yes_to() -> None:
    card = draw("approval", ticket(WAIT, dispatch=order(vendor_id=None)), "ben")
    assert buttons(card) == "vendor reject ask"
    assert card.lead == "AC or heating leak at Warm Taipei 2BR: whom shall I send?"
    assert section(card, "To the vendor") is None and fact(card, "Vendor") == "nobody yet"


@pytest.mark.parametrize(
    ("changes", "offered"),
    [
        ({}, True), ({"severity": 4}, True), ({"severity": 5}, False), ({"property_id": None}, False),
        ({"category": "a new kind"}, False), ({"approval": asked(reasons=(OVER_CAP,))}, True),
        ({"approval": asked(reasons=(Reason("steering", {"words": "pay now"}),))}, False),
    ],
)  # fmt: skip
def test_always_like_this_is_never_offered_for_a_risk(changes: dict[str, Any], offered: bool) -> None:
    card = draw("approval", replace(ticket(WAIT), **changes), "ben")
    assert ("always" in buttons(card)) == offered
    if offered:
        assert [one.value for one in button(card, "always").fields] == ["201.00", "90", "10", "3"]
        dear = replace(ticket(WAIT), dispatch=order(cost_estimate_usd=Decimal(300)))
        assert button(draw("approval", dear, "ben"), "always").fields[0].value == "300.00"


def test_a_memo_is_retired_by_the_founder_while_it_holds() -> None:
    sop = Source("sop", "memo_taipei_ac", "t", "q")
    for reader, basis, count in (
        ("ben", KNOWN, 1), ("lena", KNOWN, 0), ("ben", replace(KNOWN, sources=(sop,)), 0),
        ("ben", replace(KNOWN, sources=(replace(MEMO, id="gone"),)), 0),
    ):  # fmt: skip
        assert buttons(draw("approval", ticket(WAIT, knowledge=basis), reader)).count("retire") == count
    retire = button(draw("approval", ticket(WAIT, knowledge=KNOWN), "ben"), "retire")
    assert (retire.args, retire.label) == ({"memo": "memo_taipei_ac"}, "Not any more: “Anything wit…”")


def test_where_they_bill_in_another_money_it_is_asked_in_that() -> None:
    places = [one.model_copy(update={"currency": "TWD"}) for one in COMPANY.properties]
    rates = RatesFile.model_validate({"as_of": "2026-11-01", "per_usd": {"TWD": "32"}})
    company = replace(COMPANY, properties=places, rates=rates)
    local = order(cost_estimate_local=Local(Decimal(4576), "TWD", Decimal(32)))
    card = draw("approval", ticket(WAIT, dispatch=local), "ben", company=company)
    assert card.lead == "Send Mr. Wang (王師傅) for about NT$4,576 (143 USD)?"
    assert button(card, "approve").label == "Approve NT$4,576"
    assert button(card, "change").fields[0].currency == button(card, "change").args["currency"] == "TWD"
    assert button(card, "vendor").fields[0].options[0].label.endswith(" · NT$1,920–NT$8,000")
    assert button(card, "always").fields[0].value == "6432"


# --- the job ---------------------------------------------------------------------------------------------

UNTIL, OUT = "Until then: close the nearest valve", "Everybody stays outside until the fire brigade"
POWERED = RiskTag.ELECTRICAL_RISK


@pytest.mark.parametrize(
    ("category", "risks", "begins"),
    [
        ("plumbing_leak", (), UNTIL), ("plumbing_leak", (RiskTag.WATER_DAMAGE,), UNTIL),
        ("plumbing_leak", (POWERED,), "Water near power"), ("appliance", (POWERED,), "Water near power"),
        ("electrical", (POWERED,), "Until then: nobody touches the socket"), ("cleaning", (), ""),
        ("electrical", (RiskTag.FIRE_RISK,), OUT), ("plumbing_leak", (POWERED, RiskTag.GAS_RISK), OUT),
    ],
)  # fmt: skip
def test_who_has_the_job_is_told_what_to_do_first(category: str, risks: tuple[str, ...], begins: str) -> None:
    for status, said in (SENT, begins), (Status.RESOLVED, ""):
        card = draw("job", ticket(status, category=category, risk_tags=risks), "shirley")
        told = section(card, "What to do now")
        assert (told is not None and told.text.startswith(said)) if said else told is None


ACCESS, WHY = "Address and access", "Why this vendor, why this price"


@pytest.mark.parametrize(
    ("reader", "alone", "shown"),
    [("shirley", True, True), ("lena", True, True), ("ben", True, True), ("ben", False, False),
     ("shirley", False, False), ("haru", True, False), (None, True, False)],
)  # fmt: skip
def test_how_to_get_in_and_what_we_know_is_theirs_alone(reader: str | None, alone: bool, shown: bool) -> None:
    for kind in ("job", "ticket"):
        card = draw(kind, ticket(SENT, knowledge=KNOWN), reader, alone=alone)
        said = [(one.title, one.folded) for one in card.sections if one.title in {ACCESS, WHY}]
        assert said == ([(WHY, True), (ACCESS, True)] if shown else [])


def test_who_looks_after_the_place_reads_why_but_only_who_has_the_job_how_to_get_in() -> None:
    card = draw("job", ticket(SENT, knowledge=KNOWN, dispatch=order(assignee="haru", paged=())), "shirley")
    assert section(card, WHY) and section(card, ACCESS) is None
    assert section(draw("job", ticket(WAIT, dispatch=None), "ben"), ACCESS) is None


@pytest.mark.parametrize(
    ("offer", "view", "begins"),
    [
        ("", {}, "您好"), ("asked", {}, "Mr. Wang (王師傅) was asked"), ("declined", {}, "您好"),
        ("asked", {"offer_link": "https://x"}, "Please pass this link on: there they answer. https://x"),
        ("asked", {"offer_link": "https://x", "offer_reached": True}, "Mr. Wang (王師傅) was asked"),
        ("opened", {"offer_link": "https://x"}, "Mr. Wang (王師傅) was asked"),
        ("accepted", {}, "Mr. Wang (王師傅) comes 13:00 (Taipei)."),
    ],
)  # fmt: skip
def test_how_far_it_is_with_the_vendor(offer: str, view: dict[str, Any], begins: str) -> None:
    status, opened = (
        OfferStatus(offer.replace("opened", "asked") or "asked"),
        NOW if offer == "opened" else None,
    )
    made = snapshot.OfferSnapshot(status=status, eta_at=NOW + timedelta(hours=1), opened_at=opened)
    card = draw("job", ticket(SENT, offer=made if offer else None), "shirley", **view)
    told = section(card, "Tell the vendor" if begins == "您好" else "The vendor")
    assert told and told.text.startswith(begins) and not told.folded
    assert [one.url for one in told.links] == ["tel:+886900000101"]
    guest = section(card, "Tell the guest")
    assert guest and guest.folded


def test_whoever_is_the_vendor_themselves_gets_the_order_and_calls_nobody() -> None:
    own = order(vendor_id="shirley_personal")
    card = draw("job", ticket(SENT, dispatch=own), "shirley")
    told = section(card, "It is for you")
    assert told and told.links == () and section(card, "Tell the vendor") is None
    assert button(card, "resolve").fields[0].value == "0"
    taken = replace(own, acknowledged=True, acknowledged_by="shirley")
    for who, called in ("shirley", []), ("ben", ["tel:+886900000142"]):
        asks = draw("follow_up", ticket(SENT, dispatch=taken), who)
        assert [link.url for one in asks.sections for link in one.links] == called


def test_a_job_is_closed_with_what_is_known_already() -> None:
    done = report(2, raw_input="fixed, 95", triage=replace(READ, intent=Intent.RESOLUTION_REPORT))
    fresh: dict[str, Any] = {"reports": (replace(done, triage=READ),)}
    before: dict[str, Any] = {"guest_credit_usd": Decimal(20), "staff_minutes": 0, "reports": (done,)}
    for changes, values in (fresh, ["", "", ""]), (before, ["95.00", "20", "0"]):
        card = draw("job", ticket(SENT, **changes), "shirley")
        fields = {one.name: one for one in button(card, "resolve").fields}
        assert [fields[name].value for name in ("amount", "credit", "minutes")] == values
        assert [name for name, one in fields.items() if one.required] == ["amount"]


# --- money, facts and words ------------------------------------------------------------------------------

MONEY = {"Estimate": "143.00 USD", "Cap": "201.00 USD", "Actual cost": "162.00 USD"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_may_cost_is_no_fact_on_a_receipt(kind: str) -> None:
    seen = ticket(Status.RESOLVED, dispatch=BILLED, knowledge=replace(KNOWN, fallback="down"))
    facts = {one.label: one.value for one in draw(kind, seen, "shirley").facts}
    assert {key: facts[key] for key in MONEY if key in facts} == ({} if kind == "receipt" else MONEY)
    assert ("Analysed" in facts) == (kind != "receipt")
    assert (facts["Vendor"], facts["Severity"]) == ("Mr. Wang (王師傅)", "3: today")


def test_an_amount_that_somebody_set_shows_what_it_was() -> None:
    vendor, amount = Change("vendor", "x", "y", "ben"), Change("estimate", "100.00", "143", "ben")
    for changes, said in ((vendor, amount), "100.00 → 143.00 USD (Ben)"), ((vendor,), "143.00 USD"):
        assert fact(draw("job", ticket(SENT, dispatch=order(changes=changes)), "lena"), "Estimate") == said


@pytest.mark.parametrize(
    ("done_by", "status", "late"), [(1, WAIT, True), (1, Status.RESOLVED, False), (2, WAIT, False)]
)
def test_a_vendor_who_comes_too_late_is_told_of(done_by: int, status: Status, late: bool) -> None:
    at = {"check_in": NOW + timedelta(hours=4), "done_by": NOW + timedelta(hours=done_by), "check_out": NOW}
    said = {key: value.isoformat() for key, value in at.items()} | {"cleaner_minutes": 90}
    risks = (RiskTag.WATER_DAMAGE, RiskTag.GUEST_ANGRY)
    card = draw("approval", ticket(status, dispatch=order(), facts={"guest": said}, risk_tags=risks), "ben")
    assert fact(card, "Check-out") == "12:00 (Taipei)"
    then = f"16:00 (Taipei); done by 1{2 + done_by}:00, then 90 min for the cleaner"
    assert fact(card, "Next check-in") == then
    assert (fact(card, "⚠️ Too late") is not None) == late
    assert fact(card, "Risks") == "water damage, guest is angry"
    brief = section(card, "To the vendor")
    assert brief and "水損" in brief.text and "生氣" not in brief.text  # no word of the guest's temper


def test_a_routine_that_was_left_says_why() -> None:
    left = {"name": "AC", "version": 2, "run": "fell_back", "reason": "condition: severity"}
    why = "AC v2: it does not fit here (Severity)"
    for run, said in ("fell_back", why), ("running", None):
        assert fact(draw("job", ticket(skill_artifact=left | {"run": run}), "ben"), "Routine") == said


BOTH = asked(deciders=("ben", "miguel"))
WANG = "Mr. Wang (王師傅)"


@pytest.mark.parametrize(
    ("changes", "reader", "at", "lead"),
    [
        ({}, "ben", NOW, f"You are asked to approve: {WANG}, about 143.00 USD."),
        ({}, "shirley", NOW, f"Ben is asked to approve: {WANG}, about 143.00 USD."),
        ({"approval": replace(BOTH, unreached=("ben",))}, "haru", NOW, f"Ben, Miguel is asked to approve: {WANG}, about 143.00 USD."),
        ({"approval": asked(unreached=("ben",))}, "shirley", NOW, "Ben must decide, but nothing I send arrives there. Please call."),
        ({"dispatch": None}, "shirley", NOW, "Ben is asked what to do."),
        ({"approval": None, "dispatch": None}, "shirley", NOW, "Ben is asked what to do."),
        ({"dispatch": None}, "shirley", NIGHT_FOR_BEN, "Ben is asked what to do. Ben is off until 23:00 (Taipei)."),
        ({"dispatch": None, "severity": 4}, "shirley", NIGHT_FOR_BEN, "Ben is asked what to do."),
        ({"status": SENT}, "shirley", NOW, f"{WANG} is to come, expected 14:00 (Taipei). Please say that you have it."),
        ({"status": SENT}, "haru", NOW, f"{WANG} is to come, expected 14:00 (Taipei). Waiting for Shirley to say “I have it”."),
        ({"status": SENT, "dispatch": TAKEN}, "shirley", NOW, f"{WANG} is to come, expected 14:00 (Taipei). You have it."),
        ({"status": SENT, "dispatch": TAKEN}, "ben", NOW, f"{WANG} is to come, expected 14:00 (Taipei). Shirley has it."),
        ({"status": Status.RESOLVED, "dispatch": BILLED, "resolved_at": NOW, "outcome": "New hose."}, "ben", NOW,
         "Done, 12:00 (Taipei). 162.00 USD New hose."),
        ({"status": Status.REJECTED, "approval": asked("rejected", **VERDICT)}, "shirley", NOW, "Ben said no. Too dear."),
        ({"status": Status.MERGED, "merged_into": "T-2"}, "shirley", NOW, "This now goes on as T-2."),
    ],
)  # fmt: skip
def test_what_is_so_in_one_sentence(changes: dict[str, Any], reader: str, at: datetime, lead: str) -> None:
    assert draw("job", replace(ticket(WAIT), **changes), reader, now=at).lead == lead


def test_a_decided_card_says_who_decided() -> None:
    card = draw("approval", ticket(Status.REJECTED), "lena")
    assert card.lead == "Rejected by Ben, 12:00 (Taipei), on the web page. Ben said no. Too dear."
    assert button(card, "reopen").label == "Ask again"


@pytest.mark.parametrize(
    ("language", "lead", "title"),
    [
        ("en", f"Send {WANG} for about 143.00 USD?", "AC or heating leak"),
        ("zh-TW", f"派 {WANG} 去，約 143.00 USD，好嗎？", "冷暖氣漏水"),
        ("ja", f"{WANG}を約143.00 USDで手配しますか？", "エアコン・暖房の水漏れ"),
        ("id", f"Kirim {WANG}, sekitar 143.00 USD?", "Kebocoran AC atau pemanas"),
        ("es", f"¿Mando a {WANG} por unos 143.00 USD?", "Fuga del AC o calefacción"),
    ],
)
def test_each_reads_in_their_language_and_the_vendor_in_theirs(language: str, lead: str, title: str) -> None:
    card = draw("approval", ticket(WAIT), "ben", language)
    assert (card.lead, card.title) == (lead, f"T-1 · {title} · Warm Taipei 2BR")
    assert card.sections[2].text.startswith("您好")


def test_words_stay_those_of_who_said_them() -> None:
    voice = report(3, raw_input="", source={"kind": "voice"})
    seen = ticket(
        SENT,
        reports=(*(report(9, raw_input=f"old {n}") for n in range(2)), report(2, "haru"), voice, report(1)),
        attachments=(snapshot.AttachmentSnapshot(kind="photo", media_type="image/png", sha256="f0"),),
        questions=(question("ask", (), text="Since when?"), replace(POWER, answer="yes"), question("door", answer="reporter"), question("danger")),
        history=(snapshot.EventSnapshot(at=NOW, event="filed", actor="haru"),),
        triage=replace(READ, evidence={"category": ("漏水",), "water_damage": ("水滴",)}),
    )  # fmt: skip
    card = draw("ticket", seen, "ben", translations={2: "translated"})
    said = [
        (one.title, one.text) for one in card.sections if one.title.startswith(("In the", "The original"))
    ]
    assert said == [
        ("In the words of Shirley", "old 1"),
        ("In the words of Haru, translated from English", "translated"), ("The original", "words 2"),
        ("In the words of Shirley", "🎤 A voice note, attached. Nobody has typed it up yet."),
        ("In the words of Shirley", "words 1"),
    ]  # fmt: skip
    texts = {one.title: one.text for one in card.sections if one.title not in dict(said)}
    assert texts["Asked and answered"].split("\n") == [
        "Since when? → (no answer yet)", "Is water near a socket, cable or fuse box? → Yes",
        "Who opens the door for the vendor? → Shirley",
    ]  # fmt: skip
    assert texts["History"] == "12:00 (Taipei) · filed · Haru"
    assert texts["What I understood, and from which words"] == "Problem: 漏水\nwater damage: 水滴"
    (photo,) = [link.url for one in card.sections if one.title == "Attachments" for link in one.links]
    assert photo == "media:f0;image/png"
    assert section(draw("job", seen, "ben"), "History") is None
