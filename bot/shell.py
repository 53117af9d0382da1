"""What the commands of the shell have in common: how they say what went wrong, and how they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
WRONG_USE: Final = 2


class WrongQuestion(Exception):
    """What was typed names something that is not there; the text says what is."""


def telling(work: Callable[[], T]) -> T | int:
    """What `work` returns; where it was refused, that was said on stderr, and it is the exit code: 1, or WRONG_USE where
    something that was named is not there."""
    from zoneinfo import ZoneInfo

    from core.clock import SystemClock
    from core.company.editing import Unreadable
    from core.errors import Refused
    from core.i18n import Words
    from core.phrases import refusal

    try:
        return work()
    except WrongQuestion as wrong:
        print(f"loopos: {wrong}", file=sys.stderr)
        return WRONG_USE
    except Unreadable as unread:
        print(f"loopos: {unread.text}", file=sys.stderr)
    except UnicodeEncodeError:
        print("loopos: what was typed is no text", file=sys.stderr)
        return WRONG_USE
    except Refused as refused:
        print(
            f"loopos: {refusal(refused, Words('en', ZoneInfo('UTC')), SystemClock().now())}", file=sys.stderr
        )
    return 1


def answered(found: T | int, text: Callable[[T], str], *, as_json: bool) -> int:
    """The exit code of a command, once what it found is printed: as JSON, or as `text` words it."""
    if isinstance(found, int):
        return found
    print(json.dumps(found, ensure_ascii=False, indent=2) if as_json else text(found))
    return 0
