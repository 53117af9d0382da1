"""Somebody changed the company's files so that more would pass: the founder is asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from core.actors import Reader
from core.cards.card import Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.widening import Pending


def company_files(waits: Sequence[Pending], digest: str, reader: Reader, *, done: bool = False) -> CardDraft:
    """What waits for a yes; `digest`: of exactly that."""
    words = reader.words
    lines = [
        f"{one.file} {one.entry.partition(':')[2]} {one.key}: {shown(one.old)} → {shown(one.new)}"
        for one in waits
    ]
    lead = (
        words("It counts as the files say.")
        if done
        else words(
            "Somebody changed the company's files so that more would pass. Until you say yes the old values count."
        )
    )
    args = {"digest": digest}
    return CardDraft(
        title=words("The company's files"),
        lead=lead,
        state="done" if done else "asking",
        sections=(Section(title=words("Old → new"), text="\n".join(lines)[:2500]),),
        buttons=() if done else (ButtonDraft("accept", words("Yes, as the files say"), "primary", args),),
    )


def shown(value: Any) -> str:
    """A value of a file, short."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
