"""A browser wants to sign in as somebody: they are asked in chat."""

from __future__ import annotations

from dataclasses import dataclass

from core.actors import Reader
from core.cards.card import Fact
from core.cards.view import ButtonDraft, CardDraft
from core.i18n import N_


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSnapshot:
    answer: str
    """allowed, denied, or "" while nobody has answered"""
    digits: str
    browser: str
    place: str


def sign_in(seen: SignInSnapshot, reader: Reader) -> CardDraft:
    words, title = reader.words, reader.words("Sign in")
    match seen.answer:
        case "allowed":
            return CardDraft(title=title, lead=words(N_("You let that browser in.")), state="done")
        case "denied":
            lead = words(N_("You did not let that browser in. If that was not you, nothing has happened."))
            return CardDraft(title=title, lead=lead, state="done")
    return CardDraft(
        title=title,
        lead=words(
            N_("A browser wants to sign in as you. Its page shows {digits}. Is that you?"),
            digits=seen.digits,
        ),
        state="asking",
        facts=(
            Fact(label=words("Browser"), value=seen.browser),
            Fact(label=words("From"), value=seen.place),
        ),
        buttons=(
            ButtonDraft("allow", words("Yes, let it in"), "primary"),
            ButtonDraft("deny", words("No"), "danger"),
        ),
    )
