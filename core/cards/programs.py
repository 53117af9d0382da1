"""Which programs and browsers act for whom, as it is shown to whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.actors import Reader
from core.cards.card import Fact
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.i18n import N_
from core.model import GrantKind

MAX_SHOWN: Final = 8
"""On a card: more buttons no platform shows."""
KIND: Final = {
    GrantKind.OAUTH: N_("connected program"),
    GrantKind.STATIC: N_("token"),
    GrantKind.SESSION: N_("browser"),
}


@dataclass(frozen=True, slots=True)
class Acting:
    """One grant that is good."""

    grant_id: str
    client_id: str
    name: str
    kind: GrantKind
    person_id: str
    scope: str
    audience: str
    created_at: datetime
    last_used_at: datetime | None
    last_used_from: str | None
    expires_at: datetime | None

    def to_json(self) -> dict[str, str | None]:
        """The keys of `loopos clients --json`."""
        return {
            "client_id": self.client_id,
            "name": self.name,
            "kind": self.kind.value,
            "person": self.person_id,
            "scope": self.scope,
            "audience": self.audience,
            "created_at": self.created_at.isoformat(),
            "last_used_at": self.last_used_at.isoformat() if self.last_used_at else None,
            "last_used_from": self.last_used_from,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramsSnapshot:
    acting: tuple[Acting, ...]
    every: bool
    """Everybody's: for the founder."""
    now: datetime


def programs(seen: ProgramsSnapshot, company: Company, reader: Reader) -> CardDraft:
    words, found, every = reader.words, seen.acting, seen.every
    title = words("Programs and browsers")
    if not found:
        lead = words("Nothing acts for you: no program, no token, no browser.")
        return CardDraft(title=title, lead=lead, state="done")
    facts = [
        Fact(
            label=grant.name,
            value=_described(grant, reader, seen.now, company.name_of(grant.person_id) if every else ""),
        )
        for grant in found[:MAX_SHOWN]
    ]
    buttons = [
        ButtonDraft(
            "revoke",
            words("Take back {name}", name=grant.name[:40]),
            "danger",
            {"client": grant.client_id, "person": grant.person_id},
        )
        for grant in found[:MAX_SHOWN]
    ]
    lead = words("What may act for people of the team.") if every else words("What may act for you.")
    if len(found) > MAX_SHOWN:
        lead += " " + words(
            "The newest {count} of {all}; the page shows the rest.", count=MAX_SHOWN, all=len(found)
        )
    return CardDraft(title=title, lead=lead, state="open", facts=tuple(facts), buttons=tuple(buttons))


def _described(grant: Acting, reader: Reader, now: datetime, who: str) -> str:
    words = reader.words
    when = (
        words("last used {at}", at=words.time(grant.last_used_at, now))
        if grant.last_used_at is not None
        else words("never used")
    )
    return " · ".join(part for part in (who, words(KIND[grant.kind]), grant.scope, when) if part)
