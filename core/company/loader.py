"""Reads a company folder. Everything wrong is named with its file, line and key, all at once."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from core.company.company import Company
from core.company.findings import CompanyDataError, Finding, Path_, line_of
from core.company.rule_checks import misfits as rule_misfits
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
from core.company.skill_checks import misfits as skill_misfits
from core.company.skills import Skill, Step
from core.errors import StartupError
from core.model import Role
from core.money import USD

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
MAX_FINDINGS: Final = 50
"""Mistakes of one file that are named."""
MAX_FILE: Final = 1 << 20
"""Bytes of a skill's or a rule's file; a longer one is named, not read."""


_TAGS: Final = frozenset(get_args(one.model_fields["do"].annotation)[0] for one in get_args(Step))
"""Which kind of step a mistake is in: no key of the file, but pydantic names it among them."""


@dataclass
class _Reader:
    folder: Path
    findings: list[Finding] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def note(self, file: str, path: Path_, problem: str) -> None:
        line = line_of(self.texts.get(file, ""), path)
        self.findings.append(Finding(file, line, ".".join(str(part) for part in path), problem))

    def read(self, file: str, kind: Any, empty: Callable[[], T]) -> T:
        """The content of `file` as `kind`; `empty()` where it is absent or broken (then a finding says so)."""
        path = self.folder / file
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self.findings.append(Finding(file, 1, "", "the file is missing"))
            return empty()
        except (OSError, UnicodeDecodeError) as error:
            self.findings.append(Finding(file, 1, "", f"cannot be read: {error}"))
            return empty()
        self.texts[file] = text
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            self.findings.append(Finding(file, error.lineno, "", f"not JSON: {error.msg}"))
            return empty()
        except RecursionError:
            self.findings.append(Finding(file, 1, "", "not JSON of ours: nested too deeply"))
            return empty()
        except ValueError:  # a number of thousands of digits
            self.findings.append(Finding(file, 1, "", "not JSON of ours: a number that is none"))
            return empty()
        if not _can_be_kept(data):
            self.findings.append(Finding(file, 1, "", "half a character (a lone surrogate) stands in it"))
            return empty()
        try:
            checked: T = TypeAdapter(kind).validate_python(data)
        except ValidationError as error:
            for issue in error.errors()[:MAX_FINDINGS]:
                where = tuple(one for one in issue["loc"] if one not in _TAGS)
                self.note(file, where, issue["msg"].removeprefix("Value error, "))
            return empty()
        return checked


def _can_be_kept(data: Any) -> bool:
    """It can be written as UTF-8 again."""
    try:
        json.dumps(data, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unique(reader: _Reader, file: str, ids: Iterable[str], key: str = "id") -> None:
    seen: set[str] = set()
    for index, one in enumerate(ids):
        if one in seen:
            reader.note(file, (index, key), f"{one!r} stands twice")
        seen.add(one)


def load_company(folder: Path) -> Company:
    """The company in `folder`. Raises CompanyDataError naming every file, line and key that is wrong."""
    if not folder.is_dir():
        raise StartupError(
            f"There is no company folder at {folder}.", "Set LOOPOS_COMPANY, or start with LOOPOS_DEMO=1."
        )
    reader = _Reader(folder)
    about = reader.read("company.json", CompanyFile, lambda: CompanyFile(name=""))
    properties = reader.read("properties.json", list[Property], list[Property])
    team = reader.read("team.json", list[Person], list[Person])
    vendors = reader.read("vendors.json", list[Vendor], list[Vendor])
    memos = reader.read("voice_corpus.json", list[Memo], list[Memo])
    sops = reader.read("sops.json", list[Sop], list[Sop])
    resolutions = reader.read("historical_resolutions.json", list[Resolution], list[Resolution])
    escalation = reader.read("escalation.json", EscalationFile, _no_escalation)
    rates = None
    if (folder / "rates.json").exists():
        rates = reader.read("rates.json", RatesFile | None, lambda: None)

    company = Company(
        about,
        properties,
        team,
        vendors,
        memos,
        sops,
        resolutions,
        escalation,
        rates=rates,
    )
    if not reader.findings:
        _cross_check(reader, company)
    if reader.findings:
        raise CompanyDataError(reader.findings)
    return _with_what_was_learnt(folder, company)


def load_company_with(folder: Path, file: str, text: str) -> Company:
    """The company as it would be if `text` stood in `file`. Nothing is written there. Raises CompanyDataError."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "company"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".git"))
        (copy / file).write_text(text, encoding="utf-8")
        return load_company(copy)


def _with_what_was_learnt(folder: Path, company: Company) -> Company:
    """`company` with the skills and rules of its folder; a broken one is left out and named, and stops nothing else."""
    refused: list[Finding] = []
    skills, skill_files = _learnt(
        folder, "skills", Skill, "skill_id", partial(skill_misfits, company), refused
    )
    rules, rule_files = _learnt(folder, "rules", Rule, "rule_id", partial(rule_misfits, company), refused)
    return replace(
        company,
        skills=skills,
        rules=rules,
        refused=tuple(refused),
        skill_files=skill_files,
        rule_files=rule_files,
    )


