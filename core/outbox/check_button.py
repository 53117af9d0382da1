"""The button that `loopos doctor --button` sends: a tap that comes back proves the whole way (WANTED W3)."""

from __future__ import annotations

from core.actors import Reader
from core.cards.press import Own
from core.cards.view import Press, Sketch
from core.context import Tx
from core.i18n import N_
from core.outbox import card_publisher
from core.outbox.said_once import first_time


def sketch(reader: Reader, *, pressed: bool = False) -> Sketch:
    words = reader.words
    if pressed:
        return Sketch(title=words("Test"), lead=words(N_("It works: your tap has arrived.")), state="done")
    return Sketch(
        title=words("Test"),
        lead=words(N_("Please press the button. It shows that your taps reach me.")),
        state="asking",
        presses=(Press("check", words("It works"), "primary"),),
    )


def tap(tx: Tx, own: Own) -> None:
    own.actor()
    first_time(tx, f"checked:{own.subject}")
    card_publisher.redraw_own(tx, "check", own.subject, lambda reader: sketch(reader, pressed=True))
