"""The first story on the platforms, written down as the vendors' servers recorded it.

`python -m tests.story` writes docs/STORY.md; a test holds the page against what happens."""

from __future__ import annotations

import asyncio
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.platforms import House, Phone, open_house
from tests.world import STORY

PAGE: Final = Path(__file__).parents[1] / "docs" / "STORY.md"
AT: Final = datetime(2026, 11, 20, 4, 0, 5, tzinfo=UTC)
NAMES: Final = {"slack": "Slack", "telegram": "Telegram", "line": "LINE"}
QUIET: Final = {
    *("getMe", "setMyCommands", "setWebhook", "getWebhookInfo", "deleteWebhook"),
    *("auth.test", "conversations.open", "conversations.list"),
    *("info", "quota", "consumption", "get_endpoint", "set_endpoint"),
    *("list_menus", "create_menu", "menu_image", "get_default_menu", "set_default_menu"),
}
"""Setting up and looking, which nobody in the story sees."""
MAX_LINES: Final = 14
"""Lines of one message that the page shows."""


class Told:
    """What was done and what the platforms got, in order."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._seen = {channel: len(fake.calls) for channel, fake in house.fakes.items()}
        self.lines: list[str] = []

    async def step(self, text: str) -> None:
        self.lines += ["", f"**{text}**", ""]
        await self._house.settle()
        for channel, fake in self._house.fakes.items():
            fresh = fake.calls[self._seen[channel] :]
            self._seen[channel] = len(fake.calls)
            for call in fresh:
                if call.method not in QUIET:
                    self.lines += _call(channel, call.method, call.args)


def _call(channel: str, method: str, args: dict[str, Any]) -> list[str]:
    words, buttons = _words(args), _buttons(args)
    lines = [f"- {NAMES[channel]} `{method}`"]
    said = words.splitlines()
    lines += [f"  > {line}" for line in said[:MAX_LINES]]
    if len(said) > MAX_LINES:
        lines.append(f"  > … {len(said) - MAX_LINES} more lines")
    if buttons:
        lines.append("  > " + " ".join(f"`[{label}]`" for label in buttons))
    return lines


def _words(args: Any) -> str:
    """Every text a reader sees, without markup."""
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, dict):
            if node.get("type") in {"button", "overflow", "actions"} or "inline_keyboard" in node:
                return
            for key in (
                "text",
                "contents",
                "messages",
                "blocks",
                "fields",
                "header",
                "body",
                "elements",
                "name",
            ):
                value = node.get(key)
                if isinstance(value, str) and value.strip():
                    found.append(value)
                elif value is not None and not isinstance(value, str):
                    walk(value)

    # Slack repeats the blocks as plain text for notifications.
    walk({"blocks": args["blocks"]} if args.get("blocks") else args)
    plain = re.sub(r"</?(?:b|i|blockquote|pre|code|a)[^>]*>", "", "\n".join(found))
    return re.sub(r"\n{2,}", "\n", plain).strip()


def _buttons(args: Any) -> list[str]:
    labels: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for one in node:
                walk(one)
        elif isinstance(node, dict):
            if node.get("type") == "button" and "action" in node:
                labels.append(str(node["action"].get("label", "")))
            elif node.get("type") == "button":
                labels.append(str(node["text"]["text"]))
            elif node.get("type") == "overflow":
                labels.extend(str(one["text"]["text"]) for one in node["options"])
            elif "callback_data" in node:
                labels.append(str(node["text"]))
            else:
                for value in node.values():
                    walk(value)

    walk(args)
    return labels


async def play(home: Path, desk: str) -> tuple[list[str], dict[str, Any]]:
    """Shirley on LINE, Ben on `desk`: (the page's lines, the ticket at the end)."""
    people = [("shirley", "line"), ("ben", desk)]
    async with open_house(home, people, {"mr_wang_hvac": "line"}, at=AT) as house:
        shirley, ben = house.phone("shirley", "line"), house.phone("ben", desk)
        wang: Phone = house.phone("mr_wang_hvac", "line")
        await house.settle()
        told = Told(house)
        await shirley.says(STORY)
        await told.step(f"12:00 in Taipei, LINE. Shirley: {STORY}")
        await ben.taps("approve")
        await told.step(f"Ben taps “Approve” on {NAMES[desk]}")
        await shirley.taps("ack")
        await told.step("Shirley taps “I have it” on LINE")
        await wang.taps("accept")
        await told.step("Mr. Wang, who has no account, taps “Yes, I take it” on LINE")
        last = (await wang.chat())[-1]
        await house.fakes["line"].taps(wang.account, last, last.buttons[1][0])
        await told.step("… and says when he comes")
        await shirley.says("修好了 132 美元")
        await told.step("Two hours later. Shirley: 修好了 132 美元")
        await shirley.photo()
        await told.step("Shirley sends a photo")
        await shirley.taps("屋主")
        await told.step("Shirley taps who pays")
        return told.lines, await house.ticket()


async def page() -> str:
    parts = [
        "# The first story, as the platforms saw it",
        "",
        "What the vendors' servers of the tests recorded, every call in its order. Written by `python -m tests.story`; a",
        "test fails when it is no longer true. A reader sees their own language; `[…]` are buttons.",
    ]
    for desk in ("slack", "telegram"):
        with tempfile.TemporaryDirectory() as home:
            lines, _ = await play(Path(home), desk)
        parts += ["", f"## Shirley on LINE, Ben on {NAMES[desk]}", *lines]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(asyncio.run(page()), encoding="utf-8")
