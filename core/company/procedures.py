"""A procedure (SOP) as the text that a person writes: keys in a front matter, `# title`, list items as steps."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

from core.company.editing import Edit, Unreadable, check
from core.company.schema import Sop
from core.errors import LoopOSError
from core.text import shorten

FILE: Final = "sops.json"
_BULLET: Final = re.compile(r"^\s{0,3}(?:[-*+•–]|\d{1,3}[.)])\s+(\S.*)$")
_IN_BODY: Final = frozenset({"title", "steps"})


class NoProcedure(LoopOSError):
    """`line` of the text, and what is wrong with it there."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


def values_of_markdown(text: str, *, whole: bool = False) -> dict[str, Any]:
    """The keys that `text` gives a procedure, not yet checked. `whole`: what is no title, no step and no end of a step above it
    is refused instead of being left out, as remarks in a document are. Raises NoProcedure."""
    lines = text.replace("\r\n", "\n").split("\n")
    values: dict[str, Any] = {}
    begin = 0
    if lines[0].rstrip() == "---":
        end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
        if end is None:
            raise NoProcedure(1, "the front matter has no end: a line of its own with ---")
        values |= _front("\n".join(lines[1:end]))
        begin = end + 1
    steps: list[str] = []
    open_ = False
    for number, line in enumerate(lines[begin:], begin + 1):
        if item := _BULLET.match(line):
            steps.append(item[1].strip())
            open_ = True
        elif not line.strip():
            open_ = False
        elif line.startswith("# ") and "title" not in values and not steps:
            values["title"] = line[2:].strip()
        elif open_ and line[0].isspace():
            steps[-1] = f"{steps[-1]} {line.strip()}"
        elif whole:
            raise NoProcedure(
                number, f"“{shorten(line, 40)}”: a title stands behind #, each step behind a dash"
            )
    if steps:
        values["steps"] = steps
    return values


class _Words(yaml.BaseLoader):
    """Every value as it is written: 12.50 is no float, 1:30 no number of seconds. No key twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} stands twice", key.start_mark
                )
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep=deep))


def _front(text: str) -> dict[str, Any]:
    try:
        found = yaml.load(text, Loader=_Words)  # noqa: S506  (it makes words, lists and mappings alone)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "not YAML"
        raise NoProcedure(
            2 + (mark.line if mark else 0), f"the front matter is not YAML: {problem}"
        ) from None
    if not isinstance(found, dict):
        raise NoProcedure(2, "the front matter holds no keys")
    return {str(key): one for key, one in found.items() if one != ""}


def values_of(text: str) -> dict[str, Any]:
    """The same of what somebody sent as a procedure and nothing else, who may also write JSON: one object. Raises NoProcedure."""
    if text.lstrip()[:1] not in {"{", "["}:
        return values_of_markdown(text, whole=True)
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


def named(values: dict[str, Any]) -> dict[str, Any]:
    """With an id out of the title, where there is none; of a title without letters for one, out of its characters."""
    if "id" in values or not isinstance(values.get("title"), str) or not values["title"].strip():
        return values
    plain = re.sub(r"[^a-z0-9]+", "_", values["title"].casefold()).strip("_")[:40]
    if len(plain) < 3:
        plain = f"sop_{hashlib.sha256(values['title'].encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
    return {"id": plain, **values}


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
