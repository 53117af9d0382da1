"""What a changed file of the company would let through that was held before: it waits for the founder's yes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from core.company.company import Company
from core.company.findings import Path_
from core.company.schema import Person, Property, RatesFile, Sop, Vendor
from core.model import URGENT, Role

Accepted = Mapping[str, Mapping[str, Any]]
"""`kind:id` -> the values that the founder (or the operator at the first start) has accepted, as JSON."""
CREEP: Final = Decimal("1.5")
"""So much a rate may rise without anybody being asked."""
_RANK: Final = {Role.OPS.value: 0, Role.LEAD.value: 1, Role.FOUNDER.value: 2}


@dataclass(frozen=True, slots=True)
class Pending:
    """One value that widens, until somebody says yes."""

    file: str
    path: Path_
    """Index and key in the file."""
    entry: str
    """`kind:id` of what it is about."""
    key: str
    old: Any
    new: Any


def values_of(company: Company) -> dict[str, dict[str, Any]]:
    """Everything about `company` that can widen, as `Accepted` keeps it."""
    found: dict[str, dict[str, Any]] = {
        "company:": {
            "guest_credit_cap_usd": _text(company.about.guest_credit_cap_usd),
            "staff_minutes_cap": company.about.staff_minutes_cap,
        }
    }
    if company.rates is not None:
        found["company:"]["per_usd"] = {name: str(one) for name, one in company.rates.per_usd.items()}
    for place in company.properties:
        found[f"property:{place.id}"] = {
            "cap_usd": _text(place.cap_usd),
            "monthly_budget_usd": _text(place.monthly_budget_usd),
            "currency": place.currency,
        }
    for vendor in company.vendors:
        found[f"vendor:{vendor.id}"] = _vendor_values(vendor)
    for sop in company.sops:
        found[f"sop:{sop.id}"] = {
            "human_if_severity": sop.human_if_severity,
            "cap_usd": _text(sop.cap_usd),
            "whole": sop.model_dump(mode="json"),
        }
    for person in company.team:
        found[f"person:{person.id}"] = {
            "role": person.role.value,
            "backup": person.backup,
            "identities": {name: sorted(ids) for name, ids in person.identities.items()},
        }
        if person.role is Role.FOUNDER:
            found[f"person:{person.id}"]["whole"] = person.model_dump(mode="json")
    return found


def _vendor_values(vendor: Vendor) -> dict[str, Any]:
    return {
        "approved": vendor.approved,
        "properties": sorted(vendor.properties),
        "cap_usd": _text(vendor.cap),
        "day_cap_usd": _text(vendor.day_cap),
        "identities": {name: sorted(ids) for name, ids in vendor.identities.items()},
        "person_id": vendor.person_id,
        "currency": vendor.currency,
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def held_back(written: Company, accepted: Accepted) -> tuple[Company, list[Pending]]:
    """`written` with every value that widens as it was accepted, and what waits. What tightens counts at once."""
    pending: list[Pending] = []
    properties = [_place(i, one, accepted, pending) for i, one in enumerate(written.properties)]
    founder = _founder(accepted)
    team = [_person(i, one, accepted, pending, founder) for i, one in enumerate(written.team)]
    team += _founder_left_out(written, accepted, pending, founder)
    vendors = [
        kept
        for i, one in enumerate(written.vendors)
        if (kept := _vendor(i, one, accepted, pending)) is not None
    ]
    sops = [_sop(i, one, accepted, pending) for i, one in enumerate(written.sops)]
    sops += _taken_away(written, accepted, pending)
    about, known = written.about, accepted.get("company:", {})
    if "guest_credit_cap_usd" in known and _raised(known["guest_credit_cap_usd"], about.guest_credit_cap_usd):
        pending.append(_of("company.json", (), "company:", "guest_credit_cap_usd", known, about))
        about = about.model_copy(update={"guest_credit_cap_usd": Decimal(known["guest_credit_cap_usd"])})
    if about.staff_minutes_cap > known.get("staff_minutes_cap", about.staff_minutes_cap):
        pending.append(_of("company.json", (), "company:", "staff_minutes_cap", known, about))
        about = about.model_copy(update={"staff_minutes_cap": known["staff_minutes_cap"]})
    rates = _rates(written, known, pending)
    if not pending:
        return written, []
    company = replace(
        written, rates=rates, about=about, properties=properties, team=team, vendors=vendors, sops=sops
    )
    return company, pending


def _of(file: str, at: Path_, entry: str, key: str, known: Mapping[str, Any], new: Any) -> Pending:
    value = getattr(new, key)
    return Pending(
        file, (*at, key), entry, key, known.get(key), _text(value) if isinstance(value, Decimal) else value
    )


def _raised(old: str | None, new: Decimal | None) -> bool:
    """None is no limit."""
    return old is not None and (new is None or new > Decimal(old))


def _rates(written: Company, known: Mapping[str, Any], pending: list[Pending]) -> RatesFile | None:
    """A bill in a currency that buys fewer dollars passes more easily: a rate may creep, and not leap."""
    rates, accepted = written.rates, known.get("per_usd", {})
    if rates is None:
        return None
    held = dict(rates.per_usd)
    for name, now in rates.per_usd.items():
        old = accepted.get(name)
        if old is not None and now > Decimal(old) * CREEP:
            pending.append(
                Pending("rates.json", ("per_usd", name), "company:", f"per_usd {name}", old, str(now))
            )
            held[name] = Decimal(old)
    return rates.model_copy(update={"per_usd": held})


def _place(i: int, one: Property, accepted: Accepted, pending: list[Pending]) -> Property:
    known = accepted.get(f"property:{one.id}")
    if known is None:
        return one
    for key in ("cap_usd", "monthly_budget_usd"):
        if _raised(known.get(key), getattr(one, key)):
            pending.append(_of("properties.json", (i,), f"property:{one.id}", key, known, one))
            one = one.model_copy(update={key: Decimal(known[key])})
    if known.get("currency", one.currency) != one.currency:
        pending.append(_of("properties.json", (i,), f"property:{one.id}", "currency", known, one))
        one = one.model_copy(update={"currency": known["currency"]})
    return one


def _sop(i: int, one: Sop, accepted: Accepted, pending: list[Pending]) -> Sop:
    # A new one may be as careful as it likes: it asks at the latest where the gate asks without one.
    known = accepted.get(f"sop:{one.id}", {"human_if_severity": URGENT, "cap_usd": None})
    if one.human_if_severity > known["human_if_severity"]:
        pending.append(_of("sops.json", (i,), f"sop:{one.id}", "human_if_severity", known, one))
        one = one.model_copy(update={"human_if_severity": known["human_if_severity"]})
    if _raised(known.get("cap_usd"), one.cap_usd):
        pending.append(_of("sops.json", (i,), f"sop:{one.id}", "cap_usd", known, one))
        one = one.model_copy(update={"cap_usd": Decimal(known["cap_usd"])})
    return one


def _taken_away(written: Company, accepted: Accepted, pending: list[Pending]) -> list[Sop]:
    """Without its procedure a kind of problem would pass unasked: it holds until somebody says yes."""
    there = {one.id for one in written.sops}
    kept = []
    for entry, known in accepted.items():
        kind, _, sop_id = entry.partition(":")
        if kind == "sop" and sop_id not in there and "whole" in known:
            least = {key: known[key] for key in ("human_if_severity", "cap_usd")}
            sop = Sop.model_validate({**known["whole"], **least})
            pending.append(Pending("sops.json", (), entry, "id", sop.title, None))
            kept.append(sop)
    return kept


def _founder(accepted: Accepted) -> str | None:
    """Whose yes is waited for. None: a home from before that was kept."""
    roles = {entry.partition(":")[2]: one.get("role") for entry, one in accepted.items() if "role" in one}
    return next((person_id for person_id, role in roles.items() if role == Role.FOUNDER.value), None)


def _founder_left_out(
    written: Company, accepted: Accepted, pending: list[Pending], founder: str | None
) -> list[Person]:
    """Whoever takes the founder out of the file has not become one thereby."""
    known = accepted.get(f"person:{founder}", {})
    if founder is None or "whole" not in known or any(one.id == founder for one in written.team):
        return []
    person = Person.model_validate(known["whole"])
    pending.append(Pending("team.json", (), f"person:{founder}", "id", person.name, None))
    return [person]


def _person(
    i: int, one: Person, accepted: Accepted, pending: list[Pending], founder: str | None = None
) -> Person:
    """Whoever is new is of the team at once, as everybody's least; a role or an account that is another waits, and so does
    another founder: he is asked whom the file takes it from."""
    known = accepted.get(f"person:{one.id}", {"role": Role.OPS.value, "identities": None})
    entry = f"person:{one.id}"
    if founder is not None and (one.role is Role.FOUNDER) != (one.id == founder):
        role = Role.FOUNDER if one.id == founder else Role(known["role"])
        pending.append(Pending("team.json", (i, "role"), entry, "role", role.value, one.role.value))
        one = one.model_copy(update={"role": role})
    elif _RANK[one.role.value] > _RANK[known["role"]]:
        pending.append(Pending("team.json", (i, "role"), entry, "role", known["role"], one.role.value))
        one = one.model_copy(update={"role": Role(known["role"])})
    if known["identities"] is not None and _adds(known["identities"], one.identities):
        pending.append(
            Pending("team.json", (i, "identities"), entry, "identities", known["identities"], one.identities)
        )
        one = one.model_copy(update={"identities": _both(known["identities"], one.identities)})
    if one.role is Role.FOUNDER and "backup" in known and one.backup not in {None, known["backup"]}:
        # Who decides where the founder is silent.
        pending.append(Pending("team.json", (i, "backup"), entry, "backup", known["backup"], one.backup))
        one = one.model_copy(update={"backup": known["backup"]})
    return one


def _vendor(i: int, one: Vendor, accepted: Accepted, pending: list[Pending]) -> Vendor | None:
    """None: nobody said yes to them at all."""
    entry, known = f"vendor:{one.id}", accepted.get(f"vendor:{one.id}")
    if known is None:
        pending.append(Pending("vendors.json", (i,), entry, "id", None, _vendor_values(one)))
        return None
    if one.approved and not known["approved"]:
        pending.append(Pending("vendors.json", (i, "approved"), entry, "approved", False, True))
        one = one.model_copy(update={"approved": False})
    if set(one.properties) - set(known["properties"]):
        pending.append(
            Pending(
                "vendors.json", (i, "properties"), entry, "properties", known["properties"], one.properties
            )
        )
        kept = [place for place in one.properties if place in known["properties"]]
        one = one.model_copy(update={"properties": kept})
    for key, now in (("cap_usd", one.cap), ("day_cap_usd", one.day_cap)):
        if _raised(known.get(key), now):
            pending.append(Pending("vendors.json", (i, key), entry, key, known[key], _text(now)))
            one = one.model_copy(update={key: Decimal(known[key])})
    if _adds(known["identities"], one.identities):
        where: Path_ = (i, "identities")
        pending.append(
            Pending("vendors.json", where, entry, "identities", known["identities"], one.identities)
        )
        one = one.model_copy(update={"identities": _both(known["identities"], one.identities)})
    if known.get("currency", one.currency) != one.currency:
        pending.append(_of("vendors.json", (i,), entry, "currency", known, one))
        one = one.model_copy(update={"currency": known["currency"]})
    if one.person_id != known["person_id"]:
        where = (i, "person_id")
        pending.append(Pending("vendors.json", where, entry, "person_id", known["person_id"], one.person_id))
        one = one.model_copy(update={"person_id": known["person_id"]})
    return one


def _adds(old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> bool:
    return any(set(ids) - set(old.get(name, ())) for name, ids in new.items())


def _both(old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """What stands in both: an account that was taken out is gone at once."""
    return {name: [one for one in ids if one in old.get(name, ())] for name, ids in new.items()}
