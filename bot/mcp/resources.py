"""What assistants can read as documents: tickets, properties, skills, the playbook, and the picture of the dashboard."""

from __future__ import annotations

import asyncio
import json
from importlib import resources
from typing import Any, Final
from urllib.parse import unquote

import mcp_types as types

from bot.mcp.tools import DASHBOARD
from core.access.credentials import Caller
from core.clients import shapes
from core.clients.errors import ClientError
from core.clients.operations import Operations
from core.company.reading import brain_places, cost_places
from core.loop.folder import LoopFolder
from core.model import Role

TICKETS: Final = "loopos://tickets"
PLAYBOOK: Final = "loopos://playbook"
APP: Final = "text/html;profile=mcp-app"
_UI_META: Final = {"ui": {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": False}}
NO_PLAYBOOK: Final = (
    "# Playbook\n\nThis company has no playbook yet. It will say how the company wants things done, and what the control loop "
    "goes by.\n"
)


NOT_YOURS: Final = "# Playbook\n\nThe founder alone reads it.\n"


def listed() -> list[types.Resource]:
    return [
        types.Resource(
            uri=DASHBOARD,
            name="dashboard",
            title="LoopOS dashboard",
            description="The live board as a picture that acts.",
            mime_type=APP,
            _meta=_UI_META,
        ),
        types.Resource(
            uri=PLAYBOOK,
            name="playbook",
            title="Playbook",
            description="How the company wants things done.",
            mime_type="text/markdown",
        ),
    ]


def templates() -> list[types.ResourceTemplate]:
    rows = (
        ("tickets/{ticket_id}", "ticket", "A ticket with its whole history."),
        ("properties/{property_id}", "property", "A house: where it is, its caps and who is on call."),
        ("skills/{skill_id}", "skill", "An approved routine."),
    )
    return [
        types.ResourceTemplate(
            uri_template=f"loopos://{path}",
            name=name,
            title=name.title(),
            description=about,
            mime_type="application/json",
        )
        for path, name, about in rows
    ]


async def read(desk: Operations, caller: Caller, uri: str) -> types.TextResourceContents | None:
    """None: there is nothing of that name."""
    if uri == DASHBOARD:
        page = (resources.files("bot.mcp") / "dashboard.html").read_text(encoding="utf-8")
        return types.TextResourceContents(uri=uri, mime_type=APP, text=page, _meta=_UI_META)
    if uri == PLAYBOOK:
        return types.TextResourceContents(
            uri=uri, mime_type="text/markdown", text=await _playbook(desk, caller)
        )
    kind, _, name = uri.removeprefix("loopos://").partition("/")
    found = await _document(desk, caller, kind, unquote(name))
    if found is None:
        return None
    text = json.dumps(found, ensure_ascii=False, indent=2)
    return types.TextResourceContents(uri=uri, mime_type="application/json", text=text)


async def _playbook(desk: Operations, caller: Caller) -> str:
    """The founder's alone, as in chat."""
    if caller.person.role is not Role.FOUNDER:
        return NOT_YOURS
    folder = LoopFolder(desk.services.loop_folder)
    return await asyncio.to_thread(folder.playbook) or NO_PLAYBOOK


async def _document(desk: Operations, caller: Caller, kind: str, name: str) -> dict[str, Any] | None:
    company = desk.services.company
    match kind:
        case "tickets" if 0 < len(name) <= 20:
            try:
                found = await desk.get_ticket(caller, shapes.OfTicket(ticket_id=name))
            except ClientError:
                return None
            ticket: dict[str, Any] = found["ticket"]
            return ticket
        case "properties" if (place := company.place(name)) is not None:
            said = place.model_dump(mode="json", exclude={"access", "calendars"})
            costs, known = cost_places(company, caller.person), brain_places(company, caller.person)
            if costs is not None and place.id not in costs:
                del said["monthly_budget_usd"]
            if known is not None and place.id not in known:
                del said["address"]  # whoever has a job there is told it with the job
            return {**said, "on_call": (company.on_site(place.id) or company.founder).id}
        case "skills":
            skill = next((one for one in company.skills if one.skill_id == name), None)
            return skill.model_dump(mode="json") if skill is not None else None
    return None
