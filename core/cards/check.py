"""The button that `loopos doctor --button` sends: a tap that comes back proves the whole way (W3)."""

from __future__ import annotations

from core.actors import Reader
from core.cards.view import ButtonDraft, CardDraft
from core.i18n import N_


def check(reader: Reader, *, pressed: bool = False) -> CardDraft:
    words = reader.words
    if pressed:
        return CardDraft(title=words("Test"), lead=words(N_("It works: your tap has arrived.")), state="done")
    return CardDraft(
        title=words("Test"),
        lead=words(N_("Please press the button. It shows that your taps reach me.")),
        state="asking",
        buttons=(ButtonDraft("check", words("It works"), "primary"),),
    )
