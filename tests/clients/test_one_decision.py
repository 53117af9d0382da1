"""Two hundred people (or programs) say yes at once, over every door there is: it is one decision (P8)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.clients.programs import MODERN, Programs
from tests.platforms import House
from tests.world import STORY

EACH = 100


async def test_two_hundred_yeses_over_every_door_are_one(house: House, programs: Programs) -> None:
    await house.phone("shirley", "slack").says(STORY)
    approval = (await house.ticket())["approvals"][-1]["approval_id"]
    program, token = await programs.of("ben", "decide"), await programs.token("ben", "decide", "mcp")
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    name = "dispatch_with_escalation"
    params = {"name": name, "arguments": {"ticket_id": "T-1001", "approval_id": approval}, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": "tools/call",
        "Mcp-Name": name,
    }

    async def by_assistant() -> Any:
        async with programs.http.post(f"{house.url}/mcp", data=body, headers=headers) as answer:
            return (await answer.json())["result"]

    slack, telegram = house.phone("ben", "slack"), house.phone("ben", "telegram")
    answers = await asyncio.gather(
        *(program.call("POST", f"/approvals/{approval}", {"decision": "approve"}) for _ in range(EACH)),
        *(by_assistant() for _ in range(EACH)),
        slack.taps("approve"),
        telegram.taps("approve"),
    )
    await house.settle()
    ticket = await house.ticket()
    events = [one["event"] for one in ticket["history"]]
    assert (events.count("approved"), events.count("dispatched")) == (1, 1)
    won = sum(one.status == 200 for one in answers[:EACH])
    won += sum(not one.get("isError") for one in answers[EACH : 2 * EACH])
    on = next(one["channel"] for one in ticket["history"] if one["event"] == "approved")
    assert won == (1 if on in {"api", "mcp"} else 0)
    assert {one.body["error"]["code"] for one in answers[:EACH] if one.status != 200} == {"already_decided"}
