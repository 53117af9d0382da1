"""What a company's data looks like: the JSON files of docs/COMPANY.md, as types.

Unknown keys are refused: in data that decides about money a typing mistake must not pass as "not set"."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from core.company.types import DAYS, Currency, Day, Id, Language, Said, Usd, Zone, rate
from core.model import Category, Rank, Role
from core.money import USD

DAY_CAPS: Final = 3


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CompanyFile(_Model):
    name: str
    reopen_days: int = Field(default=7, ge=0, le=90)
    """A message about a resolved fault within these days asks: reopen, or new?"""
    guest_credit_cap_usd: Usd = Decimal("200.00")
    """A larger credit to a guest is asked about before it is booked."""
    staff_minutes_cap: int = Field(default=960, ge=0)
    """Our own people's minutes for one ticket: more is asked about before it is booked."""
    staff_hourly_usd: Usd = Decimal(0)
    """What an hour of the team's work is taken for in the statement of a property."""


class RatesFile(_Model):
    """What a US dollar buys of other moneys."""

    as_of: date
    per_usd: dict[Currency, Annotated[Decimal, BeforeValidator(rate)]]


class Property(_Model):
    id: Id
    name: str
    city: str
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    language: Language
    timezone: Zone
    monthly_budget_usd: Usd
    cap_usd: Usd | None = None
    currency: Currency = USD
    """In which people ask, quote and bill there. Caps, budgets and the ledger are in US dollars."""
    aliases: list[str] = Field(default_factory=list)
    address: str = ""
    access: str = ""
    calendars: list[str] = Field(default_factory=list, max_length=10)
    """Reservation feeds (iCalendar): addresses, or files beside this one."""
    check_in: time = time(15)
    check_out: time = time(11)
    cleaner_minutes: Annotated[int, Field(ge=0, le=1440)] = 90
    """What the cleaner needs between a repair and the next guest."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class QuietHours(_Model):
    """From `start` to `end` in the person's zone, over midnight where end is earlier; `days` are those on
    which it begins."""

    days: list[Day] = Field(default_factory=lambda: list(DAYS))  # type: ignore[arg-type]
    start: time
    end: time


Identities = dict[Annotated[str, Field(pattern=r"^[a-z]{2,20}$")], list[str]]
"""Channel name -> the platform's ids of one person there."""


class Person(_Model):
    id: Id
    name: str
    role: Role
    languages: list[Language] = Field(min_length=1)
    properties: list[Id] = Field(default_factory=list)
    timezone: Zone
    backup: Id | None = None
    quiet_hours: list[QuietHours] = Field(default_factory=list)
    identities: Identities = Field(default_factory=dict)
    phone: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class UsualCost(_Model):
    low: Usd
    high: Usd

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Vendor(_Model):
    id: Id
    name: str
    trades: list[str] = Field(min_length=1)
    properties: list[Id]
    languages: list[Language] = Field(min_length=1)
    usual_usd: UsualCost
    cap_usd: Usd | None = None
    """None: the top of what they usually take."""
    day_cap_usd: Usd | None = None
    """So much may be authorised for them in a day without anybody being asked; None: DAY_CAPS times their cap."""
    currency: Currency | None = None
    """In which they bill; None: that of the property."""
    response_hours: float = Field(ge=0, le=240)
    slow_months: list[Annotated[int, Field(ge=1, le=12)]] = Field(default_factory=list)
    slow_response_hours: float | None = Field(default=None, ge=0, le=240)
    phone: Annotated[str, Field(pattern=r"^\+[0-9 ]{6,20}$")] | None = None
    whatsapp: bool = False
    identities: Identities = Field(default_factory=dict)
    """Where they can be written to directly; without any they answer on a page whose link is passed on."""
    person_id: Id | None = None
    """Set where the vendor is a team member on site."""
    approved: bool = True

    @property
    def cap(self) -> Decimal:
        return self.usual_usd.high if self.cap_usd is None else self.cap_usd

    @property
    def day_cap(self) -> Decimal:
        return self.cap * DAY_CAPS if self.day_cap_usd is None else self.day_cap_usd


class Memo(_Model):
    """A founder's voice memo: his own words, and what they say in English."""

    id: Id
    property_id: Id | None = None
    category: Category | None = None
    speaker: Id
    language: Language
    recorded_at: datetime
    transcript: str
    transcript_en: str
    audio_sha256: str = ""
    status: Literal["proposed", "kept", "retired"] = "kept"
    approved_by: Id | None = None
    retired_at: datetime | None = None
    retired_by: Id | None = None
    superseded_by: Id | None = None
    flags: list[str] = Field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether anything may rest on it."""
        return self.status == "kept"

    @property
    def in_english(self) -> str:
        """Where somebody translated it; else as it was said."""
        return self.transcript_en or self.transcript


class Sop(_Model):
    id: Id
    title: Said
    trigger_phrases: list[str] = Field(default_factory=list)
    steps: list[Said] = Field(min_length=1)
    trades: list[str] = Field(default_factory=list)
    """Whom it calls; empty: the team member on site."""
    cap_usd: Usd | None = None
    human_if_severity: int = Field(default=4, ge=1, le=5)
    guest_offer: dict[Language, str] = Field(default_factory=dict)
    """What the guest is offered, per language."""


class Resolution(_Model):
    id: Id
    property_id: Id
    category: Category
    vendor_id: Id | None = None
    summary: str
    resolved_on: date
    hours: float = Field(ge=0, le=10_000, allow_inf_nan=False)
    cost_usd: Usd
    rating: int = Field(ge=1, le=5)


class Step(_Model):
    who: Rank
    wait: int = Field(gt=0, le=86_400)
    """Seconds until the next step."""


class EscalationFile(_Model):
    default: list[Step] = Field(min_length=1)
    by_severity: dict[Literal["1", "2", "3", "4", "5"], list[Step]] = Field(default_factory=dict)
    approval_remind_seconds: int = Field(default=300, gt=0)
    approval_deputy_seconds: int = Field(default=600, gt=0)
    approval_lapse_seconds: int = Field(default=86_400, gt=0)
    question_seconds: int = Field(default=300, gt=0)
    follow_up_grace_seconds: int = Field(default=1800, gt=0)
    offer_seconds: int = Field(default=900, gt=0)
    """So long may a vendor be silent before the next approved one is tried."""

    @model_validator(mode="after")
    def _no_cycle(self) -> Self:
        for name, steps in [("default", self.default), *self.by_severity.items()]:
            who = [step.who for step in steps]
            if len(set(who)) < len(who):
                raise ValueError(f"policy {name!r} comes back to somebody it already told: {', '.join(who)}")
        if not self.approval_remind_seconds < self.approval_deputy_seconds < self.approval_lapse_seconds:
            raise ValueError(
                "an approval is reminded of, then passed to the deputy, then lapses: in this order"
            )
        return self

    def steps_for(self, severity: int) -> list[Step]:
        return self.by_severity.get(str(severity), self.default)  # type: ignore[call-overload,no-any-return]
