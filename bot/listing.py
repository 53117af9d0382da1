"""`loopos tickets` and `loopos ticket`. Agents call them in loops: nothing is imported that they do not need."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from bot.settings import read_settings
from bot.shell import WRONG_USE
from core.model import Status
from core.store.plain import reading
from core.tickets.listing import tickets as every


def tickets(status: str | None, property_id: str | None, limit: int | None, *, as_json: bool) -> int:
    if status is not None and status.upper() not in Status.__members__:
        print(f"loopos: there is no status {status!r}; there are {', '.join(Status)}", file=sys.stderr)
        return WRONG_USE
    with reading(read_settings().database) as rows:
        found: Iterable[dict[str, Any]] = ()
        if rows is not None:
            named = status.upper() if status else None
            found = every(rows, status=named, property_id=property_id, limit=limit)
        if as_json:
            _print_array(found)
        else:
            _print_table(list(found))
    return 0


def _print_array(found: Iterable[dict[str, Any]]) -> None:
    """As json.dumps(list(found), ensure_ascii=False, indent=2) would, without holding all of it."""
    before = "[\n  "
    for one in found:
        sys.stdout.write(before)
        sys.stdout.write(json.dumps(one, ensure_ascii=False, indent=2).replace("\n", "\n  "))
        before = ",\n  "
    print("[]" if before.startswith("[") else "\n]")


def _print_table(found: list[dict[str, Any]]) -> None:
    if not found:
        print("No tickets yet.")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold")
    for column in ("Ticket", "Status", "Sev", "What", "Where", "Reported by", "Since"):
        table.add_column(column)
    for one in found:
        table.add_row(
            one["ticket_id"],
            one["status"],
            str(one["severity"]),
            one["category"],
            one["property_id"] or "–",
            one["reporter"],
            one["created_at"][:16].replace("T", " ") + " UTC",
        )
    Console().print(table)


def ticket(ticket_id: str, *, as_json: bool) -> int:
    wanted = f"T-{ticket_id.upper().removeprefix('T').removeprefix('-')}"
    with reading(read_settings().database) as rows:
        found = list(every(rows, ticket_id=wanted)) if rows is not None else []
    if not found:
        print(f"loopos: there is no ticket {ticket_id}. `loopos tickets` lists them.", file=sys.stderr)
        return 1
    (one,) = found
    if as_json:
        print(json.dumps(one, ensure_ascii=False, indent=2))
        return 0
    print(
        f"{one['ticket_id']}  {one['status']}  {one['category']}  severity {one['severity']}  {one['property_id'] or '–'}"
    )
    for report in one["reports"]:
        print(f"  {report['reporter']}: {report['raw_input']}")
    for row in one["history"]:
        moved = f"  {row['from']} → {row['to']}" if row["to"] else ""
        print(f"  {row['at'][:19]}Z  {row['event']:<14} {row['actor']}{moved}")
    return 0
