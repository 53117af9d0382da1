"""Changing the company's files from a form: which fields can be changed, how what was typed is read, and the file's new text.
Nothing is written here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, Literal

from core.company.findings import CompanyDataError
from core.company.loader import load_company_with
from core.errors import LoopOSError
from core.i18n import N_

Kind = Literal["person", "vendor", "property", "escalation"]
Shape = Literal["text", "names", "money", "yes", "hours", "range", "waits", "seconds"]


class Unreadable(LoopOSError):
    """`field` was typed in a way that cannot be read; "" where the whole does not fit together: `text` says why."""

    def __init__(self, field: str, text: str = "") -> None:
        super().__init__(field)
        self.field = field
        self.text = text


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    label: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Edit:
    """`text` is the whole of `file`, as it shall be; None: it is not to be there."""

    file: str
    text: str | None
    about: str
    """In a few words, for the log of changes."""


FILES: Final[dict[Kind, str]] = {
    "person": "team.json",
    "vendor": "vendors.json",
    "property": "properties.json",
    "escalation": "escalation.json",
}
FIELDS: Final[dict[Kind, tuple[Field, ...]]] = {
    "person": (
        Field("name", N_("Name"), "text"),
        Field("languages", N_("Languages"), "names"),
        Field("properties", N_("Properties"), "names"),
        Field("timezone", N_("Time zone"), "text"),
        Field("backup", N_("Backup"), "text"),
        Field("phone", N_("Phone"), "text"),
        Field("quiet_hours", N_("Quiet hours"), "hours"),
    ),
    "vendor": (
        Field("name", N_("Name"), "text"),
        Field("trades", N_("Trades"), "names"),
        Field("properties", N_("Properties"), "names"),
        Field("languages", N_("Languages"), "names"),
        Field("usual_usd", N_("Usual"), "range"),
        Field("cap_usd", N_("Cap"), "money"),
        Field("day_cap_usd", N_("Cap of a day"), "money"),
        Field("phone", N_("Phone"), "text"),
        Field("approved", N_("Approved"), "yes"),
    ),
    "property": (
        Field("name", N_("Name"), "text"),
        Field("cap_usd", N_("Cap"), "money"),
        Field("monthly_budget_usd", N_("Budget of a month"), "money"),
        Field("address", N_("Address"), "text"),
        Field("access", N_("How to get in"), "text"),
    ),
    "escalation": (
        Field("default", N_("Who is told, and seconds until the next"), "waits"),
        Field("approval_remind_seconds", N_("Seconds until a decision is reminded of"), "seconds"),
        Field("approval_deputy_seconds", N_("Seconds until the deputy may decide"), "seconds"),
        Field("approval_lapse_seconds", N_("Seconds until it lapses"), "seconds"),
    ),
}
LONGEST: Final = 1000
"""Characters of one typed field."""
_HOURS: Final = re.compile(r"(\d{1,2}:\d{2})\s*[-–]\s*(\d{1,2}:\d{2})")
# Bounded, as everything that is read from outside: no typed line makes them work for longer than its length.
_RANGE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*[-–]\s*(\d{1,12}(?:\.\d{1,6})?)")
_WAIT: Final = re.compile(r"([a-z]{1,40})\s{1,9}(\d{1,6})")


def shown(value: Any, shape: Shape) -> str:
    """A value of a file as it is typed. Pure."""
    match shape:
        case "names":
            return ", ".join(value or [])
        case "hours":
            return ", ".join(f"{one['start'][:5]}-{one['end'][:5]}" for one in value or [])
        case "range":
            return f"{value['low']}-{value['high']}" if value else ""
        case "waits":
            return ", ".join(f"{one['who']} {one['wait']}" for one in value or [])
        case "yes":
            return "yes" if value is None or value else "no"
        case _:
            return "" if value is None else str(value)


def read(typed: str, shape: Shape) -> Any:
    """The value that was typed, as a file keeps it; None where the field was emptied. Raises ValueError. Pure."""
    said = typed.strip()
    match shape:
        case "names":
            return [one.strip() for one in said.split(",") if one.strip()]
        case "yes":
            if said not in {"yes", "no"}:
                raise ValueError(said)
            return said == "yes"
        case "hours" if not said:
            return []
        case "hours":
            return [_hours(one) for one in said.split(",")]
        case _ if not said:
            return None
        case "range":
            found = _RANGE.fullmatch(said)
            if found is None:
                raise ValueError(said)
            return {"low": _money(found[1]), "high": _money(found[2])}
        case "waits":
            steps = [_WAIT.fullmatch(one.strip().casefold()) for one in said.split(",")]
            if not all(steps):
                raise ValueError(said)
            return [{"who": step[1], "wait": int(step[2])} for step in steps if step is not None]
        case "money":
            return _money(said)
        case "seconds":
            if not (said.isdecimal() and said.isascii() and len(said) < 8):
                raise ValueError(said)
            return int(said)
        case _:
            return said


def _hours(typed: str) -> dict[str, str]:
    found = _HOURS.fullmatch(typed.strip())
    if found is None:
        raise ValueError(typed)
    return {"start": found[1].zfill(5), "end": found[2].zfill(5)}


def _money(typed: str) -> str:
    try:
        amount = Decimal(typed)
        if not amount.is_finite() or amount < 0:
            raise ValueError(typed)
        return format(round(amount, 2), ".2f")
    except InvalidOperation:
        # What is no number, and what is too large to be rounded to cents.
        raise ValueError(typed) from None


def form(folder: Path, kind: Kind, name: str) -> list[dict[str, str]]:
    """The fields of one entry with what stands in them now. Raises Unreadable where there is no such entry."""
    entry = _entry(_json(folder / FILES[kind]), kind, name)
    return [
        {"name": one.name, "label": one.label, "value": shown(entry.get(one.name), one.shape)}
        for one in FIELDS[kind]
    ]


def edit(folder: Path, kind: Kind, name: str, typed: Mapping[str, str]) -> Edit:
    """The file with `typed` in it, checked with the whole company. Raises Unreadable."""
    data = _json(folder / FILES[kind])
    entry, known = _entry(data, kind, name), {one.name: one for one in FIELDS[kind]}
    changed = []
    for field, said in typed.items():
        if field not in known:
            raise Unreadable(field)
        try:
            value = read(said, known[field].shape)
        except ValueError:
            raise Unreadable(field) from None
        if said.strip() == shown(entry.get(field), known[field].shape):
            continue
        changed.append(field)
        if value is None:
            entry.pop(field, None)
        else:
            entry[field] = value
    if not changed:
        raise Unreadable("", "nothing was changed")
    text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    check(folder, FILES[kind], text)
    return Edit(FILES[kind], text, f"{name or kind}: {', '.join(changed)}")


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unreadable("", f"{file.name} cannot be read ({type(error).__name__})") from error


def _entry(data: Any, kind: Kind, name: str) -> dict[str, Any]:
    found = data if kind == "escalation" else next((one for one in data if one.get("id") == name), None)
    if not isinstance(found, dict):
        raise Unreadable("", "there is no such entry in the company's files")
    return found


def check(folder: Path, file: str, text: str) -> None:
    """The whole company still makes sense with it. Raises Unreadable."""
    try:
        load_company_with(folder, file, text)
    except CompanyDataError as error:
        told = "; ".join(f"{one.key}: {one.problem}" for one in error.findings)
        raise Unreadable("", told[:300]) from error
