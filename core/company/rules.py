"""A rule as its file holds it: what it is about, what it changes, and until when.

A rule changes data that a draft looks at, or answers what the gate would have asked. What a file says of itself is read
by nobody: in force is what the founder adopted (core.store.brain_tables)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
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


class OfVendor(_Model):
    vendor_id: Id


class OfCap(_Model):
    cap_usd: Usd


class OfEstimate(_Model):
    usd: Usd


class OfWait(_Model):
    seconds: int = Field(ge=5, le=86_400)


class OfStep(_Model):
    step: Annotated[str, AfterValidator(_step)]


class OfMemo(_Model):
    memo_id: Id


class OfOrder(_Model):
    up_to_usd: Usd


class Nothing(_Model):
    """No argument."""


ARGUMENTS: Final[Mapping[RuleKind, type[_Model]]] = {
    "prefer_vendor": OfVendor,
    "avoid_vendor": OfVendor,
    "lower_cap": OfCap,
    "raise_cap": OfCap,
    "estimate": OfEstimate,
    "escalation_wait": OfWait,
    "sop_step": OfStep,
    "retire_memo": OfMemo,
    "recurring_fault": Nothing,
    "standing_order": OfOrder,
    "code": Nothing,
}
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
    then: dict[str, Any] = Field(default_factory=dict)
    until: datetime | None = None
    max_uses: int | None = Field(default=None, ge=1, le=MAX_USES)
    proposed_by: str = ""
    approved_by: str = ""
    evidence: list[Evidence] = Field(default_factory=list)
    text: dict[Language, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        args = ARGUMENTS[self.kind].model_validate(self.then)
        object.__setattr__(self, "then", args.model_dump())
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
