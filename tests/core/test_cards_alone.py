"""Cards that belong to no ticket, drawn from a snapshot made by hand: no database, no company."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from core.cards.handover import MAX_LINES, HandoverLine, HandoverSnapshot, handover
from core.cards.home import HomeLine, HomeSnapshot, home, stranger
from core.cards.visitor import NOWHERE, VisitorSnapshot, visitor
from tests.said import Catalogued

NOW = datetime(2026, 7, 3, 2, 0, tzinfo=UTC)
WORDS = Catalogued("en", ZoneInfo("Asia/Taipei"))

LEAK = HandoverLine(
    ticket_id="T-7",
    severity=3,
    category="plumbing",
    status="DISPATCHED",
    owner="Shirley",
    acknowledged=False,
    deciders=(),
    next_at=NOW + timedelta(hours=1),
)
SHIFT = HandoverSnapshot(
    property_ids=("taipei",), places=("Taipei loft",), lines=(LEAK,), can_take=True, now=NOW
)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (LEAK, ("T-7 · 3 · ", "Shirley", "nobody has taken it yet", "next: ")),
        (replace(LEAK, acknowledged=True), ("Shirley · next: ",)),
        (replace(LEAK, owner=None, deciders=("Ben", "Ana")), ("Ben, Ana decides",)),
        (replace(LEAK, owner=None, status="NEW", next_at=None), ("T-7 · 3 · ",)),
    ],
)
def test_a_line_says_who_has_it_and_what_comes_next(line: HandoverLine, said: tuple[str, ...]) -> None:
    (section,) = handover(replace(SHIFT, lines=(line,)), WORDS, taken=False).sections
    for words in said:
        assert words in section.text
    assert ("nobody has taken it yet" in section.text) == (line.owner is not None and not line.acknowledged)
    assert ("next: " in section.text) == (line.next_at is not None)


def test_what_can_be_taken_has_a_button_until_it_was_taken() -> None:
    asked, taken = handover(SHIFT, WORDS, taken=False), handover(SHIFT, WORDS, taken=True)
    assert ([b.action for b in asked.buttons], asked.state) == (["take"], "asking")
    assert (taken.buttons, taken.state) == ((), "done")
    assert "You have taken them." in taken.lead and "You have taken them." not in asked.lead
    assert handover(replace(SHIFT, can_take=False), WORDS, taken=False).buttons == ()


def test_a_quiet_shift_says_so() -> None:
    quiet = handover(replace(SHIFT, lines=(), can_take=False), WORDS, taken=False)
    assert quiet.lead == "You are on for Taipei loft now. Nothing is open there."
    assert (quiet.sections, quiet.state) == ((), "done")


@pytest.mark.parametrize(("count", "more"), [(MAX_LINES, None), (MAX_LINES + 3, "… and 3 more.")])
def test_a_long_list_is_cut_and_says_how_much_is_left(count: int, more: str | None) -> None:
    (section,) = handover(replace(SHIFT, lines=(LEAK,) * count), WORDS, taken=False).sections
    rows = section.text.split("\n")
    assert sum("T-7" in row for row in rows) == MAX_LINES
    assert (rows[-1] if "T-7" not in rows[-1] else None) == more


LINE = HomeLine(ticket_id="T-1", severity=2, category="cleaning", status="NEW", place=None)
PAGE = HomeSnapshot(
    company="Harbor Stays", now=NOW, waiting=(), open=(LINE,), open_count=1, authorised_today=Decimal("80")
)


def test_the_home_page_shows_what_waits_first() -> None:
    asked = home(replace(PAGE, waiting=(LINE,)), WORDS)
    assert (asked.lead, asked.state) == ("1 waiting for you", "asking")
    assert [s.title for s in asked.sections] == ["Waiting for you", "Open tickets"]
    calm = home(PAGE, WORDS)
    assert (calm.lead, calm.state) == ("Nothing waits for you.", "open")
    assert [s.title for s in calm.sections] == ["Open tickets"]
    assert " · – · " in calm.sections[0].text  # no property yet
    assert calm.facts[1].value == WORDS.money(Decimal("80"))


def test_the_home_page_is_never_empty_and_never_endless() -> None:
    assert home(replace(PAGE, open=(), open_count=0), WORDS).sections[0].text == "No open tickets. 🎉"
    assert home(replace(PAGE, open_count=31), WORDS).sections[0].text.endswith("… and 30 more.")
    assert "Ben" in stranger("Harbor Stays", "Ben", WORDS).lead


GUEST = VisitorSnapshot(
    channel="line",
    sender="U1",
    name="\u202eMei",
    texts=("hello\x00", " ", "water!"),
    places=(("taipei", "Taipei loft"),),
    people=(("ben", "Ben"),),
)


def test_what_a_stranger_chose_is_shown_as_data() -> None:
    card = visitor(GUEST, WORDS)
    assert card.facts[1].value == r"\u{202E}Mei U1"
    assert card.sections[0].text.startswith(r"hello\u{0000}")
    assert card.sections[0].text.count("\n") == 1  # the empty message is no line
    admit, known, block = card.buttons
    assert [option.value for option in admit.fields[1].options] == ["taipei", NOWHERE]
    assert [option.value for option in known.fields[0].options] == ["ben"]
    assert block.style == "danger"


def test_once_decided_a_visitor_can_be_decided_no_more() -> None:
    card = visitor(replace(GUEST, channel=""), WORDS, "Ben let Mei in.")
    assert (card.lead, card.buttons, card.facts, card.state) == ("Ben let Mei in.", (), (), "done")


def test_a_snapshot_cannot_be_changed_by_who_draws_it() -> None:
    with pytest.raises(FrozenInstanceError):
        SHIFT.can_take = False  # type: ignore[misc]
