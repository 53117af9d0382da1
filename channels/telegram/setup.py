"""Live checks and registration, for `loopos init`, `loopos doctor` and the start."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import structlog
from telegram import Bot, BotCommand
from telegram.error import BadRequest, InvalidToken, TelegramError

from channels.telegram.api import ALLOWED_UPDATES, API_URL, CURE, PATH, Answer, ask, new_bot, secret_for
from core.clock import Clock, SystemClock, shifted, stamped
from core.errors import StartupError
from core.text import shorten

log = structlog.get_logger(__name__)

Menu = Callable[[str], list[tuple[str, str]]]
"""Language code -> (command without slash, what it does)."""

LANGUAGE_CODES: Final = {"en": "en", "zh-TW": "zh", "ja": "ja", "id": "id", "es": "es"}
"""Ours -> Telegram's, which knows two letters only."""
MAX_SKEW: Final = timedelta(seconds=60)
_RECENT: Final = timedelta(hours=1)
_COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_START: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def examine(
    token: str,
    *,
    base_url: str | None = None,
    webhook_secret: str | None = None,
    api_url: str = API_URL,
    clock: Clock | None = None,
    timeout: float = 10.0,  # noqa: ASYNC109  (of each call)
    listen: int = 0,
) -> list[str]:
    """What is wrong, each with its cure. `listen`: seconds to poll for, which shows whether another process
    does too; never while the service itself polls, because that would disturb it."""
    try:
        async with aiohttp.ClientSession(trust_env=True) as session:

            async def get(method: str, seconds: float = 0, **args: Any) -> Answer:
                return await ask(
                    session, method, token=token, api_url=api_url, seconds=timeout + seconds, **args
                )

            me = await get("getMe")
            if me.status in {401, 404}:
                return [CURE]
            if not me.ok:
                return [f"Telegram answers {me.status} {me.description}".rstrip() + ". Try again later."]
            now = (clock or SystemClock()).now()
            found = _skew(me.date, now - shifted())
            if webhook_secret is not None and not _SECRET.fullmatch(webhook_secret):
                found.append(
                    "TELEGRAM_WEBHOOK_SECRET holds what Telegram does not take. Use 1 to 256 letters, digits, _ and -."
                )
            hook = await get("getWebhookInfo")
            if hook.ok:
                found += webhook_findings(hook.result, base_url, now)
            if listen and base_url is None and not (hook.result or {}).get("url"):
                poll = await get("getUpdates", listen, timeout=listen, limit=1)
                if poll.status == 409:
                    found.append("Another process polls this bot. Stop it, or use a bot of your own.")
            return found
    except (aiohttp.ClientError, TimeoutError) as error:
        return [
            f"Telegram cannot be reached ({type(error).__name__}). Check the network, a proxy, TELEGRAM_API_URL."
        ]


def _skew(theirs: datetime | None, ours: datetime) -> list[str]:
    if theirs is None or abs(ours - theirs) <= MAX_SKEW:
        return []
    seconds = round((ours - theirs).total_seconds())
    way = "ahead of" if seconds > 0 else "behind"
    return [f"This machine's clock is {abs(seconds)} s {way} Telegram's. Let it be set by NTP."]


def webhook_findings(info: dict[str, Any], base_url: str | None, now: datetime) -> list[str]:
    """What Telegram says about how it reaches us. Pure."""
    url = info.get("url", "")
    if base_url is None:
        if url:
            return [
                "Telegram sends this bot's updates to a webhook, but LOOPOS_BASE_URL is not set. Set it, or start "
                "the service: it removes the webhook and polls."
            ]
        return []
    wanted = base_url.rstrip("/") + PATH
    if url != wanted:
        where = f"to {url}" if url else "nowhere"
        return [f"Telegram sends updates {where} instead of to {wanted}. Run `loopos init`, or restart."]
    failed = info.get("last_error_date")
    recent = failed is not None and now - stamped(failed) < _RECENT
    waiting = info.get("pending_update_count", 0)
    if not recent or not waiting:
        return []
    why = str(info.get("last_error_message", "no reason given"))
    cure = (
        "TELEGRAM_WEBHOOK_SECRET has changed: restart the service."
        if "403" in why
        else "Check that LOOPOS_BASE_URL leads to this service, over https with a valid certificate."
    )
    return [f"Telegram cannot deliver to {wanted}: {why}; {waiting} updates wait. {cure}"]


async def identify(token: str, *, api_url: str = API_URL, timeout: float = 10.0) -> str:  # noqa: ASYNC109
    """Our name there, as "@loopos_bot". Raises StartupError with the remedy."""
    bot, request = new_bot(token, api_url, timeout)
    try:
        me = await bot.get_me()
    except InvalidToken:
        problem, _, remedy = CURE.partition(". ")
        raise StartupError(problem + ".", remedy) from None
    except TelegramError as error:
        raise StartupError(
            f"Telegram cannot be asked who we are ({type(error).__name__}).",
            "Check the network, a proxy, TELEGRAM_API_URL.",
        ) from None
    finally:
        await request.shutdown()
    return f"@{me.username}"


async def register(
    token: str,
    *,
    base_url: str | None = None,
    webhook_secret: str | None = None,
    menu: Menu | None = None,
    api_url: str = API_URL,
    timeout: float = 10.0,  # noqa: ASYNC109  (of each call)
) -> list[str]:
    """Set the command menus, and the webhook or none. Can be repeated; returns what went wrong."""
    bot, request = new_bot(token, api_url, timeout)
    try:
        if base_url is None:
            await bot.delete_webhook(drop_pending_updates=False)
        else:
            await set_webhook(bot, base_url, webhook_secret or secret_for(token))
        if menu is not None:
            await set_menu(bot, menu)
    except InvalidToken:
        return [CURE]
    except BadRequest as error:
        return [hook_refused(error)]
    except TelegramError as error:
        return [f"Telegram did not take the settings ({type(error).__name__}). Try again later."]
    finally:
        await request.shutdown()
    return []


def hook_refused(error: BadRequest) -> str:
    cure = (
        "Use 1 to 256 letters, digits, _ and - for TELEGRAM_WEBHOOK_SECRET."
        if "secret" in error.message.lower()
        else "Set LOOPOS_BASE_URL to a public https address."
    )
    return f"Telegram refuses the webhook ({error.message}). {cure}"


async def set_webhook(bot: Bot, base_url: str, secret: str) -> None:
    """Raises TelegramError."""
    await bot.set_webhook(
        base_url.rstrip("/") + PATH, allowed_updates=list(ALLOWED_UPDATES), secret_token=secret
    )


async def set_menu(bot: Bot, menu: Menu) -> None:
    """The commands in every language; English for anybody else's. A menu that is refused is not worth a stop.

    Raises TelegramError other than BadRequest."""
    for ours, code in [("en", None), *LANGUAGE_CODES.items()]:
        commands = [
            BotCommand(name, shorten(about, 256)) for name, about in menu(ours) if _COMMAND.fullmatch(name)
        ]
        try:
            await bot.set_my_commands(commands, language_code=code)
        except BadRequest as error:
            log.warning("telegram_menu_refused", language=ours, reason=error.message)


def deep_link(username: str, code: str) -> str:
    """A link that opens the chat and sends "/start CODE"."""
    if not _START.fullmatch(code):
        raise ValueError("a start code is 1 to 64 letters, digits, _ and -")
    return f"https://t.me/{username.removeprefix('@')}?start={code}"
