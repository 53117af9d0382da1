"""A procedure (SOP) as the text that a person writes: keys in a front matter, `# title`, list items as steps."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

from core.company.editing import Edit, Unreadable, check
from core.company.schema import Sop
from core.errors import LoopOSError

FILE: Final = "sops.json"
_BULLET: Final = re.compile(r"^\s{0,3}(?:[-*+]|\d{1,3}[.)])\s+(\S.*)$")
_IN_BODY: Final = frozenset({"title", "steps"})


class NoProcedure(LoopOSError):
    """`line` of the text, and what is wrong with it there."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


def values_of_markdown(text: str) -> dict[str, Any]:
    """The keys that `text` gives a procedure, not yet checked. Raises NoProcedure."""
    values: dict[str, Any] = {}
    body = text = text.replace("\r\n", "\n")
    if text.startswith("---\n") and (end := text.find("\n---", 3)) >= 0:
        values |= _front(text[4:end])
        body = text[end + 1 :]
    steps = []
    for line in body.splitlines():
        if line.startswith("# ") and "title" not in values:
            values["title"] = line[2:].strip()
        elif item := _BULLET.match(line):
            steps.append(item[1].strip())
    if steps:
        values["steps"] = steps
    return values


def named(values: dict[str, Any]) -> dict[str, Any]:
    """With an id out of the title, where there is none and the title has letters for one."""
    if "id" in values or not isinstance(values.get("title"), str):
        return values
    plain = re.sub(r"[^a-z0-9]+", "_", values["title"].casefold()).strip("_")[:40]
    return {"id": plain, **values} if plain else values


def _front(text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise NoProcedure(2 + (mark.line if mark else 0), "the front matter is not YAML") from None
    if not isinstance(found, dict):
        raise NoProcedure(2, "the front matter holds no keys")
    return {str(key): _plain(one) for key, one in found.items() if one is not None}


def _plain(value: Any) -> Any:
    """YAML reads 12.50 as a float and 2026-01-01 as a day: both are words here, as in the files."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value


def values_of(text: str) -> dict[str, Any]:
    """The same of what somebody sent, who may also write JSON: one object. Raises NoProcedure."""
    if text.lstrip()[:1] not in {"{", "["}:
        return values_of_markdown(text)
    try:
        found = json.loads(text)
    except RecursionError:
        raise NoProcedure(1, "not JSON: a depth that is none") from None
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise NoProcedure(line, f"not JSON: {error}") from None
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise NoProcedure(1, "one object is expected")
    return {key: one for key, one in found.items() if one is not None}


def markdown_of(sop: Sop) -> str:
    """The text of which `values_of_markdown` makes the same procedure again."""
    given = sop.model_dump(mode="json", exclude_defaults=True)
    front = {key: one for key, one in given.items() if key not in _IN_BODY}
    kept = yaml.safe_dump(front, allow_unicode=True, sort_keys=False, width=10**6)
    steps = "\n".join(f"- {' '.join(step.split())}" for step in sop.steps)
    return f"---\n{kept}---\n\n# {' '.join(sop.title.split())}\n\n{steps}\n"


def put(folder: Path, sop_id: str, text: str) -> Edit:
    """The file of procedures with this one as `text` says (JSON), new or in its place; "": without it. Raises Unreadable:
    the company makes no sense with it."""
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unreadable("", f"{FILE} cannot be read ({type(error).__name__})") from error
    at = next((number for number, one in enumerate(rows) if one.get("id") == sop_id), len(rows))
    rows[at : at + 1] = [json.loads(text)] if text else []
    said = json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
    check(folder, FILE, said)
    return Edit(FILE, said, f"procedure {sop_id}: {'written' if text else 'taken away'}")
