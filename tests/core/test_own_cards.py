"""Cards that belong to no ticket, drawn from snapshots made by hand: what each says and offers, to whom, in which state."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bot.settings import DATA
from core import phrases
from core.actors import Reader
from core.cards.ask import CLOSED, AskedApproval, AskSnapshot, ask
from core.cards.bill import BilledSnapshot, BillQuestion, answered, outlier, really
from core.cards.card import Button, Field, Option
from core.cards.check import check
from core.cards.company_files import company_files, shown
from core.cards.form import CONFIRM, FormSnapshot, form
from core.cards.memo import MemoSnapshot, memo
from core.cards.offer import RecalledSnapshot, UnsureSnapshot, recalled, unsure
from core.cards.procedure import procedure
from core.cards.programs import MAX_SHOWN, Acting, ProgramsSnapshot, programs
from core.cards.quarantined import QuarantinedSnapshot, quarantined
from core.cards.rule import OrderUsedSnapshot, RuleSnapshot, order_used, rule, standing_order
from core.cards.sign_in import SignInSnapshot, sign_in
from core.cards.skill import SkillSnapshot, skill
from core.cards.team import Joined, joined, left, settled, shall_stay
from core.cards.view import CardDraft
from core.company.loader import load_company
from core.company.rules import Rule
from core.company.widening import Pending
from core.model import SYSTEM, GrantKind, InboxStatus, MemoStatus, RuleStatus, SkillStatus
from core.money import Amount, Local
from core.stored_values import Reason
from tests.said import Catalogued

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
COMPANY = load_company(DATA / "company")
WORDS = Catalogued("en", ZoneInfo("Asia/Taipei"))
BEN, SHIRLEY = Reader("ben", WORDS), Reader("shirley", WORDS)


def actions(card: CardDraft) -> list[str]:
    return [one.action for one in card.buttons]


def said(card: CardDraft) -> str:
    """Everything that stands on it."""
    facts = (f"{one.label}: {one.value}" for one in card.facts)
    return "\n".join([card.title, card.lead, *facts, *(one.text for one in card.sections)])


# --- rules

ORDER = RuleSnapshot(
    rule_id="order_1",
    version=1,
    rule=Rule.model_validate(
        {
            "rule_id": "order_1",
            "kind": "standing_order",
            "when": {
                "property_id": "warm_taipei_2br",
                "category": "hvac_leak",
                "vendor_id": "mr_wang_hvac",
                "severity_max": 3,
            },
            "then": {"up_to_usd": "180.00"},
            "until": NOW + timedelta(days=30),
            "max_uses": 5,
            "proposed_by": "ben",
        }
    ),
    status=RuleStatus.PROPOSED,
    text="",
    evidence=({"ticket_id": "T-1001", "at": "2026-11-20T04:00:00Z", "value": "145.00"},),
    uses=2,
    decided_by=None,
)


@pytest.mark.parametrize(
    ("status", "to_him", "state", "lead"),
    [
        (RuleStatus.PROPOSED, ["adopt", "edit", "dismiss"], "asking", "before you say yes"),
        (RuleStatus.APPROVED, ["rollback"], "done", "It holds (Ben)"),
        (RuleStatus.REJECTED, [], "done", "does not hold (Ben)"),
        (RuleStatus.EXPIRED, [], "done", "It is over."),
        (RuleStatus.ROLLED_BACK, [], "done", "taken back (Ben)"),
    ],
)
def test_a_rule_is_decided_by_the_founder_alone(
    status: RuleStatus, to_him: Sequence[str], state: str, lead: str
) -> None:
    seen = replace(ORDER, status=status, decided_by=None if status == RuleStatus.PROPOSED else "ben")
    card = rule(seen, COMPANY, BEN)
    assert (actions(card), card.state) == (to_him, state)
    assert lead in card.lead
    assert "T-1001 2026-11-20 145.00" in said(card) and "2 of 5" in said(card)
    assert actions(rule(seen, COMPANY, SHIRLEY)) == []


@pytest.mark.parametrize(
    ("status", "offered", "lead"),
    [
        (RuleStatus.PROPOSED, ["keep", "drop"], "Shall it hold?"),
        (RuleStatus.APPROVED, [], "It holds."),
        (RuleStatus.REJECTED, [], "It does not hold."),
        (RuleStatus.EXPIRED, [], "It is over."),
        (RuleStatus.ROLLED_BACK, [], "It was taken back."),
    ],
)
def test_a_standing_order_is_said_back_and_offered_while_it_is_proposed(
    status: RuleStatus, offered: Sequence[str], lead: str
) -> None:
    card = standing_order(replace(ORDER, status=status), "a1", COMPANY, BEN)
    assert actions(card) == offered
    assert lead in card.lead
    assert all(one.args == {"rule": "order_1", "approval": "a1"} for one in card.buttons)
    assert "180.00" in said(card)


@pytest.mark.parametrize(
    ("status", "offered", "lead"),
    [
        (RuleStatus.APPROVED, ["revoke"], "order_1, 3 of 5"),
        (RuleStatus.EXPIRED, [], "order_1, 3 of 5"),
        (RuleStatus.ROLLED_BACK, [], "was taken back. What was sent stays sent."),
    ],
)
def test_what_an_order_let_go_can_be_stopped_for_the_next_times_while_it_holds(
    status: RuleStatus, offered: Sequence[str], lead: str
) -> None:
    seen = OrderUsedSnapshot(
        order=replace(ORDER, status=status),
        use=3,
        ticket_id="T-7",
        property_id="warm_taipei_2br",
        category="hvac_leak",
        estimate=Decimal("145.00"),
    )
    card = order_used(seen, COMPANY, BEN)
    assert actions(card) == offered
    assert lead in card.lead
    assert "T-7" in card.title and "145.00" in said(card)
    assert "Estimate" not in said(order_used(replace(seen, estimate=None), COMPANY, BEN))
    assert "property unknown" in said(order_used(replace(seen, property_id=None), COMPANY, BEN))


# --- routines

ROUTINE = SkillSnapshot(
    skill_id="taipei_ac_leak",
    version=2,
    skill=COMPANY.skills[0],
    status=SkillStatus.PROPOSED,
    evidence={},
    decided_by=None,
    record={"runs": 0, "completed": 0, "fell_back": 0},
)


@pytest.mark.parametrize(
    ("status", "to_him", "lead"),
    [
        (SkillStatus.PROPOSED, ["adopt", "try", "dismiss"], "Nothing runs before you say yes."),
        (SkillStatus.APPROVED, ["rollback"], "a routine now (Ben)"),
        (SkillStatus.REJECTED, [], "does not become one (Ben)"),
        (SkillStatus.REPLACED, [], "later version"),
        (SkillStatus.ROLLED_BACK, [], "taken back (Ben)"),
        (SkillStatus.DEMOTED, [], "worse than drafting"),
    ],
)
def test_a_routine_is_decided_by_the_founder_alone(
    status: SkillStatus, to_him: Sequence[str], lead: str
) -> None:
    seen = replace(ROUTINE, status=status, decided_by="ben")
    card = skill(seen, COMPANY, BEN)
    assert actions(card) == to_him
    assert lead in card.lead
    assert (card.state == "asking") == (status == SkillStatus.PROPOSED)
    assert actions(skill(seen, COMPANY, SHIRLEY)) == []
    assert "v2" in said(card)


def test_a_routine_says_why_it_is_proposed_and_how_it_did() -> None:
    file = skill(replace(ROUTINE, evidence={"file": True}), COMPANY, BEN)
    assert "file in the company's folder" in file.lead
    learnt = {"saved": {"tickets": 4, "strong_calls": 3}}
    assert (
        "On 4 past tickets it would have saved 3"
        in skill(replace(ROUTINE, evidence=learnt), COMPANY, BEN).lead
    )
    assert "Begun" not in said(file)
    ran = skill(replace(ROUTINE, record={"runs": 3, "completed": 2, "fell_back": 1}), COMPANY, BEN)
    assert "Begun: 3. To the end: 2. Left: 1." in said(ran)


# --- memos, procedures, files

MEMO = MemoSnapshot(memo=COMPANY.memos[0], status=MemoStatus.PROPOSED)


@pytest.mark.parametrize(
    ("status", "to_him", "lead"),
    [
        (MemoStatus.PROPOSED, ["confirm", "change", "drop"], "Shall this count"),
        (MemoStatus.KEPT, [], "It counts."),
        (MemoStatus.DROPPED, [], "Dropped."),
        (MemoStatus.RETIRED, [], "It counts no more."),
    ],
)
def test_a_memo_counts_by_the_founders_word_alone(
    status: MemoStatus, to_him: Sequence[str], lead: str
) -> None:
    card = memo(replace(MEMO, status=status), COMPANY, BEN)
    assert actions(card) == to_him
    assert lead in card.lead
    assert actions(memo(replace(MEMO, status=status), COMPANY, SHIRLEY)) == []


def test_a_memo_names_its_speaker_to_others_and_warns_of_an_order() -> None:
    assert memo(MEMO, COMPANY, BEN).title == "A memo"
    assert memo(MEMO, COMPANY, SHIRLEY).title == "A memo of Ben"
    flagged = replace(MEMO, memo=MEMO.memo.model_copy(update={"flags": ["injection"]}))
    assert "reads like an order to me" in said(memo(flagged, COMPANY, BEN))
    heard = replace(MEMO, memo=MEMO.memo.model_copy(update={"audio_sha256": "ab" * 32}))
    (words, *_) = memo(heard, COMPANY, BEN).sections
    assert [link.url for link in words.links] == [f"media:{'ab' * 32};audio/*"]
    elsewhere = replace(MEMO, memo=MEMO.memo.model_copy(update={"property_id": None, "category": None}))
    assert "every property" in said(memo(elsewhere, COMPANY, BEN))
    assert "Everything" in said(memo(elsewhere, COMPANY, BEN))


def test_a_procedure_is_read_by_all_and_written_by_the_founder() -> None:
    sop = COMPANY.sops[0]
    mine, theirs = procedure(sop, COMPANY, BEN), procedure(sop, COMPANY, SHIRLEY)
    assert (actions(mine), actions(theirs)) == (["edit", "remove"], [])
    assert said(mine) == said(theirs)
    assert f"1. {sop.steps[0]}" in said(mine)
    assert mine.buttons[0].args["base"], "of exactly what was shown"
    long = sop.model_copy(update={"steps": ["x" * 3000]})
    assert actions(procedure(long, COMPANY, BEN)) == ["remove"], "no form takes so much"
    assert actions(procedure(None, COMPANY, BEN)) == ["edit"]
    assert actions(procedure(None, COMPANY, SHIRLEY)) == []


def test_what_waits_in_the_files_is_shown_as_old_and_new() -> None:
    waits = [Pending("vendors.json", ("vendors", 0), "vendor:wang", "cap_usd", "200.00", "900.00")]
    open_, over = company_files(waits, "d1", BEN), company_files(waits, "d1", BEN, done=True)
    assert (actions(open_), open_.state, open_.buttons[0].args) == (["accept"], "asking", {"digest": "d1"})
    assert "200.00 → 900.00" in said(open_)
    assert (actions(over), over.state) == ([], "done")
    assert (shown(None), shown("a"), shown(["乙"]), shown(1)) == ("–", "a", '["乙"]', "1")


# --- vendors and bills


def test_an_order_that_may_not_have_arrived_is_settled_by_a_person() -> None:
    seen = UnsureSnapshot(ticket_id="T-7", vendor="Mr. Wang")
    assert actions(unsure(seen, BEN)) == ["arrived", "again"]
    assert "T-7" in unsure(seen, BEN).lead
    over = unsure(replace(seen, settled="{who} says it arrived.", who="Ben"), BEN)
    assert (actions(over), over.lead, over.state) == ([], "Ben says it arrived.", "done")


def test_an_order_that_was_taken_back_counts_until_they_know() -> None:
    seen = RecalledSnapshot(
        ticket_id="T-7", vendor_id="mr_wang_hvac", estimate=Amount(Decimal("145.00")), recalled=True
    )
    card = recalled(seen, COMPANY, BEN)
    assert (actions(card), card.buttons[0].args) == (["off"], {"ticket": "T-7"})
    assert "145.00" in card.lead
    over = recalled(replace(seen, recalled=False), COMPANY, BEN)
    assert (actions(over), over.state) == ([], "done")
    assert "somebody_gone" in recalled(replace(seen, vendor_id="somebody_gone"), COMPANY, BEN).title


TWD = Amount(Decimal("10.00"), Local(Decimal(300), "TWD", Decimal(30)))
BILL = BillQuestion(
    ticket_id="T-7",
    readings=(Amount(Decimal("1500.00")),),
    args={"ticket": "T-7", "minutes": 30},
    why=(),
    estimate=Amount(Decimal("145.00")),
    cap=Decimal("200.00"),
)


def test_a_bill_that_is_hard_to_believe_is_asked_about_once_more() -> None:
    one = really(BILL, SHIRLEY)
    assert (actions(one), one.buttons[0].style) == (["resolve", "leave"], "primary")
    assert "really 1500.00 USD?" in one.lead
    assert one.buttons[0].args == {"ticket": "T-7", "minutes": 30, "amount": ["1500.00", "USD"]}
    assert "145.00" in said(one) and "200.00" in said(one)
    two = really(replace(BILL, readings=(TWD, Amount(Decimal("300.00")))), SHIRLEY)
    assert actions(two) == ["resolve", "resolve", "leave"]
    assert "which of the two" in two.lead
    assert [b.args.get("amount") for b in two.buttons[:2]] == [["300", "TWD"], ["300.00", "USD"]]
    assert {b.style for b in two.buttons} == {"plain"}
    none = really(replace(BILL, readings=(), estimate=None, cap=None), SHIRLEY)
    assert "is that really so?" in none.lead
    assert none.buttons[0].args["amount"] is None
    assert none.facts == ()
    assert "Why you are asked" not in [section.title for section in one.sections]


@pytest.mark.parametrize("code", sorted(phrases.DOUBT))
def test_every_doubt_about_a_bill_is_said(code: str) -> None:
    holes = {name: "x" for _, name, _, _ in string.Formatter().parse(phrases.DOUBT[code]) if name}
    (why,) = really(replace(BILL, why=(Reason(code, holes),)), SHIRLEY).sections
    assert (why.title, why.text) == ("Why you are asked", f"• {WORDS(phrases.DOUBT[code], **holes)}")


def test_the_answer_to_a_bill_stands_on_its_card() -> None:
    card = answered("{ticket}: booked as you said.", {"ticket": "T-7"}, SHIRLEY)
    assert (card.lead, card.state, card.buttons) == ("T-7: booked as you said.", "done", ())


def test_an_unusual_bill_teaches_nothing_before_the_founder_says_so() -> None:
    seen = BilledSnapshot(
        ticket_id="T-7",
        property_id="warm_taipei_2br",
        vendor_id="mr_wang_hvac",
        bill=Amount(Decimal("900.00")),
        doubtful=True,
    )
    card = outlier(seen, COMPANY, BEN)
    assert (actions(card), card.buttons[0].args) == (["confirm"], {"ticket": "T-7"})
    assert "900.00" in card.lead
    for settled_ in (
        replace(seen, doubtful=False),
        replace(seen, vendor_id=None),
        replace(seen, bill=None),
    ):
        assert (actions(outlier(settled_, COMPANY, BEN)), outlier(settled_, COMPANY, BEN).state) == (
            [],
            "done",
        )


# --- people and programs


def test_who_joined_can_be_undone_as_a_whole_and_an_account_alone() -> None:
    shirley = COMPANY.person("shirley")
    assert shirley is not None
    new = joined(Joined(shirley, "slack", "U1", "Ben", True), COMPANY, BEN)
    assert (actions(new), new.buttons[0].args) == (["remove"], {"person": "shirley"})
    assert "Invited by: Ben" in said(new) and "joined the team" in new.lead
    more = joined(Joined(shirley, "slack", "U1", "Ben", False), COMPANY, BEN)
    assert (actions(more), more.buttons[0].args) == (["unlink"], {"channel": "slack", "account": "U1"})
    assert "Invited by" not in said(more) and "one more account" in more.lead


def test_who_left_can_be_taken_back_and_what_they_had_is_named() -> None:
    assert actions(left("Ana", [], BEN)) == ["restore"]
    assert left("Ana", [], BEN).facts == ()
    held = left("Ana", [f"T-{n}" for n in range(1, 13)], BEN)
    assert "T-10" in said(held) and "T-11" not in said(held)
    assert actions(shall_stay("Eve", "Ana", BEN)) == ["keep", "remove"]
    over = settled("{name} stays.", {"name": "Eve"}, BEN)
    assert (over.lead, over.state, over.buttons) == ("Eve stays.", "done", ())


def acting(n: int, used: datetime | None = None) -> Acting:
    return Acting(
        f"g{n}", f"c{n}", f"Program {n}", GrantKind.OAUTH, "ben", "read", "mcp", NOW, used, None, None
    )


def test_what_acts_for_somebody_is_taken_back_with_a_tap() -> None:
    none = programs(ProgramsSnapshot(acting=(), every=False, now=NOW), COMPANY, BEN)
    assert (none.buttons, none.state) == ((), "done")
    seen = ProgramsSnapshot(acting=(acting(1), acting(2, NOW)), every=False, now=NOW)
    card = programs(seen, COMPANY, BEN)
    assert [one.args for one in card.buttons] == [
        {"client": "c1", "person": "ben"},
        {"client": "c2", "person": "ben"},
    ]
    assert "never used" in card.facts[0].value and "last used" in card.facts[1].value
    assert "Ben" not in card.facts[0].value
    assert "Ben" in programs(replace(seen, every=True), COMPANY, BEN).facts[0].value
    many = ProgramsSnapshot(acting=tuple(map(acting, range(MAX_SHOWN + 1))), every=False, now=NOW)
    shown_ = programs(many, COMPANY, BEN)
    assert len(shown_.buttons) == MAX_SHOWN
    assert f"The newest {MAX_SHOWN} of {MAX_SHOWN + 1}" in shown_.lead
    all_ = replace(many, acting=many.acting[:MAX_SHOWN])
    assert "The newest" not in programs(all_, COMPANY, BEN).lead


@pytest.mark.parametrize(
    ("answer", "offered", "lead"),
    [
        ("", ["allow", "deny"], "shows 42"),
        ("allowed", [], "You let that browser in."),
        ("denied", [], "You did not let that browser in."),
    ],
)
def test_a_browser_is_let_in_once(answer: str, offered: Sequence[str], lead: str) -> None:
    card = sign_in(SignInSnapshot(answer=answer, digits="42", browser="Firefox", place="10.0.0.1"), BEN)
    assert actions(card) == offered
    assert lead in card.lead
    assert ("Firefox" in said(card)) == (not answer)


# --- the house


@pytest.mark.parametrize(
    ("status", "offered", "lead"),
    [
        (InboxStatus.QUARANTINED, ["retry", "discard"], "five times"),
        (InboxStatus.DISCARDED, [], "Discarded."),
        (InboxStatus.ACCEPTED, [], "Taken up again."),
        (InboxStatus.PROCESSED, [], "Taken up again."),
        (InboxStatus.HELD, [], "Taken up again."),
    ],
)
def test_a_message_that_could_not_be_worked_on(
    status: InboxStatus, offered: Sequence[str], lead: str
) -> None:
    seen = QuarantinedSnapshot(status=status, received_at=NOW, error="ValueError", text="漏水 \x07")
    card = quarantined(seen, NOW, BEN)
    assert (actions(card), card.state) == (offered, "asking" if offered else "done")
    assert lead in card.lead
    assert "漏水" in said(card) and "\x07" not in said(card)
    assert quarantined(replace(seen, text=""), NOW, BEN).sections == ()


def test_the_test_button_says_that_it_came_back() -> None:
    assert actions(check(BEN)) == ["check"]
    assert (actions(check(BEN, pressed=True)), check(BEN, pressed=True).state) == ([], "done")


CHOICE = Field(name="eta", kind="choice", label="When?", options=(Option(value="30", label="soon"),))
TEXT = Field(name="why", kind="text", label="Why?", value="as it was")
FORM = FormSnapshot(
    button=Button(id="b", label="T-7 · Reject", fields=(CHOICE, TEXT)), field="eta", said="", over=False
)


def test_a_form_asks_one_field_after_the_other() -> None:
    choice = form(FORM, SHIRLEY)
    assert [one.args for one in choice.buttons] == [{"value": "30"}, {"stop": True}]
    assert (choice.lead, choice.expects) == ("When?", "")
    text = form(replace(FORM, field="why"), SHIRLEY)
    assert (text.buttons, text.expects, text.lead) == ((), "text", "Why?")
    assert "as it was" in said(text)
    which = form(replace(FORM, field="?"), SHIRLEY)
    assert [one.args for one in which.buttons] == [{"field": "eta"}, {"field": "why"}, {"stop": True}]
    sure = form(replace(FORM, field=CONFIRM, said="no " * 200), SHIRLEY)
    assert [one.args for one in sure.buttons] == [{"confirm": True}, {"stop": True}]
    assert "Say no with these words" in sure.lead and len(sure.lead) < 400
    over = form(replace(FORM, over=True), SHIRLEY)
    assert (over.lead, over.state, over.buttons) == ("✓", "done", ())


# --- questions

ASK = AskSnapshot(
    id="inbox-1",
    kind="ask",
    worker="inbox",
    prompt="Which key?",
    reference="",
    options=("blue", "red"),
    irreversible=False,
    answer=None,
    answered_by=None,
    answered_on=None,
    answered_at=None,
    asked_by=None,
)


def test_a_question_is_answered_by_a_choice_or_in_words() -> None:
    card = ask(ASK, COMPANY, BEN)
    assert [one.args for one in card.buttons] == [
        {"ask": "inbox-1", "option": 0},
        {"ask": "inbox-1", "option": 1},
        {"ask": "inbox-1"},
    ]
    assert [one.label for one in card.buttons] == ["blue", "red", "Another answer"]
    long = ask(replace(ASK, options=("x" * 41, "red")), COMPANY, BEN)
    assert [one.label for one in long.buttons[:2]] == ["1", "2"]
    assert "1. xxx" in said(long)
    assert [one.label for one in ask(replace(ASK, options=()), COMPANY, BEN).buttons] == ["Answer"]
    flag = ask(replace(ASK, kind="flag", options=()), COMPANY, BEN)
    assert flag.title.endswith("wants to be looked at") and flag.buttons[-1].label == "Tell it something"
    assert "key.md" in said(ask(replace(ASK, reference="key.md"), COMPANY, BEN))
    assert ask(replace(ASK, asked_by="shirley"), COMPANY, BEN).title == "Shirley asks"


def test_a_question_nobody_waits_for_can_be_dropped() -> None:
    card = ask(replace(ASK, stranded=True), COMPANY, BEN)
    assert actions(card) == ["answer", "answer", "drop", "answer"]
    assert "starts another one" in said(card)


def test_what_cannot_be_undone_takes_a_tap_and_no_words() -> None:
    card = ask(replace(ASK, irreversible=True, options=("yes", "no")), COMPANY, BEN)
    assert [(one.action, one.label) for one in card.buttons] == [("approve", "Yes"), ("reject", "No")]
    assert "cannot be undone" in said(card)


@pytest.mark.parametrize(
    ("answer", "by", "lead"),
    [
        ("the blue one", "ben", "“the blue one”"),
        (CLOSED, SYSTEM, "That has settled itself."),
        ("no", SYSTEM, "Nobody answered within a day"),
    ],
)
def test_an_answered_question_says_who_and_offers_nothing(answer: str, by: str, lead: str) -> None:
    seen = replace(ASK, answer=answer, answered_by=by, answered_on="slack", answered_at=NOW)
    card = ask(seen, COMPANY, BEN)
    assert (actions(card), card.state) == ([], "done")
    assert lead in card.lead
    assert ("Which key?" in said(card)) == (answer != CLOSED)


APPROVAL = AskedApproval(
    kind="shell",
    payload="rm -rf old",
    sha256="ab12",
    more={"reason": "tidy up", "why": "it deletes"},
    state="pending",
    code=None,
    output="",
)


@pytest.mark.parametrize(
    ("state", "lead"),
    [
        ("approved", "It is next."),
        ("running", "It is running."),
        ("rejected", "Nothing was done."),
        ("lapsed", "Nobody answered"),
        ("done", "it is done"),
        ("failed", "exit 3"),
        ("unknown", "will not try again"),
        ("of a later version", "It is next."),
    ],
)
def test_what_was_approved_says_how_it_ended(state: str, lead: str) -> None:
    question = replace(ASK, kind="approval", options=("yes", "no"), approval=APPROVAL)
    card = ask(question, COMPANY, BEN)
    assert actions(card) == ["approve", "reject"]
    for part in ("rm -rf old", "ab12", "tidy up", "it deletes", "Nothing happens without your tap."):
        assert part in said(card)
    over = replace(
        question,
        answer="yes",
        answered_by="ben",
        answered_on="slack",
        answered_at=NOW,
        approval=replace(APPROVAL, state=state, code=3, output="gone\n"),
    )
    done = ask(over, COMPANY, BEN)
    assert (actions(done), done.state) == ([], "done")
    assert lead in done.lead
    assert "gone" in said(done) and "Ben" in said(done)
    assert "Answered by" not in said(ask(replace(over, answered_by=SYSTEM), COMPANY, BEN))


def test_a_payload_is_shown_up_to_a_limit() -> None:
    long = replace(APPROVAL, payload="x" * 5000)
    card = ask(replace(ASK, kind="approval", options=("yes", "no"), approval=long), COMPANY, BEN)
    assert card.sections[0].text == f"{'x' * 2500}\n…"
