"""For `loopos init`, `loopos doctor` and `loopos slack manifest`: who we are, what is wrong and how it is cured."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from channels.slack.api import API_URL, SlackApi, identity_of
from channels.slack.webhook import PATH, sign
from core.clock import Clock, SystemClock, host_seconds
from core.errors import ChannelDown, GiveUp, StartupError, TryLater

SCOPES: Final = (
    "app_mentions:read",
    "channels:history",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "reactions:write",
    "users:read",
)
EVENTS: Final = (
    "app_home_opened",
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
)
BUILT_IN: Final = {"/invite", "/status", "/help", "/remind", "/topic", "/who", "/leave", "/join", "/search"}
"""Slack's own, which an app cannot have; `/loopos status` does the same."""
MAX_SKEW: Final = 60
"""Seconds. At 300 every request of Slack's would be refused (B18)."""


async def identify(bot_token: str, *, api_url: str = API_URL, within: float = 10.0) -> str:
    """Who we are there. Raises StartupError with the remedy."""
    api = SlackApi(bot_token, api_url=api_url, timeout=within)
    try:
        me = identity_of(await api.call("auth.test"))
    except ChannelDown as refused:
        problem, _, remedy = str(refused).partition(". ")
        raise StartupError(f"{problem}.", remedy) from refused
    except (TryLater, GiveUp, KeyError) as error:
        raise StartupError(
            f"Slack could not be asked who we are ({error}).", "Check the network and SLACK_API_URL."
        ) from error
    finally:
        await api.close()
    return f"@{me.name} in {me.team}"


async def examine(
    bot_token: str,
    signing_secret: str,
    app_token: str | None = None,
    *,
    base_url: str | None,
    api_url: str = API_URL,
    within: float = 10.0,
    clock: Clock | None = None,
) -> list[str]:
    """What is wrong, each with its cure in one line; empty when all is well."""
    clock = clock or SystemClock()
    findings = await _token(bot_token, api_url, within, clock)
    if not re.fullmatch(r"[0-9a-f]{32}", signing_secret):
        findings.append(
            "SLACK_SIGNING_SECRET is not a signing secret (32 hex digits). Copy it from Basic Information."
        )
    if app_token:
        findings += await _socket(app_token, api_url, within)
    elif base_url:
        findings += await _webhook(base_url, signing_secret, within, clock)
    else:
        findings.append(
            "Slack has no way to reach us. Set LOOPOS_BASE_URL, or SLACK_APP_TOKEN for Socket Mode."
        )
    return findings


async def _token(token: str, api_url: str, within: float, clock: Clock) -> list[str]:
    api = SlackApi(token, api_url=api_url, timeout=within)
    try:
        _, headers = await api.call_with_headers("auth.test")
    except ChannelDown as refused:
        return [str(refused)]
    except (TryLater, GiveUp) as error:
        return [f"Slack cannot be asked ({error}). Check the network, the proxy and SLACK_API_URL."]
    finally:
        await api.close()
    granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")}
    missing = [scope for scope in SCOPES if scope not in granted]
    found = []
    if missing:
        found.append(
            f"The Slack app lacks {', '.join(missing)}. Add them under OAuth & Permissions and reinstall the app."
        )
    return found + skew(headers.get("date"), clock.now())


def skew(date: str | None, now: datetime) -> list[str]:
    """Our clock against Slack's."""
    if not date:
        return []
    off = round((now - parsedate_to_datetime(date)).total_seconds())
    if abs(off) <= MAX_SKEW:
        return []
    way = "ahead of" if off > 0 else "behind"
    return [
        f"This machine's clock is {abs(off)} seconds {way} Slack's; beyond 300 every request is refused. "
        "Turn on time synchronisation (NTP)."
    ]


async def _socket(app_token: str, api_url: str, within: float) -> list[str]:
    api = SlackApi(app_token, variable="SLACK_APP_TOKEN", api_url=api_url, timeout=within)
    try:
        await api.call("apps.connections.open")
    except ChannelDown as refused:
        return [str(refused)]
    except GiveUp as refused:
        return [
            f"Slack opens no socket for SLACK_APP_TOKEN ({refused}). Turn on Socket Mode in the app's settings."
        ]
    except TryLater as error:
        return [f"Slack opened no socket ({error}). Check the network, then try again."]
    finally:
        await api.close()
    return []


async def _webhook(base_url: str, secret: str, within: float, clock: Clock) -> list[str]:
    """Send ourselves what Slack sends to verify an address, around the outside."""
    url = f"{base_url.rstrip('/')}{PATH}"
    body = json.dumps({"type": "url_verification", "challenge": "loopos"}).encode()
    stamp = str(int(host_seconds(clock.now())))
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": sign(body, stamp, secret),
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=within)) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            answer = await response.text()
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return [
            f"{url} cannot be reached ({type(error).__name__}). Check LOOPOS_BASE_URL, the proxy in front and that "
            "the service runs."
        ]
    if response.status == 401:
        return [
            f"{url} refuses our own signature (401). The running service has another SLACK_SIGNING_SECRET or its "
            "clock is wrong: restart it with this one."
        ]
    if response.status != 200 or "loopos" not in answer:
        return [f"{url} answers {response.status}, not as LoopOS does. Check LOOPOS_BASE_URL and the proxy."]
    return []


def manifest(base_url: str | None, commands: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The app manifest to paste at api.slack.com/apps. `commands`: (name with or without its slash, what it does).

    Without `base_url` the app uses Socket Mode. https://docs.slack.dev/reference/app-manifest"""
    url = f"{base_url.rstrip('/')}{PATH}" if base_url else None
    named = [("/loopos", "Any of LoopOS's commands, like /loopos tickets")]
    named += [(f"/{name.lstrip('/')}", about) for name, about in commands]
    slash = [
        {
            "command": name,
            "description": about[:100],
            "should_escape": False,
            **({"url": url} if url else {}),
        }
        for name, about in dict(named).items()
        if name not in BUILT_IN
    ]
    return {
        "display_information": {
            "name": "LoopOS",
            "description": "Reports in, the right person out, nothing forgotten.",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "LoopOS", "always_online": True},
            "shortcuts": [
                {
                    "name": "Open tickets",
                    "type": "global",
                    "callback_id": "open_tickets",
                    "description": "Everything that is not done yet",
                },
                {
                    "name": "File a ticket",
                    "type": "message",
                    "callback_id": "file_ticket",
                    "description": "Report what this message says",
                },
            ],
            "slash_commands": slash,
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS), **({"request_url": url} if url else {})},
            "interactivity": {"is_enabled": True, **({"request_url": url} if url else {})},
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }
