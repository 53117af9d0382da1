"""`loopos brain query`: what the company knows, with its source, within the rights of who asks, or that it knows nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main

SOURCE = {
    "layer", "id", "title", "quote", "language", "translated", "score", "similarity", "boost", "property_id", "category",
    "age_days",
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    monkeypatch.setenv("LOOPOS_DEMO", "1")


def asks(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["brain", "query", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_an_answer_names_its_sources_and_how_each_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    answer = asks(capsys, "冷氣在滴水", "--property", "warm_taipei_2br")
    assert (answer["language"], answer["category"], answer["engine"]) == ("zh-TW", "hvac_leak", "lexical")
    assert (answer["property_id"], answer["model"], answer["fallback"]) == ("warm_taipei_2br", None, None)
    assert all(set(one) == SOURCE for one in answer["sources"])
    for one in answer["sources"]:
        assert one["score"] == pytest.approx(one["similarity"] + one["boost"], abs=1e-4)
        assert one["property_id"] in {None, "warm_taipei_2br"}
        assert one["id"] in answer["answer"]
    scores = [(-one["score"], one["id"]) for one in answer["sources"]]
    assert scores == sorted(scores)
    assert "hist_taipei_ac_2024_04" in [one["id"] for one in answer["sources"]]


def test_what_nobody_knows_is_said_in_the_askers_language(capsys: pytest.CaptureFixture[str]) -> None:
    answer = asks(capsys, "receta de tarta de manzana")
    assert (answer["language"], answer["sources"]) == ("es", [])
    assert answer["answer"] == "No encontré nada sobre eso."


@pytest.mark.parametrize(("person", "reads"), [("shirley", True), ("celine", False), ("ben", True)])
def test_ops_read_what_is_general_or_of_their_places(
    capsys: pytest.CaptureFixture[str], person: str, reads: bool
) -> None:
    answer = asks(capsys, "AC Taipei Wang", "--as", person)
    assert any(one["property_id"] == "warm_taipei_2br" for one in answer["sources"]) is reads
    assert any(one["property_id"] is None for one in answer["sources"])
    assert ("Wang" in json.dumps(answer)) is reads or not reads


def test_a_file_of_questions_is_answered_line_by_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text(
        '{"id": "a", "text": "locked out", "property": "ito_stream_house"}\n'
        '{"id": "b", "text": "AC Taipei Wang", "as": "celine"}\n',
        encoding="utf-8",
    )
    assert main(["brain", "query", "--file", str(file)]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["id"], first["property_id"], second["id"]) == ("a", "ito_stream_house", "b")
    assert first["sources"][0]["id"] == "lockout"
    assert not any(one["property_id"] == "warm_taipei_2br" for one in second["sources"])


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["x", "--property", "mars"], "warm_taipei_2br"),
        (["x", "--as", "nobody"], "shirley"),
        (["x", "--category", "magic"], "hvac_leak"),
        ([], "question"),
        (["x", "--file", "y"], "question"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(
    capsys: pytest.CaptureFixture[str], typed: list[str], told: str
) -> None:
    assert main(["brain", "query", *typed]) == 2
    out = capsys.readouterr()
    assert out.out == "" and told in out.err


def test_a_line_that_names_no_text_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "asked.jsonl"
    file.write_text('{"id": "a", "text": "x", "category": ["hvac_leak"]}\n', encoding="utf-8")
    assert main(["brain", "query", "--file", str(file)]) == 2
    assert "line 1: category" in capsys.readouterr().err


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half a character, and a depth that no parser takes: the number of the line, and exit 2."""
    for number, broken in enumerate(
        (b'{"id": "q", "text": "\xe5\x86"}', b'{"id": "q", "text": ' + b"[" * 100_000)
    ):
        file = tmp_path / f"questions-{number}.jsonl"
        file.write_bytes(b'\xef\xbb\xbf{"id": "a", "text": "towels"}\n' + broken + b"\n")
        assert main(["brain", "query", "--file", str(file)]) == 2
        told = capsys.readouterr()
        assert json.loads(told.out)["id"] == "a"
        assert "line 2" in told.err
        assert "Traceback" not in told.err
