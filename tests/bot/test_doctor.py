"""What the doctor finds, each in one line with its cure, and the button whose tap must come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot import cli
from bot.app import App
from bot.settings import Settings
from bot.setup import button, doctor
from core.errors import StartupError
from tests.bot.serving import serving, settled
from tests.fakes.telegram import FakeTelegram
from tests.platforms import (
    MAKERS,
    PATHS,
    RunningClock,
    account_on,
    company_with,
    free_port,
    settings_for,
    until,
)

SECRETS = ("xoxb-", "xapp-", "0123456789abcdef", "7000001:", "the-channel-secret", "the-access-token")
HTTP = "http://127.0.0.1:{port}"


@dataclass
class Office:
    """The platforms' servers, the founder's accounts there, and a service to be started."""

    home: Path
    fakes: dict[str, Any]
    accounts: dict[str, str]
    """Ben's, by channel."""
    port: int
    clock: RunningClock

    def settings(self, **more: Any) -> Settings:
        base = HTTP.format(port=self.port)
        values = {
            "LOOPOS_BASE_URL": base,
            "LOOPOS_LINE_REDELIVERY": "confirmed",
            "LOOPOS_WHISPER": "off",
            **more,
        }
        return settings_for(self.home, self.fakes, self.port, **values)

    @contextlib.asynccontextmanager
    async def serving(self, settings: Settings) -> AsyncIterator[App]:
        async with serving(settings, self.clock) as app:
            for name, fake in self.fakes.items():
                fake.webhook_url = f"{HTTP.format(port=self.port)}{PATHS[name]}"
            if "line" in self.fakes and settings.base_url:
                await until(lambda: self.fakes["line"].default_menu is not None)
            yield app

    def place(self, channel: str) -> str:
        account = self.accounts[channel]
        return str(self.fakes[channel].dm(account)) if channel == "slack" else account

    async def test_card(self, channel: str) -> Any:
        """The newest message with the test button."""
        found: list[Any] = []

        async def shown() -> bool:
            found[:] = [
                one
                for one in await self.fakes[channel].chat(self.place(channel))
                if any(name.startswith("check:") for _, name in one.buttons)
            ]
            return bool(found)

        await until(shown)
        await asyncio.sleep(0.1)  # a person's thumb is not faster than our note of what was sent
        return found[-1]

    async def taps(self, channel: str) -> None:
        await self.fakes[channel].taps(self.accounts[channel], await self.test_card(channel), "check")


@contextlib.asynccontextmanager
async def office(home: Path, *channels: str) -> AsyncIterator[Office]:
    clock = RunningClock()
    async with contextlib.AsyncExitStack() as stack:
        fakes: dict[str, Any] = {}
        for name in channels:
            fakes[name] = MAKERS[name](clock)
            await fakes[name].start()
            stack.push_async_callback(fakes[name].stop)
        accounts = {name: account_on(fakes[name], name, "ben") for name in channels}
        company_with(home, {("ben", name): account for name, account in accounts.items()})
        yield Office(home, fakes, accounts, free_port(), clock)


async def found(settings: Settings) -> dict[str, list[str]]:
    """Only what is wrong."""
    everything = await doctor.findings_of(settings)
    for one in (line for lines in everything.values() for line in lines):
        assert "\n" not in one
        assert not any(secret in one for secret in SECRETS)
    return {name: lines for name, lines in everything.items() if lines}


# --- what is wrong


async def test_a_running_service_with_slack_and_line_is_well(tmp_path: Path) -> None:
    async with office(tmp_path, "slack", "line") as one:
        settings = one.settings()
        async with one.serving(settings):
            assert await found(settings) == {}


async def test_what_is_wrong_with_slack_is_named_with_its_cure(tmp_path: Path) -> None:
    async with office(tmp_path, "slack") as one, one.serving(one.settings()):
        slack = one.fakes["slack"]
        slack.scopes -= {"chat:write"}
        assert "lacks chat:write" in (await found(one.settings()))["slack"][0]
        slack.scopes |= {"chat:write"}
        slack.skew = timedelta(seconds=-90)
        assert re.search(r"(89|90|91) seconds ahead of Slack's", (await found(one.settings()))["slack"][0])
        slack.skew = timedelta()
        wrong = await found(one.settings(SLACK_BOT_TOKEN="xoxb-wrong"))
        assert "SLACK_BOT_TOKEN is refused" in wrong["slack"][0]
        (secret,) = (await found(one.settings(SLACK_SIGNING_SECRET="f" * 32)))["slack"]
        assert "another SLACK_SIGNING_SECRET" in secret
        elsewhere = await found(one.settings(LOOPOS_BASE_URL="http://127.0.0.1:9"))
        assert "/slack/events cannot be reached" in elsewhere["slack"][0]
        assert "/healthz cannot be reached" in elsewhere["address"][0]
        assert str(one.port) in elsewhere["address"][0]


