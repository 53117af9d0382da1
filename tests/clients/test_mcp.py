"""Assistants over MCP, in both revisions of the protocol, with the official client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.shared.exceptions import MCPError

from bot.mcp.tools import TOOLS
from core.model import LANGUAGES
from tests.clients.programs import ASKED, LEGACY, MODERN, Programs, assistant
from tests.platforms import House, until
from tests.world import STORY

BOTH = pytest.mark.parametrize("revision", [MODERN, LEGACY])


async def call(client: Client, name: str, **arguments: Any) -> Any:
    """What the tool found; fails where it says that something is wrong."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result
    (text,) = result.content
    assert text.type == "text" and text.text
    return result.structured_content


async def refused(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(name, arguments)
    assert result.is_error and result.structured_content is None, result
    assert result.meta is not None
    error: dict[str, Any] = result.meta["loopos/error"]
    return error


@BOTH
async def test_every_tool_is_listed_as_hosts_take_it(house: House, programs: Programs, revision: str) -> None:
    async with assistant(house.url, await programs.token("ben", "read", "mcp"), revision) as client:
        listed = (await client.list_tools()).tools
    assert {one.name for one in listed} == set(TOOLS) and len(listed) == 18
    for one in listed:
        text = json.dumps([one.input_schema, one.output_schema])
        assert not any(word in text for word in ('"anyOf"', '"oneOf"', '"allOf"', '"$ref"')), one.name
        assert one.input_schema["additionalProperties"] is False
        assert one.title and one.annotations is not None and one.annotations.read_only_hint is not None
    (shown,) = [one for one in listed if one.meta]
    assert shown.meta == {"ui": {"resourceUri": "ui://loopos/dashboard"}}


@BOTH
async def test_every_tool_runs(house: House, programs: Programs, revision: str) -> None:
    """One day of the company, from an assistant."""
    token = await programs.token("ben", "decide", "mcp")
    async with assistant(house.url, token, revision) as client:
        assert (await call(client, "whoami"))["person"] == "ben"
        filed = await call(client, "ingest_text_message", text=STORY, reporter="shirley")
        ticket = filed["ticket"]
        name = ticket["ticket_id"]
        assert (ticket["source"]["channel"], ticket["reporter"]) == ("mcp", "shirley")
        assert filed["duplicate_of"] is None
        same = await call(client, "ingest_text_message", text="冷氣還在漏水,滴到插座旁邊", reporter="shirley")
        assert same["duplicate_of"] == name
        assert (await call(client, "list_tickets", open=True))["total"] == 1
        state = await call(client, "live_state")
        assert [one["ticket_id"] for one in state["awaiting"]] == [name]
        judged = await call(client, "triage", text="The bathroom tap is dripping in Reno")
        assert judged["judgement"]["category"] == "plumbing_leak" and judged["ticket"] is None
        again = await call(client, "triage", ticket_id=name)
        (old, new) = again["ticket"]["approvals"][-2:]
        assert (old["status"], new["status"]) == ("superseded", "pending")
        sources = await call(client, "show_brain_sources", ticket_id=name)
        assert sources["sources"]
        assert (await call(client, "query_brain", question="AC leak Taipei"))["sources"]
        sent = await call(
            client,
            "dispatch_with_escalation",
            ticket_id=name,
            approval_id=new["approval_id"],
            auto_escalate_after_seconds=600,
        )
        assert sent["ticket"]["status"] == "DISPATCHED"
        assert sent["dispatch"]["auto_escalate_after_seconds"] == 600
        assert [one["step"] for one in sent["timers"]] == ["escalate"]
        taken = await call(
            client, "acknowledge_dispatch", ticket_id=name, eta_iso="2031-01-02T10:00:00+08:00"
        )
        assert taken["dispatch"]["acknowledged_by"] == "ben"
        assert taken["dispatch"]["eta_iso"].startswith("2031-01-02T02:00:00")
        done = await call(client, "resolve_ticket", ticket_id=name, actual_cost_usd="132.50", note="new pan")
        assert done["ticket"]["status"] == "RESOLVED"
        second = await call(client, "ingest_text_message", text=f"{STORY} again", property_id="bali_villa")
        asked = second["ticket"]["approvals"][-1]
        no = await call(
            client,
            "reject_dispatch",
            ticket_id=second["ticket"]["ticket_id"],
            approval_id=asked["approval_id"],
            reason="not now",
        )
        assert no["ticket"]["status"] == "REJECTED"
        rule = await call(
            client, "propose_new_rule", text="AC leaks in Taipei go to Mr. Wang", ticket_id=name
        )
        assert rule["status"] == "proposed" and rule["diff"].startswith("--- /dev/null")
        assert (await call(client, "cost_summary"))["vendor_usd"] == "132.50"
        for view in ("board", "costs", "skills"):
            assert (await call(client, "show_loopos_dashboard", view=view))["url"].startswith("http")
        assert (await call(client, "get_ticket", ticket_id=name))["ticket"]["ticket_id"] == name
        assert (await call(client, "list_asks"))["asks"] == []
        assert (await refused(client, "answer_ask", ask_id="nothing", text="yes"))["code"] == "not_found"
        audio = base64.b64encode(b"no recording at all").decode()
        wrong = await refused(client, "ingest_voice_note", audio=audio, media_type="audio/wav")
        assert (wrong["code"], wrong["field"]) == ("invalid_arguments", "audio")


@BOTH
async def test_wrong_arguments_are_named_and_unknown_names_are_protocol_errors(
    house: House, programs: Programs, revision: str
) -> None:
    async with assistant(house.url, await programs.token("ben", "decide", "mcp"), revision) as client:
        wrongs: list[tuple[str, dict[str, Any], str]] = [
            ("get_ticket", {}, "ticket_id"),
            ("get_ticket", {"ticket_id": 1042}, "ticket_id"),
            ("get_ticket", {"ticket_id": "1042", "secret-word": 1}, "secret-word"),
            ("list_tickets", {"limit": 0}, "limit"),
            ("list_tickets", {"status": ["OPENED"]}, "status"),
            ("resolve_ticket", {"ticket_id": "1", "actual_cost_usd": "NaN"}, "actual_cost_usd"),
            ("ingest_text_message", {"text": "x" * 40_001}, "text"),
            ("triage", {}, "text"),
        ]
        for name, arguments, field in wrongs:
            error = await refused(client, name, **arguments)
            assert (error["code"], error["field"]) == ("invalid_arguments", field), (name, arguments, error)
        result = await client.call_tool("get_ticket", {"ticket_id": "do not echo me, I am long"})
        assert "do not echo" not in str(result)
        assert (await refused(client, "get_ticket", ticket_id="T-9999"))["code"] == "not_found"
        for unknown in (
            client.call_tool("no_such_tool", {}),
            client.read_resource("loopos://nothing/1"),
            client.get_prompt("no_such_prompt"),
        ):
            with pytest.raises(MCPError) as error_of:
                await unknown
            assert error_of.value.code == -32602


@BOTH
@pytest.mark.parametrize("yes", [True, False])
async def test_a_client_that_can_ask_asks_its_person_about_exactly_what_is_sent(
    house: House, programs: Programs, revision: str, yes: bool
) -> None:
    await house.phone("shirley", "slack").says(STORY)
    approval = (await house.ticket())["approvals"][-1]["approval_id"]
    ASKED.clear()
    async with assistant(house.url, await programs.token("ben", "decide", "mcp"), revision, yes) as client:
        found = await call(client, "dispatch_with_escalation", ticket_id="T-1001", approval_id=approval)
    assert found["ticket"]["status"] == ("DISPATCHED" if yes else "AWAITING_HUMAN")
    (text,) = ASKED
    assert "Mr. Wang" in text and "145.00" in text and "200.00" in text


@BOTH
async def test_one_ticket_over_two_assistants_and_two_chats(
    house: House, programs: Programs, revision: str
) -> None:
    """Each sees what the others do, at once."""
    await house.phone("shirley", "slack").says(STORY)
    approval = (await house.ticket())["approvals"][-1]["approval_id"]
    async with (
        assistant(house.url, await programs.token("ben", "decide", "mcp"), revision) as bens,
        assistant(house.url, await programs.token("haru", "read write", "mcp"), revision) as harus,
    ):
        hers = await harus.call_tool("get_ticket", {"ticket_id": "T-1001"})
        assert hers.structured_content["ticket"]["status"] == "AWAITING_HUMAN"
        await call(bens, "dispatch_with_escalation", ticket_id="T-1001", approval_id=approval)
        await house.settle()
        for channel in ("slack", "telegram"):
            assert not await house.phone("ben", channel).has("approve")
        await house.phone("shirley", "slack").taps("ack")
        taken = await call(harus, "get_ticket", ticket_id="T-1001")
        assert taken["ticket"]["dispatches"][-1]["acknowledged_by"] == "shirley"
        late = await refused(bens, "dispatch_with_escalation", ticket_id="T-1001", approval_id=approval)
        assert (late["code"], late["who"]) == ("already_decided", "Ben")


async def test_rights_are_the_persons_and_stale_approvals_name_the_present_one(
    house: House, programs: Programs
) -> None:
    await house.phone("shirley", "slack").says(STORY)
    old = (await house.ticket())["approvals"][-1]["approval_id"]
    async with assistant(house.url, await programs.token("shirley", "decide", "mcp"), MODERN) as hers:
        error = await refused(hers, "dispatch_with_escalation", ticket_id="T-1001", approval_id=old)
        assert (error["code"], error["who"]) == ("not_yours", "Ben")
        assert (await refused(hers, "cost_summary"))["code"] == "not_yours"
        error = await refused(hers, "ingest_text_message", text="Haru's tap drips", reporter="haru")
        assert error["code"] == "not_yours"
        await call(hers, "triage", ticket_id="T-1001")
    async with assistant(house.url, await programs.token("ben", "decide", "mcp"), MODERN) as his:
        result = await his.call_tool("dispatch_with_escalation", {"ticket_id": "T-1001", "approval_id": old})
        new = (await house.ticket())["approvals"][-1]["approval_id"]
        assert result.meta is not None and result.meta["loopos/error"]["code"] == "stale"
        assert new in result.content[0].text  # type: ignore[union-attr]


async def test_other_values_pass_the_rules_again(house: House, programs: Programs) -> None:
    await house.phone("shirley", "slack").says(STORY)
    first = (await house.ticket())["approvals"][-1]["approval_id"]
    async with assistant(house.url, await programs.token("ben", "decide", "mcp"), MODERN) as client:
        over = await call(
            client,
            "dispatch_with_escalation",
            ticket_id="T-1001",
            approval_id=first,
            cost_estimate_usd="950",
        )
        assert over["ticket"]["status"] == "AWAITING_HUMAN"
        second = over["ticket"]["approvals"][-1]
        assert "over_cap" in {one["code"] for one in second["reasons"]}
        within = await call(
            client,
            "dispatch_with_escalation",
            ticket_id="T-1001",
            approval_id=second["approval_id"],
            cost_estimate_usd="150.00",
        )
    assert within["ticket"]["status"] == "DISPATCHED"
    assert within["dispatch"]["cost_estimate_usd"] == "150.00"


async def test_who_waits_is_told_how_it_goes_until_somebody_has_it(house: House, programs: Programs) -> None:
    await house.phone("shirley", "slack").says(STORY)
    approval = (await house.ticket())["approvals"][-1]["approval_id"]
    told: list[str] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    async with assistant(house.url, await programs.token("ben", "decide", "mcp"), MODERN) as client:
        wait = {"ticket_id": "T-1001", "approval_id": approval, "wait_seconds": 30}
        call_ = asyncio.create_task(
            client.call_tool("dispatch_with_escalation", wait, progress_callback=progress)
        )
        await until(lambda: bool(told))
        await house.settle()
        await house.phone("shirley", "slack").taps("ack")
        result = await call_
    assert result.structured_content["dispatch"]["acknowledged_by"] == "shirley"
    assert "Shirley" in told[0]


async def test_who_listens_hears_of_a_change_from_any_channel(house: House, programs: Programs) -> None:
    heard: list[str] = []
    async with (
        assistant(house.url, await programs.token("ben", "read", "mcp"), MODERN) as client,
        client.listen(resource_subscriptions=["loopos://tickets", "loopos://tickets/T-1001"]) as news,
    ):

        async def listen() -> None:
            async for event in news:
                heard.append(event.uri)  # type: ignore[union-attr]

        listening = asyncio.create_task(listen())
        await house.phone("shirley", "slack").says(STORY)
        await until(lambda: {"loopos://tickets", "loopos://tickets/T-1001"} <= set(heard))
        listening.cancel()
        read = await client.read_resource("loopos://tickets/T-1001")
        assert json.loads(read.contents[0].text)["ticket_id"] == "T-1001"  # type: ignore[union-attr]


@BOTH
async def test_resources_and_prompts(house: House, programs: Programs, revision: str) -> None:
    async with assistant(house.url, await programs.token("ben", "read", "mcp"), revision) as client:
        assert {one.uri for one in (await client.list_resources()).resources} == {
            "ui://loopos/dashboard",
            "loopos://playbook",
        }
        assert len((await client.list_resource_templates()).resource_templates) == 3
        (page,) = (await client.read_resource("ui://loopos/dashboard")).contents
        assert page.mime_type == "text/html;profile=mcp-app"
        assert len(page.text.encode()) <= 256 * 1024  # type: ignore[union-attr]
        (place,) = (await client.read_resource("loopos://properties/bali_villa")).contents
        assert json.loads(place.text)["on_call"] == "celine"  # type: ignore[union-attr]
        prompts = (await client.list_prompts()).prompts
        assert {one.name for one in prompts} == {
            "report_problem",
            "morning_briefing",
            "handover",
            "teach_rule",
        }
        said = await client.get_prompt("handover", {"to": "Haru"})
        assert "Haru" in said.messages[0].content.text  # type: ignore[union-attr]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_words_are_in_the_persons_language(house: House, programs: Programs, language: str) -> None:
    await house.phone("ben", "slack").says(f"/lang {language}")
    async with assistant(house.url, await programs.token("ben", "read", "mcp"), MODERN) as client:
        result = await client.call_tool("list_tickets", {})
    text = result.content[0].text  # type: ignore[union-attr]
    assert (text == "Tickets: 0") == (language in {"en", "es"})  # it is the same word


async def raw(house: House, programs: Programs, body: Any, **headers: str) -> tuple[int, str, str]:
    every = {
        "Authorization": f"Bearer {await programs.token('ben', 'read', 'mcp')}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        **headers,
    }
    data = body if isinstance(body, (io.BytesIO, str)) else json.dumps(body)
    async with programs.http.post(f"{house.url}/mcp", data=data, headers=every) as response:
        return response.status, response.headers.get("WWW-Authenticate", ""), await response.text()


async def test_at_the_door(house: House, programs: Programs) -> None:
    listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    status, asked, _ = await raw(house, programs, listing, Authorization="")
    assert status == 401 and "error=" not in asked
    assert f'resource_metadata="{house.url}/.well-known/oauth-protected-resource/mcp"' in asked
    assert 'scope="read write"' in asked
    status, asked, _ = await raw(house, programs, listing, Authorization="Bearer lo_at_wrong")
    assert status == 401 and 'error="invalid_token"' in asked
    other_door = await programs.token("ben", "read", "api")
    assert (await raw(house, programs, listing, Authorization=f"Bearer {other_door}"))[0] == 401
    assert (await raw(house, programs, listing, Host="evil.example"))[0] == 421
    assert (await raw(house, programs, listing, Origin="https://evil.example"))[0] == 403
    assert (await raw(house, programs, "{"))[0] == 400
    large = io.BytesIO(b" " * (4 * 1024 * 1024 + 1))
    assert (await raw(house, programs, large))[0] == 413
    resolve = {"name": "resolve_ticket", "arguments": {"ticket_id": "1", "actual_cost_usd": "1"}}
    status, asked, _ = await raw(
        house, programs, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": resolve}
    )
    assert status == 403 and 'error="insufficient_scope", scope="read write"' in asked
