"""Bringing many entries into the company's files at once: what a file holds, what would change, and every mistake with its line.

All or nothing: either the whole of the file's new text comes out of here, or the list of what is wrong. Nothing is written here."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ValidationError

from core.company import slack_export
from core.company.editing import Edit
from core.company.findings import CompanyDataError, line_of
from core.company.loader import load_company, load_company_with
from core.company.procedures import NoProcedure, named, values_of_markdown
from core.company.schema import Memo, Person, Property, Resolution, Sop, Vendor
from core.errors import LoopOSError
from core.text import shorten

Kind = Literal["memos", "sops", "resolutions", "properties", "vendors", "team"]

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_ROWS: Final = 100_000
MAX_PROBLEMS: Final = 200
"""So many mistakes are named; whoever has more starts with these."""
FILES: Final[dict[Kind, str]] = {
    "memos": "voice_corpus.json",
    "sops": "sops.json",
    "resolutions": "historical_resolutions.json",
    "properties": "properties.json",
    "vendors": "vendors.json",
    "team": "team.json",
}
MODELS: Final[dict[Kind, type[BaseModel]]] = {
    "memos": Memo,
    "sops": Sop,
    "resolutions": Resolution,
    "properties": Property,
    "vendors": Vendor,
    "team": Person,
}
_SPREAD: Final = {"low_usd": "low", "high_usd": "high"}
"""Columns of a table that are one value of a vendor: usual_usd."""
_LISTS: Final = frozenset(
    {"aliases", "languages", "properties", "slow_months", "steps", "trades", "trigger_phrases"}
)


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.line}: {self.key + ': ' if self.key else ''}{self.problem}"


class Unfit(LoopOSError):
    """The file cannot be taken in as it is; `problems` says where and why."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(str(one) for one in problems[:3]))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of the file, with the line on which it begins."""

    line: int
    values: Mapping[str, Any]
    text: str = ""
    """As it stands in a JSON file, where each key has a line of its own; "" in a table."""

    def line_of(self, path: tuple[int | str, ...]) -> int:
        return self.line + line_of(self.text, path) - 1 if self.text else self.line


@dataclass(frozen=True, slots=True)
class Plan:
    edit: Edit | None
    """None: all of it is there already."""
    rows: int
    added: int
    changed: int
    unchanged: int


def plan(kind: Kind, folder: Path, name: str, data: bytes, channels: Sequence[str] = ()) -> Plan:
    """What the file `name` with `data` would change. `channels`: of an export of Slack, whose messages are taken. Raises
    Unfit."""
    company = load_company(folder)
    if kind == "memos" and data[:4] == b"PK\x03\x04":
        rows = _of_slack(data, channels, company.founder)
    else:
        rows = _rows(kind, name, data)
    if len(rows) > MAX_ROWS:
        raise Unfit([Problem(1, "", f"{len(rows)} rows; at most {MAX_ROWS:,} are taken at once")])
    there: list[dict[str, Any]] = json.loads((folder / FILES[kind]).read_text(encoding="utf-8"))
    taken = _checked(kind, rows, company.founder.id, {str(one["id"]): one for one in there})
    places = {str(one["id"]): number for number, one in enumerate(there)}
    model, lines = MODELS[kind], dict[int, Row]()
    added = changed = 0
    for row, values in taken:
        number = places.get(values["id"])
        if number is None:
            places[values["id"]] = number = len(there)
            there.append(values)
            added += 1
        elif model.model_validate(there[number]) != model.model_validate({**there[number], **values}):
            there[number] = {**there[number], **values}
            changed += 1
        lines[number] = row
    if not added and not changed:
        return Plan(None, len(rows), 0, 0, len(rows))
    text = json.dumps(there, ensure_ascii=False, indent=2) + "\n"
    _check(folder, FILES[kind], text, lines)
    about = f"import {kind}: {added} added, {changed} changed"
    return Plan(Edit(FILES[kind], text, about), len(rows), added, changed, len(rows) - added - changed)


def _checked(
    kind: Kind, rows: list[Row], founder: str, there: Mapping[str, Mapping[str, Any]]
) -> list[tuple[Row, dict[str, Any]]]:
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        values = _filled(kind, row.values, founder)
        try:
            MODELS[kind].model_validate({**there.get(str(values["id"]), {}), **values})
        except ValidationError as error:
            for issue in error.errors():
                key = ".".join(str(part) for part in issue["loc"])
                told = issue["msg"].removeprefix("Value error, ")
                problems.append(Problem(row.line_of(issue["loc"]), key, told))
            continue
        if values["id"] in seen:
            told = f"{values['id']!r} stands twice; first on line {seen[values['id']]}"
            problems.append(Problem(row.line_of(("id",)), "id", told))
        elif not _can_be_kept(values):
            problems.append(Problem(row.line, "", "half a character (a lone surrogate) stands in it"))
        elif kind == "memos" and values["speaker"] != founder:
            problems.append(
                Problem(
                    row.line_of(("speaker",)), "speaker", f"only memos of the founder ({founder}) are taken"
                )
            )
        seen.setdefault(values["id"], row.line)
        found.append((row, values))
    if problems:
        raise Unfit(problems[:MAX_PROBLEMS])
    return found


