"""What was adopted reaches the company's repository: a branch with one commit and a pull request, across refusals and outages."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.cli import main
from bot.pull_requests import HostRefused, inert, owner_and_repo
from bot.settings import DATA
from core.workflow import rule_view, rules
from tests.brain.test_rules import proposed, rule
from tests.fakes.github import TOKEN, GitHub
from tests.platforms import free_port
from tests.world import World, open_world


def git(folder: Path, *args: str) -> str:
    who = ("-c", "user.name=Op", "-c", "user.email=op@localhost")
    return subprocess.run(
        ["git", "-C", str(folder), *who, *args], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[GitHub]:
    repository = tmp_path / "acme" / "company.git"
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet", "--bare", "--initial-branch=main")
    one, port = GitHub(repository), free_port()
    runner = web.AppRunner(one.app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    one.url = f"http://127.0.0.1:{port}"
    yield one
    await runner.cleanup()


@pytest.fixture
def folder(tmp_path: Path, hub: GitHub) -> Path:
    """The company's own repository, with the remote that a person has set up."""
    made = tmp_path / "company"
    shutil.copytree(DATA / "company", made)
    git(made, "init", "--quiet", "--initial-branch=main")
    git(made, "add", ".")
    git(made, "commit", "--quiet", "-m", "ours")
    git(made, "remote", "add", "origin", str(hub.repository))
    git(made, "push", "--quiet", "origin", "main")
    return made


@pytest.fixture
async def world(tmp_path: Path, folder: Path, hub: GitHub) -> AsyncIterator[World]:
    settings: dict[str, Any] = {"LOOPOS_COMPANY": folder, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": hub.url}
    async with open_world(tmp_path / "home", **settings) as one:
        yield one


CAP = rule("lower_cap", {"category": "pest"}, then={"cap_usd": "20"})


async def adopted(world: World) -> str:
    name = await proposed(world, CAP)
    await (await world.card("ben", "rule")).tap("adopt")
    return name


async def row_of(world: World, name: str) -> dict[str, Any]:
    return dict(await world.do(lambda tx: rule_view.told(rules.find(tx, name))))


def heads(hub: GitHub) -> list[str]:
    return git(hub.repository, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()


async def test_a_yes_is_a_branch_with_one_commit_and_a_pull_request_with_a_brief(
    world: World, hub: GitHub, folder: Path
) -> None:
    (folder / "properties.json").write_text((folder / "properties.json").read_text() + "\n")
    git(folder, "add", "properties.json")
    name = await adopted(world)
    row = await row_of(world, name)
    assert row["branch"] == f"loopos/{name}-v1"
    assert heads(hub) == [row["branch"], "main"]
    changed = git(hub.repository, "log", "--format=%an|%s", "--name-only", f"main..{row['branch']}").split(
        "\n"
    )
    assert [one for one in changed if one] == [f"LoopOS|rule {name}: version 1", f"rules/{name}.json"]
    (pull,) = hub.pulls
    assert (pull["state"], pull["base"]["ref"]) == ("open", "main")
    assert "Goal:" in pull["body"]
    assert row["pull_request"] == pull["html_url"]
    assert [one["event"] for one in row["history"]] == [
        "proposed",
        "approved",
        "committed",
        "pushed",
        "shipped",
    ]
    # What lies changed and staged beside it stays so, and it holds already, merged or not.
    assert git(folder, "diff", "--cached", "--name-only").split() == ["properties.json"]
    assert [one.rule_id for one in world.app.services.company.rules] == [name]
    assert TOKEN not in (folder / ".git" / "config").read_text()


async def test_taken_back_before_the_merge_its_pull_request_is_closed_and_after_it_another_is_made(
    world: World, hub: GitHub
) -> None:
    await adopted(world)
    await (await world.card("ben", "rule")).tap("rollback")
    assert hub.pulls[0]["state"] == "closed"
    name = await proposed(world, rule("lower_cap", {"category": "pest"}, then={"cap_usd": "30"}))
    await (await world.card("ben", "rule")).tap("adopt")
    hub.merge(2)
    await (await world.card("ben", "rule")).tap("rollback")
    back = hub.pulls[2]
    assert back["head"]["ref"] == f"loopos/{name}-v1-rollback"
    assert git(hub.repository, "diff", "--name-status", "main", back["head"]["ref"]).split() == [
        "D",
        f"rules/{name}.json",
    ]


async def test_a_skill_too(world: World, hub: GitHub, folder: Path) -> None:
    path = folder / "skills" / "taipei_ac_leak.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "auth_cap_usd": "150.00"}))
    await world.app.company_files.look()
    await world.settle()
    await (await world.card("ben", "skill")).tap("adopt")
    (pull,) = hub.pulls
    assert pull["head"]["ref"] == "loopos/taipei_ac_leak-v2"
    assert (
        json.loads(git(hub.repository, "show", "loopos/taipei_ac_leak-v2:skills/taipei_ac_leak.json"))[
            "auth_cap_usd"
        ]
        == "150.00"
    )


async def test_a_host_that_is_down_is_told_once_and_tried_again_and_nothing_is_lost(
    world: World, hub: GitHub
) -> None:
    hub.status = 502
    name = await adopted(world)
    assert [one.rule_id for one in world.app.services.company.rules] == [name]
    for _ in range(3):
        world.clock.at += timedelta(seconds=45)
        await world.settle()
    said = [one for one in await world.texts("ben") if "could not be put into" in one]
    assert len(said) == 1
    assert len(hub.asked) >= 2
    hub.status = 0
    world.clock.at += timedelta(hours=1)
    await world.settle()
    assert (await row_of(world, name))["pull_request"] == hub.pulls[0]["html_url"]
    assert len(hub.pulls) == 1


async def test_a_refused_token_is_told_and_tried_again_when_somebody_asks(
    world: World,
    hub: GitHub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
) -> None:

    hub.status = 401
    name = await adopted(world)
    asked = len(hub.asked)
    world.clock.at += timedelta(hours=2)
    await world.settle()
    assert len(hub.asked) == asked, "no by itself"
    assert any("401" in one for one in await world.texts("ben"))
    for key, value in {
        "LOOPOS_HOME": str(world.app.settings.home), "LOOPOS_DEMO": "1", "LOOPOS_COMPANY": str(folder),
        "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": hub.url,
    }.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    assert await asyncio.to_thread(main, ["rules", "ship", name]) == 1
    capsys.readouterr()
    hub.status = 0
    assert await asyncio.to_thread(main, ["rules", "ship", name, "--json"]) == 0
    assert (await row_of(world, name))["pull_request"] == hub.pulls[0]["html_url"]
    out = capsys.readouterr()
    assert json.loads(out.out) == {"shipped": [name], "failed": []}
    assert TOKEN not in out.out + out.err


async def test_a_remote_that_refuses_the_push_keeps_it_here(
    world: World, hub: GitHub, tmp_path: Path
) -> None:
    hook = hub.repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'protected branch' >&2\nexit 1\n")
    hook.chmod(0o755)
    name = await adopted(world)
    row = await row_of(world, name)
    assert (row["status"], row["branch"]) == ("approved", None)
    assert row["history"][-1]["event"] == "failed"
    assert heads(hub) == ["main"]
    hook.unlink()
    world.clock.at += timedelta(minutes=5)
    await world.settle()
    assert (await row_of(world, name))["branch"] == f"loopos/{name}-v1"


async def test_the_remote_has_gone_on_meanwhile(world: World, hub: GitHub, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "--quiet", str(hub.repository), str(other)], check=True)
    (other / "README.md").write_text("somebody else")
    git(other, "add", ".")
    git(other, "commit", "--quiet", "-m", "theirs")
    git(other, "push", "--quiet", "origin", "main")
    name = await adopted(world)
    branch = (await row_of(world, name))["branch"]
    assert git(hub.repository, "rev-list", "--count", f"main..{branch}").strip() == "1"
    assert "README.md" in git(hub.repository, "ls-tree", "--name-only", branch)


async def test_without_a_remote_it_is_a_commit_and_no_more(tmp_path: Path) -> None:
    async with open_world(tmp_path / "home") as world:
        name = await adopted(world)
        row = await row_of(world, name)
        assert len(row["commit"]) == 40
        assert (row["branch"], row["pull_request"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ask @ben", "ask @\u200bben"),
        ("see #12", "see #\u200b12"),
        ("<img src=x> & co", "&lt;img src=x&gt; &amp; co"),
        ("GH-12", "GH-\u200b12"),
        ("5 # 6, a@ b", "5 # 6, a@ b"),
    ],
)
def test_nothing_in_a_text_is_live_there(text: str, said: str) -> None:
    assert inert(text) == said


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/acme/company.git",
        "git@github.com:acme/company.git",
        "/srv/acme/company.git",
        "/srv/acme/company/",
    ],
)
def test_owner_and_repository_are_the_last_two_parts(address: str) -> None:
    assert owner_and_repo(address) == ("acme", "company")


def test_an_address_without_them_is_refused() -> None:
    with pytest.raises(HostRefused):
        owner_and_repo("company.git")


async def test_a_later_version_that_is_taken_back_is_undone_at_the_remote_too(
    world: World, hub: GitHub, folder: Path
) -> None:
    path = folder / "skills" / "taipei_ac_leak.json"
    for cap in ("150.00", "140.00"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "auth_cap_usd": cap}))
        await world.app.company_files.look()
        await world.settle()
        await (await world.card("ben", "skill")).tap("adopt")
    assert [one["state"] for one in hub.pulls] == ["closed", "open"], (
        "the second takes the place of the first"
    )
    hub.merge(2)
    await (await world.card("ben", "skill")).tap("rollback")
    back = hub.pulls[-1]
    assert back["head"]["ref"] == "loopos/taipei_ac_leak-v3-rollback"
    there = json.loads(git(hub.repository, "show", f"{back['head']['ref']}:skills/taipei_ac_leak.json"))
    assert there["auth_cap_usd"] == "150.00"
