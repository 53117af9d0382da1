"""`loopos import`: many entries into the company's files, all or none, as one commit. It is the operator's word."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.allowing import allowing
from bot.app import fill_demo_company
from bot.company_edits import CompanyEdits
from bot.settings import Settings, read_settings
from bot.setup.side_process import SideProcess
from bot.side_acts import in_house
from core.company import importing
from core.company.editing import Edit, Unreadable
from core.context import Tx
from core.errors import StartupError
from core.i18n import N_
from core.outbox import card_publisher


def bring_in(
    kind: importing.Kind, path: str, *, dry_run: bool, as_json: bool, channels: Sequence[str] = ()
) -> int:
    """1 where anything is wrong with the file: then nothing is written."""
    settings = read_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    fill_demo_company(settings)
    told: dict[str, Any] = {"kind": kind, "file": path, "dry_run": dry_run}
    counts: dict[str, Any] = {"rows": 0, "added": 0, "changed": 0, "unchanged": 0, "errors": [], "commit": ""}
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise StartupError(f"{path} cannot be read: {error.strerror}.", "Name a file.") from error
    try:
        plan = importing.plan(kind, settings.company_folder, Path(path).name, data, channels)
        if plan.edit is not None and not dry_run:
            commit = _written(kind, Path(path).name, data, channels)
            if isinstance(commit, int):
                return commit
            counts["commit"] = commit
    except importing.Unfit as unfit:
        for one in unfit.problems:
            print(f"{path}:{one}", file=sys.stderr)
        if as_json:
            errors = [{"line": one.line, "key": one.key, "problem": one.problem} for one in unfit.problems]
            print(json.dumps({**told, **counts, "errors": errors}, ensure_ascii=False, indent=2))
        return 1
    counts |= {
        "rows": plan.rows,
        "added": plan.added,
        "changed": plan.changed,
        "unchanged": plan.unchanged,
    }
    if as_json:
        print(json.dumps({**told, **counts}, ensure_ascii=False, indent=2))
    else:
        would = "would be " if dry_run else ""
        print(
            f"{plan.rows} rows: {plan.added} {would}added, {plan.changed} {would}changed, "
            f"{plan.unchanged} as they were."
        )
    return 0


def _written(kind: importing.Kind, name: str, data: bytes, channels: Sequence[str]) -> str | int:
    """The commit; "" where somebody else brought the same in meanwhile; an exit code where it was refused."""

    def make(folder: Path) -> Edit:
        edit = importing.plan(
            kind, folder, name, data, channels
        ).edit  # anew: somebody may have written meanwhile
        if edit is None:
            raise Unreadable("", "nothing was changed")
        return edit

    async def work(house: SideProcess, settings: Settings) -> str:
        try:
            edits = CompanyEdits(settings.company_folder)
            commit = await edits.keep(make, "operator", allow=allowing(house.store))
        except Unreadable:
            return ""
        await house.store.write(lambda tx: _tell(tx, kind))
        return commit

    return in_house(work)


def _tell(tx: Tx, kind: str) -> None:
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(N_("The operator brought {kind} into the company's files."), kind=kind),
    )