def _can_be_kept(values: Mapping[str, Any]) -> bool:
    try:
        json.dumps(values, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _filled(kind: Kind, values: Mapping[str, Any], founder: str) -> dict[str, Any]:
    """With what goes without saying, and an id out of the content where there is none: the same twice is once."""
    filled = dict(values)
    if kind == "memos":
        filled.setdefault("speaker", founder)
        if "transcript" in filled:
            filled.setdefault("transcript_en", filled["transcript"])
    if "id" not in filled:
        content = json.dumps(filled, ensure_ascii=False, sort_keys=True, default=str)
        digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        filled["id"] = f"{kind.rstrip('s')}_{digest[:12]}"
    return filled


def _check(folder: Path, file: str, text: str, lines: Mapping[int, Row]) -> None:
    """The whole company still makes sense with it. Raises Unfit, with the lines of the file that is imported."""
    try:
        load_company_with(folder, file, text)
    except CompanyDataError as error:
        problems = []
        for one in error.findings[:MAX_PROBLEMS]:
            number, _, key = one.key.partition(".")
            row = lines.get(int(number)) if one.file == file and number.isdecimal() else None
            path = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
            line = row.line_of(path) if row is not None else 1
            problems.append(Problem(line, key if row is not None else f"{one.file} {one.key}", one.problem))
        raise Unfit(problems) from error


# --- what a file holds


def _rows(kind: Kind, name: str, data: bytes) -> list[Row]:
    if len(data) > MAX_BYTES:
        raise Unfit([Problem(1, "", f"larger than {MAX_BYTES // 1024 // 1024} MiB")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unfit([Problem(line, "", "not UTF-8: save it as UTF-8")]) from None
    ending = name.rpartition(".")[2].casefold()
    if ending in {"md", "markdown"}:
        if kind != "sops":
            raise Unfit([Problem(1, "", "Markdown is for sops alone")])
        return [_of_markdown(text)]
    if ending == "json" or (ending != "csv" and text.lstrip()[:1] == "["):
        return list(_of_json(text))
    return list(_of_table(kind, text))


def _of_slack(data: bytes, channels: Sequence[str], founder: Person) -> list[Row]:
    if len(data) > MAX_BYTES:
        raise Unfit([Problem(1, "", f"larger than {MAX_BYTES // 1024 // 1024} MiB")])
    try:
        return [Row(1, one) for one in slack_export.memos(data, channels, founder)]
    except slack_export.NoExport as none:
        raise Unfit([Problem(1, "", str(none))]) from None


def _of_json(text: str) -> Iterator[Row]:
    """An array, element by element, so that each knows its line."""
    decoder, at = json.JSONDecoder(), _blank(text, 0)
    if text[at : at + 1] != "[":
        raise Unfit([Problem(_line(text, at), "", "a JSON array is expected")])
    at = _blank(text, at + 1)
    line, counted = _line(text, at), at
    while text[at : at + 1] != "]":
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            told = (
                error.msg if isinstance(error, json.JSONDecodeError) else "a number, or a depth, that is none"
            )
            where = error.lineno if isinstance(error, json.JSONDecodeError) else _line(text, at)
            raise Unfit([Problem(where, "", f"not JSON: {told}")]) from None
        line += text.count("\n", counted, at)
        counted = at
        if not isinstance(value, dict):
            raise Unfit([Problem(line, "", "an object is expected")])
        given = {key: one for key, one in value.items() if one is not None}
        yield Row(line, given, text[at:end])
        at = _blank(text, end)
        if text[at : at + 1] == ",":
            at = _blank(text, at + 1)
        elif text[at : at + 1] != "]":
            raise Unfit([Problem(_line(text, at), "", "not JSON: a comma or the array's end is missing")])
    if _blank(text, at + 1) < len(text):
        raise Unfit([Problem(_line(text, at), "", "not JSON: something stands behind the array")])


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _of_table(kind: Kind, text: str) -> Iterator[Row]:
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=mark, strict=True)
    names: list[str] | None = None
    begin = 1
    try:
        for record in reader:
            line, begin = begin, reader.line_num + 1
            if not any(cell.strip() for cell in record):
                continue
            if names is None:
                names = _header(kind, record, line)
            elif len(record) > len(names):
                raise Unfit([Problem(line, "", f"{len(record)} fields under {len(names)} headings")])
            else:
                yield Row(line, _cells(names, record))
    except csv.Error as error:
        raise Unfit([Problem(begin, "", f"not a table: {error}")]) from None
    if names is None:
        raise Unfit([Problem(1, "", "the file is empty")])


def _header(kind: Kind, record: list[str], line: int) -> list[str]:
    names = [cell.strip() for cell in record]
    known = [*MODELS[kind].model_fields, *(_SPREAD if kind == "vendors" else ())]
    told = f"no key of {kind}: there are {', '.join(known)}"
    problems = [Problem(line, shorten(one, 40), told) for one in names if one not in known]
    problems += [
        Problem(line, one, "stands twice") for number, one in enumerate(names) if one in names[:number]
    ]
    if problems:
        raise Unfit(problems)
    return names


def _cells(names: list[str], record: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, cell in zip(names, record, strict=False):
        said = cell.strip()
        if not said:
            continue
        if name in _SPREAD:
            values.setdefault("usual_usd", {})[_SPREAD[name]] = said
        elif said[:1] in "{[":
            try:
                values[name] = json.loads(said)
            except (ValueError, RecursionError):
                values[name] = said
        elif name in _LISTS:
            values[name] = [one.strip() for one in said.split("|") if one.strip()]
        else:
            values[name] = said
    return values


def _of_markdown(text: str) -> Row:
    try:
        return Row(1, named(values_of_markdown(text)))
    except NoProcedure as none:
        raise Unfit([Problem(none.line, "", none.problem)]) from None
