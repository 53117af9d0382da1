"""A disk that is full or damaged: said where somebody looks, refused where nothing could be kept, and nothing is lost."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select
from structlog.testing import capture_logs

from bot import cli
from bot.app import build
from bot.serve import http_app
from bot.settings import DATA
from core import housekeeping
from core.context import Tx
from core.errors import StartupError, TryLater
from core.store import schema
from core.store.tables import Counter, Owner
from core.store.url import file_of, sqlite_url
from tests.bot.test_process import loopos, post, start
from tests.channels.files import png
from tests.world import World, open_world, settings_for

MARK = "a-row-of-a-page-that-will-be-damaged"


def ready(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
            return int(answer.status), json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def becomes(true: Callable[[], bool]) -> None:
    """Patient: the disk is looked at every few seconds, on a machine that has other work."""
    for _ in range(300):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it never came")


@pytest.mark.long
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit (Linux)")
def test_a_disk_that_takes_nothing_is_not_ready_and_is_well_again_without_a_restart(tmp_path: Path) -> None:
    """B14 of docs/PROMISES.md. No file of the process may grow: the kernel refuses each write, as on a full disk."""
    process, url = start(tmp_path)
    message = json.dumps({"id": "12345678", "text": "Warm Taipei 洗碗機壞了"}).encode()
    photo = f"{url}/api/media?as=shirley", png(), "image/png"
    try:
        assert ready(url)[0] == 200
        whole = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        becomes(lambda: ready(url)[0] == 503)
        assert "cannot" in ready(url)[1]["why"]
        assert post(f"{url}/api/messages?as=shirley", message) == 503
        assert post(*photo) == 503
        assert "not ready" in loopos(tmp_path, "doctor", PORT=url.rsplit(":", 1)[1]).stdout
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, whole)
        becomes(lambda: ready(url)[0] == 200)
        assert post(f"{url}/api/messages?as=shirley", message) == 200
        assert post(*photo) == 200
        with contextlib.closing(sqlite3.connect(tmp_path / "loopos.db")) as db:
            assert db.execute("select count(*) from inbox").fetchone()[0] == 1
        assert not list((tmp_path / "media").glob(".*"))
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
async def door(world: World) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(http_app(world.app))) as client:
        yield client


async def why(door: TestClient[Any, Any]) -> str:
    """Why it is not ready; "" where it is."""
    async with door.get("/readyz") as answer:
        said = await answer.json()
        assert said["ready"] is (answer.status == 200)
        return str(said.get("why", ""))


async def test_whoever_asks_every_moment_makes_it_write_seldom(
    world: World, door: TestClient[Any, Any]
) -> None:
    begun, written = world.clock.at, set()
    for second in range(13):
        world.clock.at = begun + timedelta(seconds=second)
        assert [await why(door) for _ in range(3)] == ["", "", ""]
        written.add(
            await world.store.read(lambda session: session.scalars(select(Owner.beat_at)).one()) - begun
        )
    assert written == {timedelta(seconds=0), timedelta(seconds=5), timedelta(seconds=10)}


async def test_a_folder_that_takes_no_photo_is_not_ready(world: World, door: TestClient[Any, Any]) -> None:
    media = world.app.services.media
    media.touch()  # a file stands where the folder should
    assert "media/ cannot be written" in await why(door)
    media.unlink()
    world.clock.at += timedelta(seconds=5)
    assert await why(door) == ""
    assert list(media.iterdir()) == []


# --- damage


def fill(tx: Tx) -> None:
    for number in range(3000):
        tx.add(Counter(name=f"{number:04}{MARK}", value=0))


def damage(database: Path) -> int:
    """Overwrites pages in the middle of the file; returns how many."""
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        size = db.execute("pragma page_size").fetchone()[0]
    content = database.read_bytes()
    marked = [at for at in range(0, len(content), size) if content.count(MARK.encode(), at, at + size) > 10]
    with database.open("r+b") as file:
        for at in marked[::2]:
            file.seek(at)
            file.write(os.urandom(size))
    return len(marked[::2])


def way_back(said: str, database: Path) -> bool:
    return all(one in said for one in ("damaged", "backup", str(database), "-wal", "loopos doctor"))


async def test_damage_that_shows_while_it_runs_is_red_and_told_once(
    world: World, door: TestClient[Any, Any]
) -> None:
    database = file_of(world.app.settings.database)
    await world.do(fill)
    assert await why(door) == ""
    assert damage(database) > 3
    with pytest.raises(TryLater, match="damaged"):
        await world.store.read(
            lambda session: list(session.scalars(select(Counter.name).where(Counter.value == 0)))
        )
    assert way_back(await why(door), database)
    for _ in range(3):
        await world.app.watch.look()
        await world.settle()
    told = [text for text in await world.texts("ben") if "damaged" in text]
    assert len(told) == 1 and way_back(told[0], database)
    assert way_back(schema.fault(world.app.settings.database) or "", database)


async def test_what_meets_damage_is_no_fault_of_the_message(world: World) -> None:
    await world.do(fill)
    damage(file_of(world.app.settings.database))

    def reads_all(tx: Tx) -> None:
        list(tx.session.scalars(select(Counter.name).where(Counter.value == 0)))

    with pytest.raises(TryLater, match="damaged"):
        await world.do(reads_all)
    assert world.app.services.health["database"].worrying


async def damaged_home(home: Path) -> Path:
    async with open_world(home) as world:
        await world.do(fill)
    database = file_of(settings_for(home).database)
    assert damage(database) > 3
    return database


async def test_a_damaged_database_is_not_started_and_the_way_back_is_named(tmp_path: Path) -> None:
    """B17 of docs/PROMISES.md."""
    database = await damaged_home(tmp_path)
    with pytest.raises(StartupError) as refused:
        await build(settings_for(tmp_path))
    assert way_back(str(refused.value), database)
    for verb in ("serve", "doctor"):
        done = loopos(tmp_path, verb, PORT="0")
        assert done.returncode == 1
        assert way_back(done.stdout + done.stderr, database)
        assert "Traceback" not in done.stderr


LOOKS = (
    "tickets", "ticket T-1001", "cost", "cost all", "report bali_villa 2026-11", "asks", "status", "ls", "memo ls", "rules",
    "skills", "team", "clients", "company", "state",
)  # fmt: skip


@pytest.mark.parametrize("content", ["another program's", "noise", "words"])
def test_whoever_only_looks_is_told_what_is_wrong_with_the_database(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    shutil.copytree(DATA / "company", tmp_path / "company")
    database = file_of(settings_for(tmp_path).database)
    match content:
        case "another program's":
            with contextlib.closing(sqlite3.connect(database)) as db:
                db.execute("create table a (b)")
        case "noise":
            database.write_bytes(os.urandom(20_000))
        case _:
            database.write_text("hello")
    for verb in LOOKS:
        assert cli.main(verb.split()) == 1, verb
        said = capsys.readouterr().err
        assert said.startswith("loopos: ") and said.count("\n") == 1, verb
        assert "not a LoopOS database" in said or way_back(said, database), verb


@pytest.mark.long
async def test_a_cut_file_and_a_file_of_noise_name_the_way_back_too(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world:
        await world.do(fill)
    database = file_of(settings_for(tmp_path).database)
    whole = database.read_bytes()
    for content in (whole[: len(whole) // 2], os.urandom(20_000), whole[:100] + os.urandom(len(whole) - 100)):
        database.write_bytes(content)
        done = loopos(tmp_path, "serve", PORT="0")
        assert (done.returncode, "Traceback" in done.stderr) == (1, False)
        assert way_back(done.stderr, database)
        found = loopos(tmp_path, "doctor", PORT="0")
        assert (found.returncode, "Traceback" in found.stderr) == (1, False)
        assert way_back(found.stdout, database)
    database.write_bytes(whole)
    async with open_world(tmp_path) as world:
        assert world.app.services.health["database"].ailment is None


async def test_what_takes_long_to_check_is_started_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("create table much (x)")
        db.executemany("insert into much values (?)", ((os.urandom(900),) for _ in range(40_000)))
        db.commit()

    def logged() -> list[str]:
        with capture_logs() as log:
            schema.require_sound(sqlite_url(database))
        return [one["event"] for one in log]

    assert logged() == []
    with monkeypatch.context() as patched:
        patched.setattr(schema, "CHECK_WITHIN", 0.001)
        # Where the machine is so busy that the bell rings before the check has begun, the check is whole.
        assert any(logged() == ["database_not_checked"] for _ in range(20))
    monkeypatch.setattr(schema, "CHECKED_UP_TO", 30_000_000)
    assert logged() == ["database_not_checked"]


# --- what uploads left behind


def parts(media: Path, now: float) -> dict[str, Path]:
    """Files of the folder, each as if last written so many seconds ago."""
    media.mkdir(exist_ok=True)
    found = {}
    for name, ago in {"." + "a1" * 8: 3700, "." + "b2" * 8: 3500, "c3" * 32: 90_000, ".keep": 90_000}.items():
        found[name] = media / name
        found[name].write_bytes(b"x")
        os.utime(found[name], (now - ago, now - ago))
    return found


async def test_parts_of_uploads_are_swept_every_day_and_nothing_else(world: World) -> None:
    await world.do(housekeeping.ensure)
    await world.wait(minutes=5)
    stand = parts(world.app.services.media, world.clock.now().timestamp() + 300)
    await world.wait(minutes=5, seconds=1)
    assert [path.exists() for path in stand.values()] == [False, True, True, True]
    await world.wait(days=1)
    assert [path.exists() for path in stand.values()] == [False, False, True, True]


def test_parts_of_uploads_are_swept_at_the_start(tmp_path: Path) -> None:
    stand = parts(tmp_path / "media", time.time())
    process, _ = start(tmp_path)
    process.kill()
    process.communicate()
    assert [path.exists() for path in stand.values()] == [False, True, True, True]
