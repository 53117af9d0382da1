"""The founder's memos from the shell: what does not hold any more is used by nothing, and stays in the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.settings import DATA

KEYS = {
    "id", "property_id", "category", "speaker", "language", "recorded_at", "transcript", "transcript_en", "audio_sha256", "status",
    "approved_by", "retired_at", "retired_by", "superseded_by", "flags",
}  # fmt: skip


@pytest.fixture(autouse=True)
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "company"
    shutil.copytree(DATA / "company", folder)
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    monkeypatch.setenv("LOOPOS_COMPANY", str(folder))
    return folder


def runs(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = main([*words, "--json"])
    out = capsys.readouterr()
    at = min((found for found in (out.out.find("[\n"), out.out.find("{\n")) if found >= 0), default=-1)
    return code, json.loads(out.out[at:]) if at >= 0 else out.err


def test_a_memo_that_is_retired_answers_nothing_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    code, one = runs(capsys, "memo", "show", "memo_taipei_ac")
    assert (code, set(one), one["status"], one["retired_at"]) == (0, KEYS, "kept", None)
    asked = ("brain", "query", "AC Taipei Wang")
    assert "memo_taipei_ac" in [one["id"] for one in runs(capsys, *asked)[1]["sources"]]
    code, one = runs(capsys, "memo", "retire", "memo_taipei_ac", "--as", "ben")
    assert (code, one["status"], one["retired_by"]) == (0, "retired", "ben") and one["retired_at"]
    assert "memo_taipei_ac" not in [one["id"] for one in runs(capsys, *asked)[1]["sources"]]
    held = [one["id"] for one in runs(capsys, "memo", "ls")[1]]
    every = [one["id"] for one in runs(capsys, "memo", "ls", "--all")[1]]
    assert set(every) - set(held) == {"memo_taipei_ac"}
    code, told = runs(capsys, "memo", "retire", "memo_taipei_ac", "--as", "ben")
    assert code == 1 and "already" in told


@pytest.mark.parametrize(
    ("person", "code", "told"),
    [("miguel", 1, "Ben"), ("shirley", 1, "Ben"), ("nobody", 2, "ben")],
)
def test_only_the_founder_says_that_it_holds_no_more(
    company: Path, capsys: pytest.CaptureFixture[str], person: str, code: int, told: str
) -> None:
    before = (company / "voice_corpus.json").read_bytes()
    done, said = runs(capsys, "memo", "retire", "memo_taipei_ac", "--as", person)
    assert done == code and told in said, said
    assert (company / "voice_corpus.json").read_bytes() == before
    assert runs(capsys, "memo", "show", "memo_none")[0] == 1
