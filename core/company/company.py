"""The company as one immutable snapshot, with the look-ups that the house asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from core.company.findings import Finding
from core.company.rules import Rule
from core.company.schema import (
    CompanyFile,
    EscalationFile,
    Memo,
    Person,
    Property,
    RatesFile,
    Resolution,
    Sop,
    Vendor,
)
from core.company.skills import Skill
from core.errors import Refused
from core.model import Role
from core.money import DOLLARS, MAX_AMOUNT, USD, Amount, Money, Rate

RATES_LAST: Final = timedelta(days=60)
"""Older rates are warned of."""


@dataclass(frozen=True)
class Company:
    about: CompanyFile
    properties: Sequence[Property]
    team: Sequence[Person]
    vendors: Sequence[Vendor]
    memos: Sequence[Memo]
    sops: Sequence[Sop]
    resolutions: Sequence[Resolution]
    escalation: EscalationFile
    skills: Sequence[Skill] = field(default_factory=tuple)
    rates: RatesFile | None = None
    joined: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(channel, platform id) -> person: the accounts that were let in through chat."""
    covers: Mapping[str, str] = field(default_factory=dict)
    """Property -> who is on for it instead of whom team.json names."""
    invited: frozenset[str] = frozenset()
    """Members who joined through chat."""
    former: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Id -> name of who left: what they did keeps their name."""
    refused: Sequence[Finding] = field(default_factory=tuple)
    """Files that were left out, and why."""
    skill_files: frozenset[str] = frozenset()
    """Ids of the skills whose file is there, sound or not."""
    rules: Sequence[Rule] = field(default_factory=tuple)
    rule_files: frozenset[str] = frozenset()

    def without(self, left: Collection[str]) -> Company:
        """The company without who left, and without what they did as vendors."""
        if not left:
            return self
        team = tuple(one for one in self.team if one.id not in left)
        vendors = tuple(
            one.model_copy(update={"approved": False}) if one.person_id in left else one
            for one in self.vendors
        )
        former = {**self.former, **{one.id: one.name for one in self.team if one.id in left}}
        return replace(self, team=team, vendors=vendors, former=former)

    def with_roster(
        self, members: Iterable[Person], joined: Mapping[tuple[str, str], str], covers: Mapping[str, str]
    ) -> Company:
        """The company with those who joined through chat, their accounts, and who is on for whom."""
        known = {person.id for person in self.team}
        fresh = [one for one in members if one.id not in known]
        invited = frozenset(one.id for one in fresh)
        return replace(self, team=(*self.team, *fresh), joined=joined, covers=covers, invited=invited)

    @cached_property
    def _people(self) -> dict[str, Person]:
        return {person.id: person for person in self.team}

    @cached_property
    def _properties(self) -> dict[str, Property]:
        return {place.id: place for place in self.properties}

    @cached_property
    def _vendors(self) -> dict[str, Vendor]:
        return {vendor.id: vendor for vendor in self.vendors}

    @cached_property
    def _sops(self) -> dict[str, Sop]:
        return {sop.id: sop for sop in self.sops}

    @cached_property
    def _memos(self) -> dict[str, Memo]:
        return {memo.id: memo for memo in self.memos}

    @cached_property
    def _rules(self) -> dict[str, Rule]:
        return {rule.rule_id: rule for rule in self.rules}

    @cached_property
    def _accounts(self) -> dict[tuple[str, str], str]:
        """Who speaks from an account; what team.json says goes before what was joined."""
        written = {
            (channel, one): person.id
            for person in self.team
            for channel, ids in person.identities.items()
            for one in ids
        }
        return {**self.joined, **written}

    @cached_property
    def _vendor_accounts(self) -> dict[tuple[str, str], str]:
        return {
            (channel, one): vendor.id
            for vendor in self.vendors
            for channel, ids in vendor.identities.items()
            for one in ids
        }

    def person_at(self, channel: str, platform_id: str) -> Person | None:
        """The team member that a proven account belongs to."""
        return self.person(self._accounts.get((channel, platform_id)))

    def vendor_at(self, channel: str, platform_id: str) -> Vendor | None:
        return self.vendor(self._vendor_accounts.get((channel, platform_id)))

    def accounts_of(self, person: Person) -> list[tuple[str, str]]:
        """(channel, platform id) of every account of `person`."""
        return [account for account, person_id in self._accounts.items() if person_id == person.id]

    def person(self, person_id: str | None) -> Person | None:
        return self._people.get(person_id or "")

    def place(self, property_id: str | None) -> Property | None:
        return self._properties.get(property_id or "")

    def vendor(self, vendor_id: str | None) -> Vendor | None:
        return self._vendors.get(vendor_id or "")

    def sop(self, sop_id: str | None) -> Sop | None:
        return self._sops.get(sop_id or "")

    def memo(self, memo_id: str | None) -> Memo | None:
        return self._memos.get(memo_id or "")

    def rule(self, rule_id: str | None) -> Rule | None:
        """One that was adopted and is in force or will be."""
        return self._rules.get(rule_id or "")

    @cached_property
    def founder(self) -> Person:
        return next(person for person in self.team if person.role is Role.FOUNDER)

    def name_of(self, person_id: str | None) -> str:
        person = self.person(person_id)
        return person.name if person else self.former.get(person_id or "", person_id or "")

    def on_site(self, property_id: str | None) -> Person | None:
        """Who looks after a property: whoever covers it now, else the first team member, not the founder, that
        lists it."""
        cover = self.person(self.covers.get(property_id or ""))
        if cover is not None:
            return cover
        return next(
            (p for p in self.team if property_id in p.properties and p.role is not Role.FOUNDER), None
        )

    def deputy(self, excluding: str) -> Person | None:
        """Who decides when the founder does not answer: his backup, else a lead, else the first of the team; never the
        person who asked, and nobody by being invited."""
        written = [p for p in self.team if p.id not in self.invited]
        leads = [p.id for p in written if p.role is Role.LEAD]
        others = [p.id for p in written if p.role is Role.OPS]
        for person_id in [self.founder.backup, *leads, *others]:
            person = self.person(person_id)
            if person is not None and person.id not in {excluding, self.founder.id}:
                return person
        return None

    def rates_are_old(self, today: date) -> bool:
        """They stand too long for money that is booked by them (and something is)."""
        used = {place.currency for place in self.properties} | {one.currency or USD for one in self.vendors}
        return self.rates is not None and used != {USD} and today - self.rates.as_of > RATES_LAST

    def rate_of(self, currency: str) -> Rate:
        """Raises Refused("no_rate")."""
        if currency == USD:
            return DOLLARS
        per_usd = self.rates.per_usd.get(currency) if self.rates is not None else None
        if per_usd is None:
            raise Refused("no_rate", currency=currency)
        return Rate(currency, per_usd)

    def rate_for(self, property_id: str | None, vendor_id: str | None = None) -> Rate:
        """The money in which this vendor bills there; without one, that of the property."""
        vendor, place = self.vendor(vendor_id), self.place(property_id)
        currency = vendor.currency if vendor is not None else None
        return self.rate_of(currency or (place.currency if place is not None else USD))

    def amount(self, said: Money, rate: Rate) -> Amount:
        """What somebody said, in dollars; `rate`: of the money in which it is shown if they said dollars.
        Raises Refused("no_rate" | "amount_unclear")."""
        found = (
            rate.of_usd(said.amount) if said.currency == USD else self.rate_of(said.currency).of(said.amount)
        )
        if found.usd > MAX_AMOUNT:
            raise Refused("amount_unclear", text=f"{said.amount} {said.currency}")
        return found

    def reaches(self, vendor: Vendor, property_id: str) -> bool:
        return vendor.approved and property_id in vendor.properties