async def test_over_a_socket_slack_needs_no_signing_secret(tmp_path: Path) -> None:
    async with office(tmp_path, "slack") as one:
        socket = {"SLACK_SIGNING_SECRET": None, "LOOPOS_BASE_URL": None}
        assert await found(one.settings(SLACK_APP_TOKEN="xapp-1", **socket)) == {}
        (app,) = (await found(one.settings(SLACK_APP_TOKEN="xapp-wrong", **socket)))["slack"]
        assert "SLACK_APP_TOKEN is refused" in app


async def test_what_is_wrong_with_line_is_named_with_its_cure(tmp_path: Path) -> None:
    async with office(tmp_path, "line") as one, one.serving(one.settings()):
        line = one.fakes["line"]
        (redelivery,) = (await found(one.settings(LOOPOS_LINE_REDELIVERY=None)))["line"]
        assert "LOOPOS_LINE_REDELIVERY=confirmed" in redelivery
        (token,) = (await found(one.settings(LINE_CHANNEL_ACCESS_TOKEN="wrong")))["line"]
        assert "Issue a new one" in token
        line.clock_is_off = timedelta(minutes=5)
        assert re.search(r"(299|300) s behind LINE's", (await found(one.settings()))["line"][0])
        line.clock_is_off = timedelta()
        line.secret = "another"
        assert "LINE_CHANNEL_SECRET is not this channel's" in (await found(one.settings()))["line"][0]
        line.active = False
        assert "Switch on Use webhook" in (await found(one.settings()))["line"][0]
        line.endpoint = "https://elsewhere.example/line/webhook"
        assert "LINE sends to https://elsewhere.example" in (await found(one.settings()))["line"][0]


async def test_what_is_wrong_with_telegram_is_named_with_its_cure(tmp_path: Path) -> None:
    async with office(tmp_path, "telegram") as one:
        telegram: FakeTelegram = one.fakes["telegram"]
        polled = one.settings(LOOPOS_BASE_URL=None)
        assert await found(polled) == {}
        (token,) = (await found(one.settings(LOOPOS_BASE_URL=None, TELEGRAM_BOT_TOKEN="1:wrong")))["telegram"]
        assert "@BotFather" in token
        telegram.hook = {"url": "https://elsewhere.example/hook"}
        assert "sends this bot's updates to a webhook" in (await found(polled))["telegram"][0]
        settings = one.settings(LOOPOS_BASE_URL="https://127.0.0.1:9")
        assert "instead of to https://127.0.0.1:9/telegram/webhook" in (await found(settings))["telegram"][0]


async def test_a_platform_that_hangs_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "WITHIN", 0.3)
    async with office(tmp_path, "slack", "telegram") as one:
        one.fakes["slack"].fail("auth.test", "hang")
        wrong = await found(
            one.settings(LOOPOS_BASE_URL=None, SLACK_APP_TOKEN="xapp-1", TELEGRAM_BOT_TOKEN="1:wrong")
        )
        assert "did not end within" in wrong["slack"][0]
        assert "@BotFather" in wrong["telegram"][0]


async def test_accounts_that_lead_nowhere_and_a_founder_without_one_are_found(tmp_path: Path) -> None:
    async with office(tmp_path, "telegram") as one:
        file = tmp_path / "company" / "team.json"
        team = json.loads(file.read_text())
        team[0]["identities"] = {"whatsapp": ["+1"]}
        file.write_text(json.dumps(team))
        channel, founder = (await found(one.settings(LOOPOS_BASE_URL=None)))["accounts"]
        assert "team.json gives ben an account on 'whatsapp'" in channel
        assert "Ben, the founder, has no account on telegram" in founder and "/link CODE" in founder