def _learnt(
    folder: Path,
    name: str,
    kind: type[M],
    key: str,
    misfits: Callable[[M], Iterable[tuple[Path_, str]]],
    refused: list[Finding],
) -> tuple[list[M], frozenset[str]]:
    """The sound files of the folder `name`, one of `kind` in each, and the ids of all that are there."""
    found: list[M] = []
    there: set[str] = set()
    if (folder / name).is_symlink():
        refused.append(Finding(f"{name}/", 1, "", "is a link, so nothing in it is read"))
        return found, frozenset()
    for path in sorted((folder / name).glob("*.json")):
        reader, file = _Reader(folder), f"{name}/{path.name}"
        there.add(path.stem)
        one: M | None = None
        if path.is_symlink() or not path.is_file():
            reader.findings.append(Finding(file, 1, "", "is no file of its own, so it is not read"))
        elif path.stat().st_size > MAX_FILE:
            reader.findings.append(Finding(file, 1, "", "is above 1 MiB, so it is not read"))
        else:
            one = reader.read(file, kind, _nothing)
        if one is not None:
            own = str(getattr(one, key))
            there.add(own)
            if path.stem != own:
                reader.note(file, (key,), f"the file of {own!r} is called {own}.json")
            if any(getattr(other, key) == own for other in found):
                reader.note(file, (key,), f"{own!r} stands twice")
            for where, problem in misfits(one):
                reader.note(file, where, problem)
        if one is not None and not reader.findings:
            found.append(one)
        refused += reader.findings
    return found, frozenset(there)


def _nothing() -> Any:
    return None


def _no_escalation() -> EscalationFile:
    return EscalationFile.model_validate({"default": [{"who": "founder", "wait": 30}]})


def _cross_check(reader: _Reader, company: Company) -> None:
    """What the files say of each other."""
    places = {place.id for place in company.properties}
    people = {person.id for person in company.team}
    vendors = {vendor.id for vendor in company.vendors}
    named: list[tuple[str, Iterable[BaseModel]]] = [
        ("properties.json", company.properties),
        ("team.json", company.team),
        ("vendors.json", company.vendors),
        ("voice_corpus.json", company.memos),
        ("sops.json", company.sops),
        ("historical_resolutions.json", company.resolutions),
    ]
    for file, rows in named:
        _unique(reader, file, (str(getattr(row, "id")) for row in rows))  # noqa: B009

    founders = [i for i, person in enumerate(company.team) if person.role is Role.FOUNDER]
    if len(founders) != 1:
        reader.note("team.json", (), f"there must be exactly one founder, there are {len(founders)}")
    moneys = {USD, *(company.rates.per_usd if company.rates is not None else ())}
    used = [("properties.json", i, place.currency) for i, place in enumerate(company.properties)]
    used += [("vendors.json", i, one.currency or USD) for i, one in enumerate(company.vendors)]
    for file, i, money in used:
        if money not in moneys:
            reader.note(file, (i, "currency"), f"rates.json has no rate for {money}")
    identities: set[tuple[str, str]] = set()
    for i, person in enumerate(company.team):
        _known(reader, "team.json", (i, "properties"), person.properties, places, "property")
        if person.backup is not None:
            _known(reader, "team.json", (i, "backup"), [person.backup], people, "person")
            if person.backup == person.id:
                reader.note("team.json", (i, "backup"), f"{person.id} cannot be their own backup")
        for channel, ids in person.identities.items():
            for one in ids:
                if (channel, one) in identities:
                    reader.note("team.json", (i, "identities", channel), f"{one!r} belongs to somebody else")
                identities.add((channel, one))
    for i, vendor in enumerate(company.vendors):
        _known(reader, "vendors.json", (i, "properties"), vendor.properties, places, "property")
        for channel, ids in vendor.identities.items():
            for one in ids:
                if (channel, one) in identities:
                    reader.note(
                        "vendors.json", (i, "identities", channel), f"{one!r} belongs to somebody else"
                    )
                identities.add((channel, one))
        if vendor.person_id is not None:
            _known(reader, "vendors.json", (i, "person_id"), [vendor.person_id], people, "person")
    for i, memo in enumerate(company.memos):
        if memo.property_id is not None:
            _known(reader, "voice_corpus.json", (i, "property_id"), [memo.property_id], places, "property")
    for i, row in enumerate(company.resolutions):
        file = "historical_resolutions.json"
        _known(reader, file, (i, "property_id"), [row.property_id], places, "property")
        if row.vendor_id is not None:
            _known(reader, file, (i, "vendor_id"), [row.vendor_id], vendors, "vendor")


def _known(reader: _Reader, file: str, path: Path_, ids: Iterable[str], known: set[str], what: str) -> None:
    for one in ids:
        if one not in known:
            reader.note(file, path, f"there is no {what} {one!r}")
