"""`loopos import`: all of a file or nothing of it, each mistake with its line and key, and twice is once."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from bot.settings import DATA
from core.company.loader import load_company


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "company"
    shutil.copytree(DATA / "company", folder)
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    monkeypatch.setenv("LOOPOS_COMPANY", str(folder))
    return folder


def brings(
    capsys: pytest.CaptureFixture[str], kind: str, file: Path, *more: str
) -> tuple[int, dict[str, Any], list[str]]:
    code = main(["import", kind, str(file), "--json", *more])
    out = capsys.readouterr()
    return code, json.loads(out.out), [line for line in out.err.splitlines() if line.startswith(str(file))]


VENDORS = (
    "id;name;trades;properties;languages;low_usd;high_usd;response_hours\n"
    "reno_glass;Reno Glass;other;creekfront_cabin|mtn_city_reno;en;90;240.50;3\n"
    'ubud_bees;"Bees ""&"" more\nUbud";pest;bali_villa;id|en;20;60;1.5\n'
)


def test_vendors_out_of_a_table_are_there_at_the_next_look(
    company: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "vendors.csv"
    file.write_text("\ufeff" + VENDORS, encoding="utf-8")
    before = (company / "vendors.json").read_bytes()
    code, told, _ = brings(capsys, "vendors", file, "--dry-run")
    assert (code, told["rows"], told["added"], told["commit"]) == (0, 2, 2, "")
    assert (company / "vendors.json").read_bytes() == before and not (company / ".git").exists()
    code, told, _ = brings(capsys, "vendors", file)
    assert (code, told["added"], told["changed"], told["errors"]) == (0, 2, 0, [])
    bees = load_company(company).vendor("ubud_bees")
    assert bees is not None and bees.name == 'Bees "&" more\nUbud' and str(bees.usual_usd.high) == "60.00"
    said = subprocess.run(
        ["git", "-C", company, "log", "--format=%s", "-1"], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "import vendors: 2 added, 0 changed"
    code, told, _ = brings(capsys, "vendors", file)
    assert (code, told["unchanged"], told["commit"]) == (0, 2, "")
    file.write_text(VENDORS.replace("240.50", "250"), encoding="utf-8")
    code, told, _ = brings(capsys, "vendors", file)
    assert (code, told["changed"], told["unchanged"]) == (0, 1, 1) and len(told["commit"]) == 40


def test_memos_without_an_id_are_the_same_twice(
    company: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "memos.json"
    memo = {
        "language": "en",
        "recorded_at": "2026-05-01T10:00:00Z",
        "transcript": "The spare key is at Dewi's.",
        "category": None,
    }
    file.write_text(json.dumps([memo]), encoding="utf-8")
    assert brings(capsys, "memos", file)[1]["added"] == 1
    assert brings(capsys, "memos", file)[1]["unchanged"] == 1
    kept = load_company(company).memos[-1]
    assert (kept.speaker, kept.transcript_en, kept.category) == ("ben", memo["transcript"], None)


def test_a_procedure_in_markdown(company: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "hot-tub.md"
    file.write_text(
        "---\ntrades: [plumbing]\ncap_usd: '120.00'\n---\n# Hot tub is green\n\nDo not bathe.\n\n1. Close the lid.\n2. Shock it.\n",
        encoding="utf-8",
    )
    assert brings(capsys, "sops", file)[1]["added"] == 1
    sop = next(one for one in load_company(company).sops if one.id == "hot_tub_is_green")
    assert (sop.title, sop.steps, str(sop.cap_usd)) == (
        "Hot tub is green",
        ["Close the lid.", "Shock it."],
        "120.00",
    )


@pytest.mark.parametrize(
    ("kind", "name", "text", "line", "key"),
    [
        ("vendors", "a.csv", VENDORS.replace("240.50", "cheap"), 2, "usual_usd.high"),
        ("vendors", "a.csv", VENDORS.replace("id|en;20", "id|xx;20"), 3, "languages.1"),
        ("vendors", "a.csv", VENDORS.replace("bali_villa", "atlantis"), 3, "properties"),
        ("vendors", "a.csv", VENDORS.replace("ubud_bees", "reno_glass"), 3, "id"),
        ("vendors", "a.csv", VENDORS.replace("response_hours", "answers"), 1, "answers"),
        ("vendors", "a.csv", VENDORS.replace("1.5\n", '1.5;"'), 3, ""),
        ("vendors", "a.csv", "", 1, ""),
        ("memos", "a.json", '[\n {"id": "x",\n  "language": "xx", "recorded_at": "2026-05-01T10:00:00Z",\n  "transcript": "t"}]', 3, "language"),
        ("memos", "a.json", '[\n {"id": "x", "language": "en", "recorded_at": "2026-05-01T10:00:00Z",\n  "transcript": "t",\n  "speaker": "shirley"}]', 4, "speaker"),
        ("memos", "a.json", '[\n {"id": "x"},\n  nonsense]', 3, ""),
        ("memos", "a.json", '{"id": "x"}', 1, ""),
        ("memos", "a.json", "[" * 100_000, 1, ""),
        ("memos", "a.md", "# x\n- y", 1, ""),
        ("sops", "a.md", "---\ncap_usd: [\n---\n# x\n- y", 2, ""),
        ("sops", "a.md", "# Nothing to do\n", 1, "steps"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_and_nothing_is_written(
    company: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    name: str,
    text: str,
    line: int,
    key: str,
) -> None:
    before = {path.name: path.read_bytes() for path in company.glob("*.json")}
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    code, told, said = brings(capsys, kind, file)
    assert code == 1 and told["added"] == 0
    assert (told["errors"][0]["line"], told["errors"][0]["key"]) == (line, key), told["errors"]
    assert said[0].startswith(f"{file}:{line}: {key + ': ' if key else ''}")
    assert {path.name: path.read_bytes() for path in company.glob("*.json")} == before


def test_what_is_no_text_or_too_large_is_refused(
    company: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"id;name\nx;caf\xe9\n")
    code, told, _ = brings(capsys, "team", file)
    assert (code, told["errors"][0]["line"]) == (1, 2)
    file.write_bytes(b" " * (20 * 1024 * 1024 + 1))
    code, told, _ = brings(capsys, "team", file)
    assert code == 1 and "20 MiB" in told["errors"][0]["problem"]
    assert main(["import", "team", str(tmp_path / "none.csv")]) == 1
