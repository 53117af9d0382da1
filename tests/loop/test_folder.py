"""The loop's folder: seeded once, edited by people and by the loop, nothing ever lost (acceptance cases 1, 2, 22)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from core import git
from core.errors import Refused
from core.loop.folder import FORMER_KEPT, LoopFolder

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> LoopFolder:
    one = LoopFolder(tmp_path / "loop")
    assert one.is_new()
    one.ensure(NOW)
    return one


def log_of(folder: LoopFolder) -> list[str]:
    return git.git(folder.path, "log", "--format=%s").splitlines()


def former(folder: LoopFolder) -> list[str]:
    return [one.read_text() for one in sorted((folder.path / "playbook.d").glob("*.md"))]


def test_01_it_is_seeded_once_and_edits_survive(folder: LoopFolder) -> None:
    assert folder.goals().keys() == {"setup", "playbook-daily"}
    assert "Guardrails" in folder.playbook()
    assert (folder.path / "sensors" / "today").stat().st_mode & 0o111
    (folder.path / "PLAYBOOK.md").write_text("Mine.\n")
    (folder.path / "goals" / "setup.md").unlink()
    assert not folder.is_new()
    folder.ensure(NOW)
    assert folder.playbook() == "Mine.\n"
    assert folder.goals().keys() == {"playbook-daily"}
    tracked = git.git(folder.path, "ls-files").splitlines()
    assert {"PLAYBOOK.md", "goals/setup.md", "config.json", "sensors/today", ".gitignore"} <= set(tracked)
    assert git.git(folder.path, "log", "-1", "--format=%an <%ae>").strip() == "LoopOS <loopos@localhost>"


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", ".x", "a b"])
def test_02_no_verb_writes_outside_of_its_folder(folder: LoopFolder, name: str) -> None:
    before = sorted(folder.path.rglob("*"))
    writers: list[Callable[[], object]] = [
        lambda: folder.write_goal(name, "x"),
        lambda: folder.archive_goal(name),
        lambda: folder.goal(name),
        lambda: folder.write_sensor(name, "echo"),
        lambda: folder.drop_sensor(name),
    ]
    for work in writers:
        with pytest.raises(Refused):
            work()
    assert sorted(folder.path.rglob("*")) == before


def test_22_each_playbook_of_before_is_kept_the_newest_twenty(folder: LoopFolder) -> None:
    first = folder.playbook()
    for number in range(FORMER_KEPT + 3):
        folder.write_playbook(f"body {number}", NOW + timedelta(seconds=number))
    kept = former(folder)
    assert len(kept) == FORMER_KEPT
    assert first not in kept
    assert kept[-1] == f"body {FORMER_KEPT + 1}\n"
    assert folder.playbook() == f"body {FORMER_KEPT + 2}\n"


def test_a_goal_is_archived_under_a_name_that_is_free(folder: LoopFolder) -> None:
    for _ in range(2):
        assert folder.write_goal("looop-inbox", "goal: empty it") == "inbox"
        assert folder.archive_goal("inbox") == "inbox"
    assert folder.archived() == ["inbox", "inbox-2"]
    with pytest.raises(Refused) as refused:
        folder.goal("inbox")
    assert refused.value.code == "unknown_goal"


def test_what_a_person_edits_counts_is_committed_and_loses_nothing(folder: LoopFolder) -> None:
    before = folder.playbook()
    (folder.path / "PLAYBOOK.md").write_text("By hand.\n")
    (folder.path / "goals" / "mine.md").write_text("goal: mine\n")
    (folder.path / "goals" / "setup.md").unlink()
    (folder.path / "reports" / "r.md").write_text("scratch")
    assert folder.take_over(NOW) == ["PLAYBOOK.md", "goals/mine.md", "goals/setup.md"]
    assert log_of(folder)[-1] == "the loop as it begins"
    assert {"by hand: PLAYBOOK.md", "by hand: goals/mine.md", "by hand: goals/setup.md"} <= set(
        log_of(folder)
    )
    assert former(folder) == [before]
    assert folder.take_over(NOW) == [], "once"
    assert "r.md" not in git.git(folder.path, "ls-files")


@pytest.mark.parametrize("how", ["empty", "gone", "folder", "link", "blank"])
def test_an_empty_or_unreadable_playbook_is_put_back(folder: LoopFolder, how: str) -> None:
    folder.write_playbook("The good one.", NOW)
    folder.commit("write-playbook")
    path = folder.path / "PLAYBOOK.md"
    path.unlink()
    if how == "empty":
        path.write_text("")
    elif how == "blank":
        path.write_text(" \n\n")
    elif how == "folder":
        (path / "inside").mkdir(parents=True)
    elif how == "link":
        (folder.path.parent / "elsewhere").write_text("evil")
        path.symlink_to(folder.path.parent / "elsewhere")
    assert "restored: PLAYBOOK.md" in folder.take_over(NOW)
    assert folder.playbook() == "The good one.\n"
    assert not path.is_symlink()


def test_without_git_the_files_count_all_the_same(
    folder: LoopFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_args: object, **_more: object) -> str:
        raise FileNotFoundError("git")

    monkeypatch.setattr(subprocess, "run", none)
    folder.write_goal("a", "goal: a")
    folder.commit("write-goal a")
    assert folder.take_over(NOW) == []
    assert folder.goal("a") == "goal: a\n"


def test_one_trouble_of_git_is_one_line_however_many_commands_meet_it(
    folder: LoopFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with structlog.testing.capture_logs() as said:
        with monkeypatch.context() as patch:
            patch.setenv("PATH", "/nowhere")
            for number in range(5):
                (folder.path / "goals" / "x.md").write_text(str(number))
                folder.commit("x")
        folder.commit("x")
        with monkeypatch.context() as patch:
            patch.setenv("PATH", "/nowhere")
            folder.commit("x")
    assert [one["event"] for one in said].count("loop_not_committed") == 2


def test_what_is_read_is_the_world(folder: LoopFolder) -> None:
    before = folder.world()
    assert folder.world().hash == before.hash
    folder.write_goal("a", "goal: a")
    assert folder.world().hash != before.hash
    (folder.path / "journal.md").write_text("- x\n")
    (folder.path / "config.json").write_text("{}")
    assert folder.world().hash == folder.world({}).hash
