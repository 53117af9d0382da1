"""The company's folder from the shell: what was left out, what waits for the founder's yes, and that yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from bot.company_edits import CompanyEdits
from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.side_acts import act_as, answered, in_house, shipped
from core.acts.commands import ApproveCompany
from core.company.findings import line_of
from core.context import Tx
from core.workflow import company_changes
from core.workflow.company_changes import shown
from core.workflow.shipping import What


def show(*, as_json: bool) -> int:
    """`{folder, commit, refused, pending}`"""

    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        return await _told(house, settings)

    found = in_house(work)
    return answered(found, _worded, as_json=as_json)


def approve(person: str, *, as_json: bool) -> int:
    """Everything that waits counts: values, skills, rules. Only the founder may."""

    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        for what, name in await act_as(house, person, ApproveCompany()):
            await shipped(house, settings, cast(What, what), name)
        return await _told(house, settings)

    found = in_house(work)
    return answered(found, _worded, as_json=as_json)


async def _told(house: SideProcess, settings: Settings) -> dict[str, Any]:
    written, folder = house.services.written, settings.company_folder

    def read(tx: Tx) -> list[dict[str, Any]]:
        values = [
            {
                "file": one.file,
                "line": _line(folder / one.file, one.path),
                "key": ".".join(map(str, one.path)) or one.key,
                "old": one.old,
                "new": one.new,
            }
            for one in company_changes.pending(tx, written)
        ]
        files = [
            {"file": file, "line": 1, "key": "", "old": old or None, "new": new}
            for file, old, new in company_changes.waiting_files(tx)
        ]
        return [*values, *files]

    return {
        "folder": str(folder),
        "commit": CompanyEdits(folder).head(),
        "refused": [
            {"file": one.file, "line": one.line, "key": one.key, "problem": one.problem}
            for one in written.refused
        ],
        "pending": await house.store.write(read),
    }


def _line(path: Path, where: tuple[int | str, ...]) -> int:
    try:
        return line_of(path.read_text(encoding="utf-8"), where)
    except (OSError, UnicodeDecodeError):
        return 1


def _worded(found: dict[str, Any]) -> str:
    left_out = [
        f"left out: {one['file']}:{one['line']}: {one['key']}: {one['problem']}" for one in found["refused"]
    ]
    waits = [
        f"waits: {one['file']}:{one['line']}: {one['key']}: {shown(one['old'])} -> {shown(one['new'])}"
        for one in found["pending"]
    ]
    return "\n".join([f"{found['folder']} {found['commit'][:12]}".strip(), *left_out, *waits])
