"""The page's own words, from the same catalogues as the cards."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from core.i18n import N_, Words
from core.phrases import NO_FILE

TEXTS: Final = {
    "pick": N_("Who are you?"),
    "pick_hint": N_("This is the demo: open a second window and be somebody else there."),
    "switch": N_("Be somebody else"),
    "placeholder": N_("What is wrong, and where?"),
    "send": N_("Send"),
    "photo": N_("Add a photo or a recording"),
    "record": N_("Record a voice note"),
    "recording": N_("Recording… tap to stop"),
    "remove": N_("Remove"),
    "connecting": N_("Connecting…"),
    "offline": N_("No connection. What you send is kept here and goes out by itself."),
    "working": N_("LoopOS is working on it…"),
    "sending": N_("sending…"),
    "kept": N_("kept"),
    "failed": N_("not sent yet"),
    "empty": N_("Nothing here yet. Tell LoopOS what is wrong and where, in your own words."),
    "examples": N_("For example"),
    "confirm": N_("OK"),
    "back": N_("Back"),
    "more": N_("More"),
    "reply": N_("Answer this"),
    "replying": N_("Answering:"),
    "too_large": N_("Too large; the limit is 20 MB."),
    "not_media": N_("That is not a photo or a voice note."),
    **{code: NO_FILE[code] for code in ("too_many_pixels", "damaged_picture")},
    "upload_failed": N_("The file did not arrive. Please try again."),
    "no_microphone": N_("I cannot use the microphone here."),
    "not_demo": N_("The web chat is only open in demo mode."),
    "new_message": N_("New messages below"),
    "founder": N_("Founder"),
    "lead": N_("Lead"),
    "ops": N_("Operations"),
    "voice": N_("Voice note"),
    "file": N_("Photo"),
    "you": N_("You"),
    "choose": N_("Please choose"),
    "enlarge": N_("Show larger"),
    "close": N_("Close"),
    "not_shown": N_("This cannot be shown here."),
    "again": N_("Try again"),
    "save": N_("Save"),
}


def page_texts(language: str) -> dict[str, str]:
    words = Words(language, ZoneInfo("UTC"))
    return {key: words(text) for key, text in TEXTS.items()}
