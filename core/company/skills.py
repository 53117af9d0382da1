"""A skill as its file holds it: typed conditions, typed steps. docs/skill.schema.json is made of these types.

What a file says of itself being approved is read by nobody: that is a row of the house (core.store.brain_tables)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, time
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from core.company.types import Id, Language, Usd
from core.model import Category, Rank, RiskTag, SkillText
from core.text import ADDRESS, MONEY, escape

MAX_STEPS: Final = 20
MAX_TEXT: Final = 500
MAX_VERSION: Final = 1_000_000


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


# --- when


class SeverityRange(_Model):
    min: int = Field(default=1, ge=1, le=5)
    max: int = Field(default=5, ge=1, le=5)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("min is above max")
        return self


class TagRule(_Model):
    any: list[RiskTag] = Field(default_factory=list)
    """One of these must be there; empty: no matter."""
    none: list[RiskTag] = Field(default_factory=list)


class Hours(_Model):
    """By the property's clock, over midnight where `to` is earlier."""

    begin: time = Field(alias="from")
    end: time = Field(alias="to")

    @field_validator("begin", "end")
    @classmethod
    def _of_no_zone(cls, moment: time) -> time:
        if moment.tzinfo is not None:
            raise ValueError("an hour names no time zone: it is by the property's clock")
        return moment


class When(_Model):
    hours: Hours | None = None
    guest_inside: bool | None = None


class Condition(_Model):
    """All parts that are set must hold; what is not known does not hold."""

    category: list[Category] = Field(default_factory=list)
    property_id: list[Id] = Field(default_factory=list)
    severity: SeverityRange | None = None
    risk_tags: TagRule | None = None
    over_usd: Usd | None = None
    """The estimate is above it."""
    when: When | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_it_was_written(cls, data: Any) -> Any:
        """`any_risk_tag` is how risk_tags.any was written at first."""
        if isinstance(data, Mapping) and "any_risk_tag" in data:
            data = dict(data)
            tags = data.pop("any_risk_tag")
            if tags and "risk_tags" in data:
                raise ValueError("any_risk_tag is risk_tags.any: one of them")
            return {**data, "risk_tags": {"any": tags}} if tags else data
        return data


class TriggerConditions(Condition):
    category: list[Category] = Field(min_length=1)


class ApprovalRule(_Model):
    """A reason more to ask; there is none that asks less."""

    ask: Literal["founder"]
    condition: Condition = Field(alias="if")


# --- what


def _words(text: str) -> str:
    plain = escape(text.strip())
    if not plain or len(plain) > MAX_TEXT:
        raise ValueError(f"a text has 1 to {MAX_TEXT} characters")
    if ADDRESS.search(plain):
        raise ValueError("a text names no address and no number to call")
    if MONEY.search(plain):
        raise ValueError("a text names no amount of money")
    return plain


Words = Annotated[str, AfterValidator(_words)]
Text = SkillText | dict[Language, Words]
"""One of ours, or what to say per language."""


class Nothing(_Model):
    """No argument."""


class Telling(_Model):
    text: Text | None = None


class Asking(_Model):
    text: Text


class Sending(_Model):
    vendor_id: Id | None = None
    """None: the first of the skill's preferred_vendors."""


class Offering(_Model):
    up_to_usd: Usd
    text: Text | None = None


class Waiting(_Model):
    seconds: int | None = Field(default=None, ge=1, le=86_400)
    """None: as long as the escalation has somebody to tell."""


class Escalating(_Model):
    to: Rank


class _Step(_Model):
    condition: Condition | None = Field(default=None, alias="if")
    otherwise: Literal["skip", "fall_back"] = Field(default="skip", alias="else")
    note: str = ""
    """For whoever reads it; nothing is done by it."""


class NotifyReporter(_Step):
    do: Literal["notify_reporter"]
    args: Telling = Field(default_factory=Telling, alias="with")


class AskReporter(_Step):
    do: Literal["ask_reporter"]
    args: Asking = Field(alias="with")


class DispatchVendor(_Step):
    do: Literal["dispatch_vendor"]
    args: Sending = Field(default_factory=Sending, alias="with")


class NotifyGuest(_Step):
    do: Literal["notify_guest"]
    args: Telling = Field(default_factory=Telling, alias="with")


class OfferCompensation(_Step):
    do: Literal["offer_compensation"]
    args: Offering = Field(alias="with")


