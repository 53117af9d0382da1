"""Live checks and registration, for `loopos init` and `loopos doctor`, and at the start of the service."""

from __future__ import annotations

import email.utils
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from channels.line import richmenu
from channels.line.api import Api, Declined, LineError
from channels.line.webhook import PATH
from core.clock import Clock, SystemClock, shifted
from core.errors import StartupError

API_URL: Final = "https://api.line.me"
DATA_URL: Final = "https://api-data.line.me"
_PROBLEM: Final = "LINE refuses LINE_CHANNEL_ACCESS_TOKEN."
_REMEDY: Final = "Issue a new one in the LINE Developers Console (Messaging API)."
CURE: Final = f"{_PROBLEM} {_REMEDY}"
NEAR: Final = 0.8
"""This share of the month's messages is a warning."""
_SKEW: Final = 60
_MENU: Final = {"tickets": "Tickets", "oncall": "On call", "help": "Help"}

Menu = Callable[[str], list[tuple[str, str]]]
"""Language -> (command, what it is called)."""


async def identify(
    channel_secret: str, access_token: str, *, api_url: str = API_URL, within: float = 10.0
) -> str:
    """Who we are there. Raises StartupError."""
    api = Api(access_token, api_url, api_url, within)
    try:
        info = await api.call("get_bot_info")
    except LineError as error:
        if isinstance(error, Declined) and error.token_refused:
            raise StartupError(_PROBLEM, _REMEDY) from None
        raise StartupError(f"LINE does not answer ({error}).", "Check the network, then try again.") from None
    finally:
        await api.close()
    return f"{info.display_name} ({info.basic_id})"


async def examine(
    channel_secret: str,
    access_token: str,
    base_url: str | None,
    *,
    api_url: str = API_URL,
    redelivery_confirmed: bool = False,
    clock: Clock | None = None,
    within: float = 10.0,
) -> list[str]:
    """What is wrong, one line each, with the cure."""
    api = Api(access_token, api_url, api_url, within)
    try:
        answer = await api.call("get_bot_info_with_http_info")
        found = skew(answer.headers.get("Date", ""), (clock or SystemClock()).now() - shifted())
        found += await _webhook(api, channel_secret, base_url)
        found += await _quota(api)
    except Declined as error:
        return [CURE if error.token_refused else f"LINE answers: {error}. Try again in a minute."]
    except LineError as error:
        return [f"LINE does not answer ({error}). Check the network, then try again."]
    finally:
        await api.close()
    if not redelivery_confirmed:
        found.append(
            "LINE's webhook redelivery cannot be read by API. Confirm in the LINE Developers Console (Messaging API, "
            "Webhook settings) that it is on, then set LOOPOS_LINE_REDELIVERY=confirmed."
        )
    return found


def skew(date: str, now: datetime) -> list[str]:
    """A finding if our clock and the vendor's Date header are more than a minute apart."""
    try:
        theirs = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return []
    seconds = round((now - theirs.astimezone(UTC)).total_seconds())
    if abs(seconds) <= _SKEW:
        return []
    way = "ahead of" if seconds > 0 else "behind"
    return [f"This machine's clock is {abs(seconds)} s {way} LINE's. Switch on time synchronisation (NTP)."]


async def _webhook(api: Api, channel_secret: str, base_url: str | None) -> list[str]:
    if not channel_secret:
        return ["LINE_CHANNEL_SECRET is empty. Copy it from the LINE Developers Console (Basic settings)."]
    if base_url is None:
        return ["LINE cannot reach this service. Set LOOPOS_BASE_URL to its public https address."]
    ours = address(base_url)
    theirs, active = await _endpoint(api)
    if theirs is None:
        return [
            f"LINE has no webhook address. Run loopos init, or set it to {ours} in the LINE Developers Console."
        ]
    if theirs != ours:
        return [f"LINE sends to {theirs}, not to {ours}. Run loopos init, or correct LOOPOS_BASE_URL."]
    if not active:
        return [
            "LINE's webhook is switched off. Switch on Use webhook in the LINE Developers Console (Messaging API)."
        ]
    return await try_webhook(api, ours)


def address(base_url: str) -> str:
    return base_url.rstrip("/") + PATH


async def _endpoint(api: Api) -> tuple[str | None, bool]:
    try:
        answer = await api.call("get_webhook_endpoint")
    except Declined as error:
        if error.status == 404:
            return None, False
        raise
    return answer.endpoint, answer.active


async def try_webhook(api: Api, ours: str) -> list[str]:
    """Let LINE send us a signed test. It also proves the secret, which no call of the API can check."""
    from linebot.v3.messaging import TestWebhookEndpointRequest  # type: ignore[import-untyped]

    # LINE itself waits for our answer before it gives its own.
    answer = await api.call(
        "test_webhook_endpoint", TestWebhookEndpointRequest(endpoint=ours), _request_timeout=2 * api.timeout
    )
    if answer.success:
        return []
    if answer.status_code == 401:
        return [
            "LINE_CHANNEL_SECRET is not this channel's: LINE's test was refused. "
            "Copy it from the LINE Developers Console (Basic settings)."
        ]
    return [
        f"LINE cannot reach {ours} ({answer.reason}: {answer.detail}). "
        "Check that LOOPOS_BASE_URL is public, has a valid certificate and leads to this service."
    ]


async def _quota(api: Api) -> list[str]:
    limit, used = await read_quota(api)
    if limit is None or used < NEAR * limit:
        return []
    return [
        f"LINE: {used} of this month's {limit} messages are used. Raise the plan, or use another channel."
    ]


async def read_quota(api: Api) -> tuple[int | None, int]:
    """(this month's messages, how many are used); None: as many as one likes. Raises LineError."""
    quota = await api.call("get_message_quota")
    used = await api.call("get_message_quota_consumption")
    return quota.value if quota.type == "limited" else None, used.total_usage


# --- registration


async def register(
    access_token: str,
    base_url: str,
    menu: Menu | None = None,
    *,
    api_url: str = API_URL,
    data_url: str = DATA_URL,
    within: float = 10.0,
) -> list[str]:
    """The webhook's address and the menu, and a test of the webhook. As often as one likes."""
    api = Api(access_token, api_url, data_url, within)
    try:
        await register_webhook(api, base_url)
        await register_rich_menu(api, menu)
        return await try_webhook(api, address(base_url))
    except Declined as error:
        return [CURE if error.token_refused else f"LINE refuses the registration: {error}."]
    except LineError as error:
        return [f"LINE does not answer ({error}). Try again."]
    finally:
        await api.close()


async def register_webhook(api: Api, base_url: str) -> None:
    """Raises LineError."""
    from linebot.v3.messaging import SetWebhookEndpointRequest

    # LINE allows few changes a minute, so what stands is left alone.
    if (await _endpoint(api))[0] != address(base_url):
        await api.call("set_webhook_endpoint", SetWebhookEndpointRequest(endpoint=address(base_url)))


async def register_rich_menu(api: Api, menu: Menu | None = None) -> None:
    """Put our menu below every chat. One of ours that is as it should be stays; every other of ours goes.

    Raises LineError."""
    from linebot.v3.messaging import RichMenuRequest

    wanted = richmenu.definition(dict(menu("en")) if menu else _MENU)
    standing = [
        one for one in (await api.call("get_rich_menu_list")).richmenus if one.name.startswith("loopos-")
    ]
    default = await _default_menu(api)
    if [one.rich_menu_id for one in standing] == [default] and _same(standing[0].to_dict(), wanted):
        return
    made = await api.call("create_rich_menu", RichMenuRequest.from_dict(wanted))
    await api.call_blob(
        "set_rich_menu_image",
        made.rich_menu_id,
        body=bytearray(richmenu.picture()),  # bytes would be sent as text
        _headers={"Content-Type": "image/png"},
    )
    await api.call("set_default_rich_menu", made.rich_menu_id)
    for old in standing:
        await api.call("delete_rich_menu", old.rich_menu_id)


def _same(standing: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(standing.get(key) == value for key, value in wanted.items())


async def _default_menu(api: Api) -> str | None:
    try:
        return str((await api.call("get_default_rich_menu_id")).rich_menu_id)
    except Declined as error:
        if error.status == 404:
            return None
        raise
