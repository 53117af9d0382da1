"""The company as one immutable snapshot, with the look-ups that the house asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from core.company.schema import (
    CompanyFile,
    EscalationFile,
    Memo,
    Person,
    Property,
    Resolution,
    Skill,
    Sop,
    Vendor,
)
from core.model import Role


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

    def person(self, person_id: str | None) -> Person | None:
        return self._people.get(person_id or "")

    def place(self, property_id: str | None) -> Property | None:
        return self._properties.get(property_id or "")

    def vendor(self, vendor_id: str | None) -> Vendor | None:
        return self._vendors.get(vendor_id or "")

    def sop(self, sop_id: str | None) -> Sop | None:
        return self._sops.get(sop_id or "")

    @cached_property
    def founder(self) -> Person:
        return next(person for person in self.team if person.role is Role.FOUNDER)

    def name_of(self, person_id: str | None) -> str:
        person = self.person(person_id)
        return person.name if person else (person_id or "")

    def on_site(self, property_id: str | None) -> Person | None:
        """Who looks after a property: the first team member, not the founder, that lists it."""
        return next(
            (p for p in self.team if property_id in p.properties and p.role is not Role.FOUNDER), None
        )

    def deputy(self, excluding: str) -> Person | None:
        """Who decides when the founder does not answer: his backup, else a lead, else the first of the team;
        never the person who asked."""
        leads = [p.id for p in self.team if p.role is Role.LEAD]
        others = [p.id for p in self.team if p.role is Role.OPS]
        for person_id in [self.founder.backup, *leads, *others]:
            if person_id and person_id not in {excluding, self.founder.id}:
                return self.person(person_id)
        return None

    def reaches(self, vendor: Vendor, property_id: str) -> bool:
        return vendor.approved and property_id in vendor.properties
