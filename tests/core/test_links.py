"""The link behind which a vendor answers cannot be made by anybody else."""

from __future__ import annotations

from core.ids import new_id
from core.outbox.offer_links import offer_in, token_of

SECRET = b"s" * 32


def test_a_link_names_its_offer() -> None:
    offer = new_id()
    assert offer_in(SECRET, token_of(SECRET, offer)) == offer


def test_a_link_with_any_letter_changed_names_nothing() -> None:
    token = token_of(SECRET, new_id())
    for at, letter in enumerate(token):
        for other in {"a", "B", "0", "-", ".", "é", "\x00"} - {letter}:
            assert offer_in(SECRET, token[:at] + other + token[at + 1 :]) is None


def test_a_link_of_another_home_is_no_link() -> None:
    assert offer_in(b"t" * 32, token_of(SECRET, new_id())) is None
    assert offer_in(SECRET, "") is None