async def _listen(port: int, answer: Callable[[web.Request], Any]) -> web.AppRunner:
    http = web.Application()
    http.router.add_get("/healthz", answer)
    runner = web.AppRunner(http, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def test_a_port_that_somebody_else_holds_is_a_finding(tmp_path: Path) -> None:
    async def other(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def loopos(_request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async with office(tmp_path) as one:
        settings = one.settings()
        for answer, words, outside in (
            (other, "cannot be used", "something else than LoopOS"),
            (loopos, "another LOOPOS_HOME", ""),
        ):
            runner = await _listen(one.port, answer)
            try:
                wrong = await found(settings)
                assert words in wrong["port"][0]
                assert outside in wrong.get("address", [""])[0]
            finally:
                await runner.cleanup()


def test_the_command_prints_one_line_each_or_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    monkeypatch.setenv("PORT", str(free_port()))
    assert cli.main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith("All well.\n")
    monkeypatch.setenv("LOOPOS_BASE_URL", "http://127.0.0.1:9")
    assert cli.main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False and len(told["findings"]["address"]) == 1
    assert told["findings"]["home"] == []


# --- the button


@pytest.mark.parametrize("channel", ["slack", "telegram", "line"])
async def test_the_button_is_shown_and_its_tap_comes_back(tmp_path: Path, channel: str) -> None:
    async with office(tmp_path, channel) as one:
        # Telegram takes no http address: here it is polled.
        settings = one.settings(LOOPOS_BASE_URL=None) if channel == "telegram" else one.settings()
        said: list[str] = []
        async with one.serving(settings) as app:
            pressing = asyncio.create_task(button.press(settings, 20, said.append))
            await one.taps(channel)
            outcome = await pressing
            assert outcome.findings == {}
            assert outcome.taps.keys() == {channel}
            assert said[-1].startswith(f"✓ {channel}: your tap arrived after ")

            # The service knows the message: it changes it, or says so anew where nothing can be changed.
            async def answered() -> bool:
                return "It works" in (await one.fakes[channel].chat(one.place(channel)))[-1].text

            await until(answered)
            await settled(app)
            chat = await one.fakes[channel].chat(one.place(channel))
            assert len([shown for shown in chat if "Test" in shown.text]) == (2 if channel == "line" else 1)


async def test_a_tap_that_does_not_come_back_is_a_finding_with_the_address_to_look_at(tmp_path: Path) -> None:
    async with office(tmp_path, "slack", "line") as one:
        settings = one.settings()
        async with one.serving(settings):
            one.fakes["slack"].webhook_url = "http://127.0.0.1:9/slack/events"
            pressing = asyncio.create_task(button.press(settings, 1.5, lambda _line: None))
            await one.taps("slack")
            await one.taps("line")
            outcome = await pressing
        assert outcome.taps.keys() == {"line"}
        (missed,) = outcome.findings["slack"]
        assert "no tap arrived within 1.5 s" in missed
        assert f"Request URL under Interactivity & Shortcuts is {settings.base_url}/slack/events" in missed


async def test_a_founder_without_an_account_and_a_refused_send_are_findings(tmp_path: Path) -> None:
    async with office(tmp_path, "slack", "line") as one:
        team = tmp_path / "company" / "team.json"
        people = json.loads(team.read_text())
        del people[0]["identities"]["line"]
        team.write_text(json.dumps(people))
        settings = one.settings()
        async with one.serving(settings) as app:
            one.fakes["slack"].fail("chat.postMessage", "revoked")
            outcome = await button.press(settings, 5, lambda _line: None)
            await settled(app)
        assert "no account on line" in outcome.findings["line"][0]
        assert "could not be sent: SLACK_BOT_TOKEN is refused" in outcome.findings["slack"][0]
        assert one.fakes["slack"].called("chat.postMessage") == []  # nor did the service send it


async def test_without_a_service_it_says_so_at_once(tmp_path: Path) -> None:
    async with office(tmp_path, "slack") as one:
        with pytest.raises(StartupError, match="Start `loopos serve`"):
            await button.press(one.settings(), 20, lambda _line: None)
        assert one.fakes["slack"].calls == []


@pytest.mark.long
async def test_the_button_between_two_real_processes(tmp_path: Path) -> None:
    async with office(tmp_path, "slack") as one:
        slack, url = one.fakes["slack"], HTTP.format(port=one.port)
        environment = {
            **os.environ,
            "LOOPOS_HOME": str(tmp_path),
            "PORT": str(one.port),
            "LOOPOS_BASE_URL": url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.api_url,
            "LOOPOS_WHISPER": "off",
        }

        async def loopos(*args: str) -> asyncio.subprocess.Process:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                *args,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )

        service = await loopos("serve")
        try:
            assert service.stdout is not None
            assert b"ready" in await service.stdout.readline()
            slack.webhook_url = f"{url}/slack/events"
            asking = await loopos("doctor", "--button", "--timeout", "30", "--json")
            await one.taps("slack")
            out, _ = await asking.communicate()
            assert asking.returncode == 0, out
            assert json.loads(out)["taps"].keys() == {"slack"}
            well = await loopos("doctor", "--json")
            out, _ = await well.communicate()
            assert json.loads(out)["ok"] is True, out
        finally:
            service.terminate()
            await service.communicate()


def test_a_home_that_nothing_can_be_kept_in_is_found(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    def found(home: Path) -> list[str]:
        return list(doctor.CHECKS["home"](Settings.model_validate({"LOOPOS_HOME": home})))

    for home in (file, file / "below"):
        assert found(home) == [
            f"LOOPOS_HOME ({home}) cannot be written: {file} is no folder. Set LOOPOS_HOME to another one."
        ]
    if Path("/proc/self").exists():
        (said,) = found(Path("/proc/home"))
        assert (
            said.startswith("LOOPOS_HOME (/proc/home) cannot be written: ")
            and "Check /proc (its owner" in said
        )
    assert found(tmp_path / "made" / "at the start") == []
    assert sorted(tmp_path.iterdir()) == [file]
    link = tmp_path / "unmounted"
    link.symlink_to(tmp_path / "nowhere")
    assert found(link) == [
        f"LOOPOS_HOME ({link}) cannot be written: {link} is no folder. Set LOOPOS_HOME to another one."
    ]
