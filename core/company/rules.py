"""A rule as its file holds it: what it is about, what it changes, and until when.

A rule changes data that a draft looks at, or answers what the gate would have asked. What a file says of itself is read
by nobody: in force is what the founder adopted (core.store.brain_tables)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.company.types import Id, Language, Usd
from core.model import Category, RuleKind
from core.text import ADDRESS, escape

LONGEST: Final = timedelta(days=365)
"""Until when a rule that widens may hold, from its adoption."""
MAX_USES: Final = 100


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Scope(_Model):
    """All that are set must be so."""

    property_id: Id | None = None
    category: Category | None = None
    vendor_id: Id | None = None
    severity_max: int | None = Field(default=None, ge=1, le=5)


def _step(text: str) -> str:
    plain = escape(text.strip())
    if not plain or len(plain) > 300 or ADDRESS.search(plain):
        raise ValueError("a step has 1 to 300 characters, no address and no number to call")
    return plain


class Then(_Model):
    """What is so from then on: what its kind takes, and nothing else."""

    vendor_id: Id | None = None
    cap_usd: Usd | None = None
    usd: Usd | None = None
    up_to_usd: Usd | None = None
    seconds: int | None = Field(default=None, ge=5, le=86_400)
    step: Annotated[str, AfterValidator(_step)] | None = None
    memo_id: Id | None = None


TAKES: Final[Mapping[RuleKind, str]] = {
    "prefer_vendor": "vendor_id",
    "avoid_vendor": "vendor_id",
    "lower_cap": "cap_usd",
    "raise_cap": "cap_usd",
    "estimate": "usd",
    "escalation_wait": "seconds",
    "sop_step": "step",
    "retire_memo": "memo_id",
    "recurring_fault": "",
    "standing_order": "up_to_usd",
    "code": "",
}
"""The field of Then that a kind needs; "": none."""
WIDENING: Final = frozenset({"raise_cap", "standing_order"})
"""They let more pass than before: only for exactly this place, kind and vendor, and never for ever."""


class Evidence(_Model):
    """Why somebody thinks so. A quote is the founder's own."""

    ticket_id: str | None = None
    resolution_id: str | None = None
    memo_id: str | None = None
    at: datetime
    value: str | None = None
    quote: str | None = None


class Rule(_Model):
    rule_id: Id
    version: int = Field(default=1, ge=1, le=1_000_000)
    kind: RuleKind
    when: Scope = Field(default_factory=Scope)
    then: Then = Field(default_factory=Then)
    until: datetime | None = None
    max_uses: int | None = Field(default=None, ge=1, le=MAX_USES)
    proposed_by: str = ""
    approved_by: str = ""
    evidence: list[Evidence] = Field(default_factory=list)
    text: dict[Language, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        given, needed = set(self.then.model_dump(exclude_none=True)), {TAKES[self.kind]} - {""}
        if needed - given:
            raise ValueError(f"{self.kind} needs then.{', '.join(needed)}")
        if given - needed:
            raise ValueError(f"{self.kind} takes no then.{', '.join(sorted(given - needed))}")
        if self.until is not None and self.until.tzinfo is None:
            raise ValueError("until names no time zone")
        if self.kind in WIDENING:
            missing = [
                name for name in ("property_id", "category", "vendor_id") if getattr(self.when, name) is None
            ]
            if missing or self.until is None:
                raise ValueError(
                    f"{self.kind} needs {', '.join([*missing, *(['until'] if self.until is None else [])])}"
                )
        if self.max_uses is not None and self.kind != "standing_order":
            raise ValueError("max_uses is for a standing_order alone")
        if self.kind == "escalation_wait" and self.when.vendor_id is not None:
            raise ValueError("escalation_wait is about a place and a kind, not about a vendor")
        return self

    @property
    def dollars(self) -> Decimal:
        """The amount that it names; 0 where it names none."""
        then = self.then
        return next((one for one in (then.cap_usd, then.usd, then.up_to_usd) if one is not None), Decimal(0))

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


def rule_json(rule: Rule) -> dict[str, Any]:
    """As its file holds it."""
    content = rule.model_dump(mode="json", exclude_none=True)
    content["evidence"] = [
        {key: value for key, value in one.items() if key != "quote"} for one in content["evidence"]
    ]
    return content


def digest_of(rule: Rule) -> str:
    """Of what it changes, when and how long: not of who said so, or why."""
    content = rule_json(rule)
    kept = {
        key: content[key]
        for key in ("rule_id", "kind", "when", "then", "until", "max_uses")
        if key in content
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