class WaitAcknowledgement(_Step):
    do: Literal["wait_acknowledgement"]
    args: Waiting = Field(default_factory=Waiting, alias="with")


class FollowUp(_Step):
    do: Literal["follow_up"]
    args: Nothing = Field(default_factory=Nothing, alias="with")


class Check(_Step):
    do: Literal["check"]
    args: Telling = Field(default_factory=Telling, alias="with")


class Escalate(_Step):
    do: Literal["escalate"]
    args: Escalating = Field(alias="with")


class Close(_Step):
    do: Literal["close"]
    args: Nothing = Field(default_factory=Nothing, alias="with")


Step = (
    NotifyReporter
    | AskReporter
    | DispatchVendor
    | NotifyGuest
    | OfferCompensation
    | WaitAcknowledgement
    | FollowUp
    | Check
    | Escalate
    | Close
)
AFTER_SENDING: Final = (WaitAcknowledgement, FollowUp, Check, Close)


class SkillSources(_Model):
    derived_from_ticket: str | None = None
    derived_from_tickets: list[str] = Field(default_factory=list)
    brain_layers_used: list[str] = Field(default_factory=list)
    generated_by: str
    """rule, a model's name, or whoever wrote it."""
    generated_at: datetime


Input = Literal[
    "property_id", "category", "severity", "language", "reporter", "raw_input", "guest_inside", "near_power"
]


class Skill(_Model):
    skill_id: Id
    version: int = Field(ge=1, le=MAX_VERSION)
    name: str
    description: str
    trigger_conditions: TriggerConditions
    inputs_required: list[Input] = Field(default_factory=list)
    workflow_steps: list[Annotated[Step, Field(discriminator="do")]] = Field(
        min_length=1, max_length=MAX_STEPS
    )
    preferred_vendors: list[Id] = Field(default_factory=list)
    auth_cap_usd: Usd
    guest_voice_style: str = ""
    approval_rules: list[ApprovalRule | str] = Field(default_factory=list)
    """Words beside rules are for whoever reads them."""
    approved: bool = False
    sources: SkillSources

    @field_validator("workflow_steps")
    @classmethod
    def _one_job(cls, steps: list[Step]) -> list[Step]:
        sends = [i for i, step in enumerate(steps) if isinstance(step, DispatchVendor)]
        if len(sends) != 1:
            raise ValueError(f"dispatch_vendor stands once, not {len(sends)} times")
        for step in steps[: sends[0]]:
            if isinstance(step, AFTER_SENDING):
                raise ValueError(f"{step.do} stands after dispatch_vendor")
        return steps

    @property
    def sends_at(self) -> int:
        """Which step sends the vendor, from 0."""
        return next(i for i, one in enumerate(self.workflow_steps) if isinstance(one, DispatchVendor))

    @property
    def vendor_id(self) -> str | None:
        """Whom it sends."""
        step = self.workflow_steps[self.sends_at]
        assert isinstance(step, DispatchVendor)
        return step.args.vendor_id or next(iter(self.preferred_vendors), None)

    @property
    def rules(self) -> Iterator[ApprovalRule]:
        return (one for one in self.approval_rules if isinstance(one, ApprovalRule))


def skill_json(skill: Skill) -> dict[str, Any]:
    """As its file holds it: every key of its own; of conditions and steps what is set."""
    content = skill.model_dump(mode="json", by_alias=True)
    content["trigger_conditions"] = _set(skill.trigger_conditions)
    content["workflow_steps"] = [
        {"do": step.do, "with": _set(step.args), **_set(step, exclude={"do", "args"})}
        for step in skill.workflow_steps
    ]
    content["approval_rules"] = [
        one if isinstance(one, str) else {"ask": one.ask, "if": _set(one.condition)}
        for one in skill.approval_rules
    ]
    return content


def _set(part: BaseModel, exclude: set[str] | None = None) -> dict[str, Any]:
    return part.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude_none=True, exclude=exclude
    )


def digest_of(skill: Skill) -> str:
    """Of all that it does and says, but for its number and what it says of being approved."""
    content = skill_json(skill)
    for said_of_itself in ("approved", "version"):
        content.pop(said_of_itself)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def schema() -> dict[str, Any]:
    """The JSON schema of a skill's file (draft 2020-12)."""
    made = Skill.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "SkillArtifact"}
