"""What a question refers to goes with it: a report of the loop's, and nothing from beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.asks.references import attachment_of
from tests.platforms import open_house

SECRET = b"tok-123456-secret"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reports = tmp_path / "loop" / "reports"
    (reports / "deep").mkdir(parents=True)
    (tmp_path / "loop" / "PLAYBOOK.md").write_text("mine")
    (tmp_path / "env").write_text("TOKEN=x")
    return reports


def found(folder: Path, reference: str) -> dict[str, str] | None:
    return attachment_of(folder, folder.parents[1] / "media", reference, {SECRET})


@pytest.mark.parametrize("reference", ["quotes.md", "reports/quotes.md"])
def test_a_report_is_copied_without_secrets(folder: Path, reference: str) -> None:
    (folder / "quotes.md").write_bytes(b"three quotes, " + SECRET)
    one = found(folder, reference)
    assert one is not None
    assert (one["name"], one["media_type"]) == ("quotes.md", "text/plain")
    assert (folder.parents[1] / one["path"]).read_bytes() == b"three quotes, [struck out]"
    assert found(folder, str(folder / "quotes.md")) == one


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "nothing.md",
        "../PLAYBOOK.md",
        "reports/../../env",
        "/etc/passwd",
        "deep",
        "link",
        "fifo",
        "big",
        "\0",
        "odd.bin",
        "leak.pdf",
    ],
)
def test_whatever_else_is_named_alone(folder: Path, reference: str) -> None:
    import os

    (folder / "link").symlink_to(folder.parents[1] / "env")
    os.mkfifo(folder / "fifo")
    with (folder / "big").open("wb") as file:
        file.truncate(6 * 1024 * 1024)
    (folder / "odd.bin").write_bytes(b"\xff\xfe\x00")
    (folder / "leak.pdf").write_bytes(b"%PDF-1.4 " + SECRET)
    assert found(folder, reference) is None


@pytest.mark.parametrize("channel", ["telegram", "slack", "line"])
async def test_it_comes_with_the_card(tmp_path: Path, channel: str) -> None:
    from core.asks import asks

    async with open_house(tmp_path, [("ben", channel)]) as place:
        reports = tmp_path / "loop" / "reports"
        reports.mkdir(parents=True)
        (reports / "quotes.md").write_text("three quotes: 120, 140, 180")
        file = attachment_of(reports, place.app.services.media, "quotes.md", ())
        await place.app.store.write(
            lambda tx: asks.ask(
                tx, "quotes", "Which?", reference="quotes.md", channel="loop", attachment=file
            )
        )
        await place.settle()
        assert await place.phone("ben", channel).sees("quotes.md")
        assert "quotes.md" in str(await place.phone("ben", channel).chat())
