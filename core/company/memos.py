"""The founder's memos as their file keeps them. Nothing is written here."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from core.company.editing import Edit, Unreadable
from core.company.schema import Memo

FILE: Final = "voice_corpus.json"


def memo_json(memo: Memo) -> dict[str, Any]:
    """{id, property_id, category, speaker, language, recorded_at, transcript, transcript_en, audio_sha256, status, approved_by,
    retired_at, retired_by, superseded_by, flags}: every key, null or "" where there is nothing."""
    return memo.model_dump(mode="json")


def put(folder: Path, memo: dict[str, Any]) -> Edit:
    """The file with `memo` as it is, new or in its place. Raises Unreadable."""
    rows = _rows(folder)
    kept = {key: value for key, value in memo.items() if value not in (None, "", [])}
    kept |= {key: memo[key] for key in ("property_id", "category", "transcript_en")}
    at = next((i for i, one in enumerate(rows) if one.get("id") == memo["id"]), None)
    if at is None:
        rows.append(kept)
    else:
        rows[at] = {**rows[at], **kept}
    return Edit(FILE, _text(rows), f"memo {memo['id']}: {memo['status']}")


def _rows(folder: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unreadable("", f"{FILE} cannot be read ({type(error).__name__})") from error
    return [one for one in rows if isinstance(one, dict)]


def _text(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"


def retire(folder: Path, memo_id: str, who: str, now: datetime) -> Edit:
    """The file in which `memo_id` holds no more. Raises Unreadable: there is none, or it is retired already."""
    rows = _rows(folder)
    found = next((one for one in rows if one.get("id") == memo_id), None)
    if found is None:
        raise Unreadable("", f"there is no memo {memo_id!r}")
    if found.get("status") == "retired":
        raise Unreadable("", f"{memo_id} is retired already")
    found |= {"status": "retired", "retired_at": now.isoformat(), "retired_by": who}
    return Edit(FILE, _text(rows), f"memo {memo_id}: retired")
