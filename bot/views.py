"""What `loopos skills`, `rules`, `memo`, `company`, `team` and `clients` show. Nothing is changed, and nothing heavy imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from bot.looking import Looked, company_of, looking
from bot.settings import read_settings
from bot.shell import answered, telling
from core.access import grants
from core.brain.agent_card import agent_card
from core.cards.company_files import shown
from core.clock import SystemClock
from core.company.company import Company
from core.company.findings import line_of
from core.company.memos import memo_json
from core.git import head
from core.store.plain import reading
from core.team.company_now import company_now
from core.team.learnt import let_through, skill_from
from core.workflow import memo_view, rule_view, skill_view
from core.workflow.company_view import waiting_files

T = TypeVar("T")


def looked(look: Callable[[Looked], T]) -> T | int:
    """What `look` finds, or the exit code (bot.shell.telling)."""
    with looking() as at:
        if at is not None:
            return telling(lambda: look(at))
    from bot.side_acts import look_in_house

    return look_in_house(look)


# --- skills


def skills(*, as_json: bool) -> int:
    """Every skill: the approved version, else the newest."""
    found = looked(lambda at: [skill_view.told(at.rows, row) for row in skill_view.shown(at.rows)])
    return answered(
        found, lambda every: "\n".join(map(skill_line, every)) or "There are no skills.", as_json=as_json
    )


def skill_line(one: dict[str, Any]) -> str:
    record = one["record"]
    runs = f"{record['completed']} of {record['runs']} runs" if record["runs"] else "no runs yet"
    return f"{one['skill_id']} v{one['version']} ({one['status']}): {one['name']}, {runs}"


def skill(skill_id: str, version: int | None, *, as_json: bool) -> int:
    """One version with its record."""
    found = looked(lambda at: skill_view.told(at.rows, skill_view.find(at.rows, skill_id, version)))
    return answered(found, _described, as_json=as_json)


def _described(one: dict[str, Any]) -> str:
    steps = (f"  {n}. {step['do']}" for n, step in enumerate(one["workflow_steps"], 1))
    record = ", ".join(f"{key} {value}" for key, value in one["record"].items())
    return "\n".join([skill_line(one), one["description"], *steps, f"cap {one['auth_cap_usd']} USD", record])


def skill_exported(skill_id: str) -> int:
    """As an agent card that other agents read."""

    def look(at: Looked) -> dict[str, Any]:
        row = skill_view.find(at.rows, skill_id)
        return agent_card(at.company, skill_from(row.content), skill_view.told(at.rows, row))

    return answered(looked(look), str, as_json=True)


# --- rules


def rules(*, as_json: bool) -> int:
    found = looked(lambda at: [rule_view.told(row) for row in rule_view.listed(at.rows)])
    return answered(
        found, lambda every: "\n".join(map(_rule_line, every)) or "There are no rules.", as_json=as_json
    )


def rule(rule_id: str, *, as_json: bool) -> int:
    found = looked(lambda at: rule_view.told(rule_view.find(at.rows, rule_id)))
    return answered(found, rule_with_diff, as_json=as_json)


def _rule_line(one: dict[str, Any]) -> str:
    used = f", used {one['uses']} of {one['max_uses']}" if one["max_uses"] else ""
    return f"{one['rule_id']} v{one['version']} ({one['status']}{used}): {one['text'].get('en', '')}"


def rule_with_diff(one: dict[str, Any]) -> str:
    return f"{_rule_line(one)}\n{one['diff']}"


# --- memos


def memos(*, every: bool, as_json: bool) -> int:
    """Those that hold; `every`: also those that are proposed or hold no more."""

    def look(at: Looked) -> list[dict[str, Any]]:
        written = [memo_json(one) for one in at.written.memos if every or one.holds]
        return [*written, *(memo_view.proposed(at.rows) if every else ())]

    return answered(
        looked(look), lambda found: "\n".join(map(memo_line, found)) or "There are no memos.", as_json=as_json
    )


def memo(memo_id: str, *, as_json: bool) -> int:
    found = looked(lambda at: memo_view.told(at.rows, at.company, memo_id))
    return answered(found, memo_line, as_json=as_json)


def memo_line(one: dict[str, Any]) -> str:
    about = ", ".join(str(part) for part in (one["property_id"], one["category"]) if part) or "general"
    state = "" if one["status"] == "kept" else f" ({one['status']})"
    return f"{one['id']}{state} [{one['language']}] {about}: {' '.join(one['transcript'].split())}"


# --- the company


def company(*, as_json: bool) -> int:
    return answered(looked(company_told), company_worded, as_json=as_json)


def company_told(at: Looked) -> dict[str, Any]:
    """`{folder, commit, refused, pending}`"""
    folder = at.settings.company_folder
    values = [
        {
            "file": one.file,
            "line": _line(folder / one.file, one.path),
            "key": ".".join(map(str, one.path)) or one.key,
            "old": one.old,
            "new": one.new,
        }
        for one in let_through(at.rows, at.written)[1]
    ]
    files = [
        {"file": file, "line": 1, "key": "", "old": old or None, "new": new}
        for file, old, new in waiting_files(at.rows)
    ]
    return {
        "folder": str(folder),
        "commit": head(folder),
        "refused": [
            {"file": one.file, "line": one.line, "key": one.key, "problem": one.problem}
            for one in at.written.refused
        ],
        "pending": [*values, *files],
    }


def _line(path: Path, where: tuple[int | str, ...]) -> int:
    try:
        return line_of(path.read_text(encoding="utf-8"), where)
    except (OSError, UnicodeDecodeError):
        return 1


def company_worded(found: dict[str, Any]) -> str:
    left_out = [
        f"left out: {one['file']}:{one['line']}: {one['key']}: {one['problem']}" for one in found["refused"]
    ]
    waits = [
        f"waits: {one['file']}:{one['line']}: {one['key']}: {shown(one['old'])} -> {shown(one['new'])}"
        for one in found["pending"]
    ]
    return "\n".join([f"{found['folder']} {found['commit'][:12]}".strip(), *left_out, *waits])


# --- who, and what acts for them


def team(*, as_json: bool) -> int:
    settings = read_settings()
    with reading(settings.database) as rows:
        written = company_of(settings)
        found = _team_json(written if rows is None else company_now(rows, written))
    return answered(found, lambda every: "\n".join(map(_person_line, every)), as_json=as_json)


def _person_line(one: dict[str, Any]) -> str:
    accounts = ", ".join(f"{account['channel']} {account['id']}" for account in one["accounts"])
    parts = [one["id"], one["name"], one["role"], ", ".join(one["properties"]), accounts]
    return " · ".join(part for part in parts if part)


def _team_json(company: Company) -> list[dict[str, Any]]:
    return [
        {
            "id": person.id,
            "name": person.name,
            "role": person.role.value,
            "languages": list(person.languages),
            "properties": list(person.properties),
            "joined_in_chat": person.id in company.invited,
            "accounts": [
                {"channel": channel, "id": account} for channel, account in company.accounts_of(person)
            ],
        }
        for person in company.team
    ]


def clients(*, as_json: bool) -> int:
    with reading(read_settings().database) as rows:
        acting = [] if rows is None else grants.listed(rows, SystemClock().now())
        found = [one.to_json() for one in acting]
    nobody = "No program, token or browser acts for anybody."
    return answered(found, lambda every: "\n".join(map(_client_line, every)) or nobody, as_json=as_json)


def _client_line(one: dict[str, str | None]) -> str:
    last = f"last used {str(one['last_used_at'])[:16]}Z" if one["last_used_at"] else "never used"
    said = (one[key] for key in ("client_id", "kind", "person", "name", "scope", "audience"))
    return " · ".join([*map(str, said), last])


def webhooks(*, as_json: bool) -> int:
    with reading(read_settings().database) as rows:
        found = [] if rows is None else grants.webhooks(rows)
    nobody = "No address is told of changes."
    return answered(found, lambda every: "\n".join(map(_hook_line, every)) or nobody, as_json=as_json)


def _hook_line(one: dict[str, str | None]) -> str:
    state = f"failing since {one['failing_since']}" if one["failing_since"] else "well"
    return " · ".join([str(one["id"]), str(one["url"]), state])
