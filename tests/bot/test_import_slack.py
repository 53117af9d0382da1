"""An export of Slack as memos: the founder's own messages, once."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bot.settings import DATA
from core.company.importing import Unfit, plan

USERS = [{"id": "U1", "real_name": "Ben"}, {"id": "U2", "real_name": "Shirley"}]


def said(text: str, ts: str = "1732161600.000200", user: str = "U1", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": ts, **more}


def export(users: Any = USERS, **channels: list[dict[str, Any]]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.json", users if isinstance(users, str) else json.dumps(users))
        archive.writestr("channels.json", "[]")
        for name, messages in channels.items():
            archive.writestr(f"{name}/2024-11-21.json", json.dumps(messages))
    return packed.getvalue()


def memos(data: bytes, *channels: str, folder: Path = DATA / "company") -> list[dict[str, Any]]:
    edit = plan("memos", folder, "export.zip", data, channels).edit
    there = json.loads((folder / "voice_corpus.json").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = json.loads(edit.text or "")[len(there) :] if edit is not None else []
    return found


def test_the_founders_messages_in_the_channels_that_are_named() -> None:
    data = export(
        general=[
            said("ring <@U2> first &amp; see <https://x.example|the list>"),
            said("noise", user="U2"),
            said("", ts="1732161601.0"),
            said("has joined", ts="1732161602.0", subtype="channel_join"),
        ],
        random=[said("lunch?", ts="1732161603.0")],
        ops=[said("冷氣漏水先關電源", ts="1732161604.5")],
    )
    assert [one["transcript"] for one in memos(data, "general")] == ["ring Shirley first & see the list"]
    assert [one["language"] for one in memos(data, "#ops")] == ["zh-TW"]
    assert len(memos(data)) == 3
    first = memos(data, "general")[0]
    assert first["recorded_at"].startswith("2024-11-21T04:00:00")
    assert first["speaker"] == "ben"


def test_twice_is_once(tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "c"
    shutil.copytree(DATA / "company", folder)
    data = export(general=[said("one"), said("two", ts="1732161605.0")])
    done = plan("memos", folder, "export.zip", data)
    assert (done.added, done.unchanged) == (2, 0)
    assert done.edit is not None
    (folder / "voice_corpus.json").write_text(done.edit.text or "")
    again = plan("memos", folder, "export.zip", data)
    assert (again.edit, again.unchanged) == (None, 2)


@pytest.mark.parametrize(
    ("data", "channels", "why"),
    [
        (b"PK\x03\x04 and nothing more", (), "not an export"),
        (export(users="{"), (), "users.json: not JSON"),
        (export(users="{}"), (), "an array is expected"),
        (
            export(users=[{"id": "U2", "real_name": "Shirley"}], general=[said("x")]),
            (),
            "nobody in users.json is Ben",
        ),
        (export(general=[said("x")]), ("nowhere",), "no channel 'nowhere'"),
    ],
)
def test_what_is_no_export_is_named(data: bytes, channels: tuple[str, ...], why: str) -> None:
    with pytest.raises(Unfit, match=why):
        plan("memos", DATA / "company", "export.zip", data, channels)


def test_a_bomb_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("users.json", json.dumps(USERS))
        archive.writestr("general/2024-11-21.json", b" " * (201 * 1024 * 1024))
    with pytest.raises(Unfit, match="unpacked"):
        plan("memos", DATA / "company", "export.zip", packed.getvalue())
