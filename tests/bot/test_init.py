"""Set-up as an operator does it: questions, refusals, the file that is left, and the founder's way in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import cli
from bot.settings import read_settings
from bot.setup import init
from bot.setup.dialog import Dialog
from channels.slack.setup import SCOPES
from core.company.loader import load_company
from tests.bot.serving import serving, settled
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.line import LineFake
from tests.fakes.openai import FakeOpenAI
from tests.fakes.slack import FakeSlack
from tests.fakes.telegram import TOKEN, FakeTelegram
from tests.platforms import MAKERS, PATHS, RunningClock, free_port, until
from tests.voice.clips import MODEL

SECRETS = (
    "xoxb-1",
    "xapp-1",
    "0123456789abcdef0123456789abcdef",
    TOKEN,
    "the-channel-secret",
    "the-access-token",
)


@dataclass
class Script:
    """(part of a question, its answer), in the order in which they are asked."""

    answers: list[tuple[str, str]]
    said: list[str] = field(default_factory=list)

    def answer(self, question: str) -> str:
        self.said.append(question)
        assert self.answers, f"not foreseen: {question}"
        wanted, answer = self.answers.pop(0)
        assert wanted in question, f"{question!r} instead of {wanted!r}"
        return answer

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    def code(self, title: str) -> str:
        found = re.search(rf"{title}: write  /link ([a-z0-9]{{5}}-[a-z0-9]{{5}})", self.text)
        assert found is not None, self.text
        return found[1]


@dataclass
class Place:
    home: Path
    port: int
    slack: FakeSlack
    telegram: FakeTelegram
    line: LineFake
    anthropic: FakeAnthropic
    openai: FakeOpenAI

    async def init(
        self,
        *answers: tuple[str, str],
        models_and_speech: tuple[str, str, str] = ("", "", ""),
        defaults: bool = False,
    ) -> tuple[int, Script]:
        """`minds`: the answers about both keys and the voice model; nothing is wanted where nothing is said."""
        asked = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "Voice model")
        return await self.answers(*answers, *zip(asked, models_and_speech, strict=True), defaults=defaults)

    async def answers(self, *answers: tuple[str, str], defaults: bool = False) -> tuple[int, Script]:
        script = Script([] if defaults else list(answers))
        dialog = Dialog(script.answer, script.answer, script.said.append)
        if defaults:
            dialog = Dialog(lambda _: "", lambda _: "", script.said.append)
        code = await asyncio.to_thread(init.run, take_defaults=defaults, dialog=dialog)
        assert not script.answers, "more was foreseen than asked"
        for secret in SECRETS:
            assert secret not in script.text
        return code, script

    @property
    def env(self) -> str:
        return (self.home / "env").read_text()


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    clock = RunningClock()
    async with contextlib.AsyncExitStack() as stack:
        fakes: dict[str, Any] = {}
        for name, make in MAKERS.items():
            fakes[name] = make(clock)
            await fakes[name].start()
            stack.push_async_callback(fakes[name].stop)
        port = free_port()
        home = tmp_path / "home"
        for mind in (FakeAnthropic(), FakeOpenAI()):
            await mind.start()
            stack.push_async_callback(mind.stop)
            fakes[type(mind).__name__] = mind
        anthropic, openai = fakes.pop("FakeAnthropic"), fakes.pop("FakeOpenAI")
        # No model of this machine is an ear here.
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        for variable, value in {
            "ANTHROPIC_BASE_URL": anthropic.url,
            "LOOPOS_HOME": home,
            "PORT": port,
            "LOOPOS_PACE": 1000,
            "SLACK_API_URL": fakes["slack"].api_url,
            "TELEGRAM_API_URL": fakes["telegram"].url,
            "LINE_API_URL": fakes["line"].url,
            "LINE_DATA_API_URL": fakes["line"].url,
        }.items():
            monkeypatch.setenv(variable, str(value))
        yield Place(home, port, **fakes, anthropic=anthropic, openai=openai)


def all_three(place: Place) -> list[tuple[str, str]]:
    return [
        ("Which platforms", "slack, Telegram line"),
        ("Public address", f"https://127.0.0.1:{place.port}/"),
        ("SLACK_BOT_TOKEN", "xoxb-wrong"),
        ("SLACK_BOT_TOKEN", "xoxb-1"),
        ("SLACK_SIGNING_SECRET", "too short"),
        ("SLACK_SIGNING_SECRET", "0123456789abcdef0123456789abcdef"),
        ("TELEGRAM_BOT_TOKEN", "7000001:wrong"),
        ("TELEGRAM_BOT_TOKEN", TOKEN),
        ("LINE_CHANNEL_SECRET", "the-channel-secret"),
        ("LINE_CHANNEL_ACCESS_TOKEN", "wrong"),
        ("LINE_CHANNEL_ACCESS_TOKEN", "the-access-token"),
        ("Webhook redelivery", "y"),
    ]


async def test_three_platforms_are_set_up_and_the_founder_gets_in_with_his_codes(place: Place) -> None:
    code, script = await place.init(*all_three(place))
    assert code == 0
    assert "SLACK_BOT_TOKEN is refused by Slack (invalid_auth)" in script.text
    assert "TELEGRAM_BOT_TOKEN is refused" in script.text and "LINE refuses" in script.text
    for us in ("@loopos in Warm Stays", "@loopos_test_bot", "LoopOS (@loopos)"):
        assert f"✓ {us}" in script.text
    assert stat.S_IMODE((place.home / "env").stat().st_mode) == 0o600
    assert stat.S_IMODE(place.home.stat().st_mode) == 0o700
    assert "LOOPOS_LINE_REDELIVERY=confirmed" in place.env
    base = f"https://127.0.0.1:{place.port}"
    assert place.telegram.hook["url"] == f"{base}/telegram/webhook"
    assert place.telegram.menus["zh"] and place.line.default_menu
    assert place.line.endpoint == f"{base}/line/webhook"
    manifest = json.loads((place.home / "slack-manifest.json").read_text())
    assert manifest["settings"]["interactivity"]["request_url"] == f"{base}/slack/events"
    assert "By hand: paste" in script.text and "Auto-response off" in script.text
    deep = f"https://t.me/loopos_test_bot?start={script.code('Telegram')}"
    assert deep in script.text
    codes = [script.code(title) for title in ("Slack", "Telegram", "LINE")]
    assert len(set(codes)) == 3

    fakes: dict[str, Any] = {"slack": place.slack, "telegram": place.telegram, "line": place.line}
    settings = read_settings()
    assert not settings.demo
    async with serving(settings, RunningClock()) as app:
        for name, fake in fakes.items():
            fake.webhook_url = f"http://127.0.0.1:{place.port}{PATHS[name]}"
        place.slack.person("UBEN", "Ben")
        ben = {"slack": "UBEN", "telegram": place.telegram.person("Ben"), "line": place.line.user("ben")}
        await place.slack.commands(ben["slack"], "/link", codes[0])
        await place.telegram.says(ben["telegram"], f"/start {codes[1]}")
        await place.line.says(ben["line"], f"/link {codes[2]}")

        def known() -> bool:
            company = app.services.company
            return set(company.accounts_of(company.founder)) == set(ben.items())

        await until(known)
        await settled(app)
        place_of = {"slack": place.slack.dm(ben["slack"])}
        for name, fake in fakes.items():
            assert any("Welcome, Ben" in one.text for one in await fake.chat(place_of.get(name, ben[name])))
        # A code works once.
        stranger = place.line.user("stranger")
        await place.line.says(stranger, f"/link {codes[2]}")
        await settled(app)
        assert app.services.person_at("line", stranger) is None

    # Known everywhere: no more codes.
    assert (await place.init(defaults=True))[1].text.count("/link") == 0


async def test_without_an_address_slack_uses_a_socket_and_telegram_is_polled(place: Place) -> None:
    code, script = await place.init(
        ("Which platforms", "slack telegram"),
        ("Public address", ""),
        ("SLACK_BOT_TOKEN", "xoxb-1"),
        ("SLACK_APP_TOKEN", "xapp-wrong"),
        ("SLACK_APP_TOKEN", "xapp-1"),
        ("TELEGRAM_BOT_TOKEN", TOKEN),
    )
    assert code == 0
    assert "SLACK_APP_TOKEN is refused" in script.text and "Socket Mode works." in script.text
    assert json.loads((place.home / "slack-manifest.json").read_text())["settings"]["socket_mode_enabled"]
    assert "updates are polled for" in script.text
    assert "✗" not in script.text.split("Written:")[1].split("Models and voice:")[0]
    assert read_settings().slack_app_token is not None


async def test_missing_scopes_are_named_at_once(place: Place) -> None:
    place.slack.scopes -= {"im:write", "files:read"}
    _, script = await place.init(
        ("Which platforms", "slack"),
        ("Public address", ""),
        ("SLACK_BOT_TOKEN", "xoxb-1"),
        ("SLACK_APP_TOKEN", "xapp-1"),
    )
    assert "✗ The Slack app lacks files:read, im:write." in script.text


async def test_a_platform_whose_token_is_not_taken_is_left_out_and_nothing_of_it_is_kept(
    place: Place,
) -> None:
    code, script = await place.init(
        ("Which platforms", "line"),
        ("Public address", "no address"),
        ("Public address", ""),
        ("LINE_CHANNEL_SECRET", "your-channel-secret"),
        ("LINE_CHANNEL_SECRET", "the-channel-secret"),
        ("LINE_CHANNEL_ACCESS_TOKEN", "wrong"),
        ("LINE_CHANNEL_ACCESS_TOKEN", ""),
    )
    assert code == 1
    assert "LINE is left out." in script.text and "stays deaf" in script.text
    assert not (place.home / "env").exists()


async def test_done_again_it_keeps_what_is_there_and_other_lines(place: Place) -> None:
    await place.init(*all_three(place))
    with (place.home / "env").open("a") as file:
        file.write("# mine\nLOOPOS_ESCALATE_AFTER=60\n")
    code, script = await place.init(
        ("Which platforms? Any of slack, telegram, line [slack, telegram, line]", "line, slack"),
        ("Public address", ""),
        ("SLACK_BOT_TOKEN [as it is]", ""),
        ("SLACK_SIGNING_SECRET [as it is]", "f" * 32),
        ("LINE_CHANNEL_SECRET [as it is]", ""),
        ("LINE_CHANNEL_ACCESS_TOKEN [as it is]", ""),
        ("Is Webhook redelivery on? y or n [y]", "n"),
    )
    assert code == 0, script.text
    lines = place.env.splitlines()
    assert f"SLACK_SIGNING_SECRET={'f' * 32}" in lines and "SLACK_BOT_TOKEN=xoxb-1" in lines
    assert f"TELEGRAM_BOT_TOKEN={TOKEN}" in lines
    assert lines[-2:] == ["# mine", "LOOPOS_ESCALATE_AFTER=60"]
    assert "LOOPOS_LINE_REDELIVERY" not in place.env
    assert "redelivery cannot be read by API" in script.text


async def test_tokens_of_the_environment_are_used_and_not_copied(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    code, script = await place.init(defaults=True)
    assert code == 0
    assert "✓ @loopos_test_bot" in script.text and script.code("Telegram")
    assert not (place.home / "env").exists()
    assert load_company(place.home / "company").founder.id == "ben"
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "7000001:wrong")
    assert (await place.init(defaults=True))[0] == 1


async def test_what_the_environment_overrules_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPOS_BASE_URL", "https://old.example")
    _, script = await place.init(
        ("Which platforms", "telegram"),
        ("Public address", "https://new.example"),
        ("TELEGRAM_BOT_TOKEN", TOKEN),
    )
    assert "✗ LOOPOS_BASE_URL is also set in the environment" in script.text


# --- models and voice


async def test_both_keys_are_tried_at_their_vendor_and_kept_for_the_operator_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", place.openai.base)
    code, script = await place.answers(
        ("Which platforms", ""),
        ("ANTHROPIC_API_KEY [leave out]", "sk-canary-wrong"),
        ("ANTHROPIC_API_KEY [leave out]", place.anthropic.key),
        ("OPENAI_API_KEY [leave out]", place.openai.key),
        ("Voice model [openai]", ""),
    )
    assert code == 0, script.text
    assert "✗ anthropic: the key is refused (401): check ANTHROPIC_API_KEY" in script.text
    assert script.text.count("✓ The key works.") == 2
    assert "Models and voice:" not in script.text
    assert place.anthropic.key not in script.text and "canary" not in script.text
    lines = set(place.env.splitlines())
    assert lines == {f"ANTHROPIC_API_KEY={place.anthropic.key}", f"OPENAI_API_KEY={place.openai.key}"}
    assert stat.S_IMODE((place.home / "env").stat().st_mode) == 0o600
    assert place.anthropic.calls == place.openai.calls == []


async def test_who_wants_neither_presses_enter_and_hears_what_is_missing(place: Place) -> None:
    code, script = await place.init(("Which platforms", ""))
    assert code == 0
    assert "✗ No ear is configured" in script.text and "hf download" in script.text
    assert not (place.home / "env").exists()


async def test_a_vendor_that_is_not_reached_is_left_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    code, script = await place.answers(
        ("Which platforms", ""),
        ("ANTHROPIC_API_KEY", "sk-canary-1"),
        ("ANTHROPIC_API_KEY", ""),
        ("OPENAI_API_KEY", ""),
        ("Voice model", "off"),
    )
    assert code == 0
    assert "anthropic cannot be reached" in script.text and "ANTHROPIC_BASE_URL" in script.text
    assert "canary" not in script.text
    assert place.env == "LOOPOS_WHISPER=off\n"


async def test_a_good_key_is_kept_although_a_model_is_unknown_and_that_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOPOS_FAST_MODEL", "parrot-1")
    code, script = await place.init(
        ("Which platforms", ""), models_and_speech=(place.anthropic.key, "", "off")
    )
    assert code == 0
    assert "✗ anthropic: the model parrot-1 is not known there: set LOOPOS_FAST_MODEL." in script.text
    assert "ANTHROPIC_API_KEY=" in place.env


async def test_a_voice_model_is_named_now_and_may_be_fetched_later(place: Place) -> None:
    code, script = await place.answers(
        ("Which platforms", ""),
        ("ANTHROPIC_API_KEY", ""),
        ("OPENAI_API_KEY", ""),
        ("Voice model [none]", "smal"),
        ("Voice model [none]", "openai"),
        ("Voice model [none]", "/nowhere/at/all"),
        ("Voice model [none]", "medium"),
    )
    assert code == 0
    assert script.text.count("✗ There is no such model") == 2 and "needs OPENAI_API_KEY" in script.text
    assert "Fetch it once with: hf download Systran/faster-whisper-medium" in script.text
    assert place.env.splitlines() == ["LOOPOS_WHISPER=local", "LOOPOS_WHISPER_MODEL=medium"]
    _, again = await place.init(("Which platforms", ""), models_and_speech=("", "", str(MODEL)))
    assert "Voice model [local medium]" in again.text and "Models and voice:" not in again.text
    assert read_settings().whisper_model == str(MODEL)
    await place.init(("Which platforms", ""), models_and_speech=("", "", "off"))
    assert place.env.splitlines() == ["LOOPOS_WHISPER=off"]


# --- the file


def test_lines_of_an_env_file_are_replaced_where_they_stand() -> None:
    text = "# top\nexport PORT=1\nOTHER=x y\nPORT=2"
    assert init.merged(text, {"PORT": "3", "HOST": "::"}) == "# top\nPORT=3\nOTHER=x y\nHOST=::\n"
    assert init.merged(text, {"PORT": ""}) == "# top\nOTHER=x y\n"


def test_without_a_terminal_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["init"]) == 2
    assert "--yes-to-defaults" in capsys.readouterr().err


def test_the_manifest_is_printed_for_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    assert cli.main(["slack", "manifest"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["socket_mode_enabled"] is True
    monkeypatch.setenv("LOOPOS_BASE_URL", "https://loopos.example/")
    assert cli.main(["slack", "manifest", "--yaml"]) == 0
    manifest = yaml.safe_load(capsys.readouterr().out)
    assert manifest["settings"]["event_subscriptions"]["request_url"] == "https://loopos.example/slack/events"
    assert manifest["oauth_config"]["scopes"]["bot"] == list(SCOPES)
    assert "/tickets" in {one["command"] for one in manifest["features"]["slash_commands"]}


# --- settings


def test_a_wrong_setting_is_wrong_use_and_its_value_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    for variable, value in [
        ("PORT", "s3cret"),
        ("TELEGRAM_BOT_TOKEN", "<s3cret>"),
        ("SLACK_BOT_TOKEN", "xoxb-s3cret"),
        ("DATABASE_URL", "postgresql://user:s3cret@host/db"),
    ]:
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            assert cli.main(["doctor"]) == 2, variable
        err = capsys.readouterr().err
        assert variable.split("_")[0] in err
        assert "s3cret" not in err


def test_the_env_file_is_read_after_the_environment_and_must_be_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    file = tmp_path / "env"
    file.write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\nPORT=1234\nUNKNOWN=1\n")
    file.chmod(0o640)
    assert cli.main(["tickets"]) == 2
    assert f"chmod 600 {file}" in capsys.readouterr().err
    file.chmod(0o600)
    monkeypatch.setenv("PORT", "99")
    settings = read_settings()
    assert settings.port == 99
    assert settings.telegram_token is not None and settings.telegram_token.get_secret_value() == TOKEN
    monkeypatch.setenv("PORT", "")  # empty is not set
    assert read_settings().port == 1234
    file.write_bytes(b"\xff\xfe=1\n")
    assert cli.main(["tickets"]) == 2
