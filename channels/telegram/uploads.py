"""A picture, a recording or a document as a Telegram message. https://core.telegram.org/bots/api#sending-files"""

from __future__ import annotations

from typing import Any, Final

from telegram import Bot, InputFile, Message
from telegram.error import BadRequest

from channels.telegram import draw
from core.ports import Outgoing

_PLAYED: Final = {"audio/mpeg": "audio", "audio/mp4": "audio", "audio/x-m4a": "audio", "audio/ogg": "voice"}
"""What Telegram's player knows; every other recording goes as a document."""


async def post(bot: Bot, file: Outgoing, chat: int, thread: int | None) -> Message:
    """Raises TelegramError; GiveUp where the file is gone."""
    data = await file.read()
    kind = "photo" if file.is_picture else _PLAYED.get(file.media_type, "document")
    try:
        return await _post(bot, kind, file, data, chat, thread)
    except BadRequest:
        if kind == "document":
            raise
        # Too large, too thin or not what its player wants (the words for it change): as a plain file it can be had.
        return await _post(bot, "document", file, data, chat, thread)


async def _post(bot: Bot, kind: str, file: Outgoing, data: bytes, chat: int, thread: int | None) -> Message:
    # No parse mode: the words stand there as they are.
    more: dict[str, Any] = {"caption": draw.caption(file.caption) or None, "message_thread_id": thread}
    body = InputFile(data, filename=file.name)
    match kind:
        case "photo":
            return await bot.send_photo(chat, body, **more)
        case "audio":
            return await bot.send_audio(chat, body, **more)
        case "voice":
            return await bot.send_voice(chat, body, **more)
        case _:
            return await bot.send_document(chat, body, disable_content_type_detection=True, **more)
