"""The founder's yes, from the shell, to what waits in the company's folder."""

from __future__ import annotations

from typing import Any, cast

from bot.looking import Looked
from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.shell import answered
from bot.side_acts import act_as, in_house, shipped
from bot.views import company_told, company_worded
from core.acts.commands import ApproveCompany
from core.store.session_rows import SessionRows
from core.workflow.shipping import What


def approve(person: str, *, as_json: bool) -> int:
    """Everything that waits counts: values, skills, rules. Only the founder may."""

    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        for what, name in await act_as(house, person, ApproveCompany()):
            await shipped(house, settings, cast(What, what), name)
        written = house.services.written
        return await house.store.read(
            lambda session: company_told(Looked(settings, written, SessionRows(session)))
        )

    return answered(in_house(work), company_worded, as_json=as_json)
