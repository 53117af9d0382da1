"""One call of Slack's Web API: the SDK sends it, our errors say what to do next. Nothing here repeats a call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp

from channels.pacing import Backoff
from core.errors import ChannelDown, GiveUp, OutcomeUnknown, ShapeRefused, TryLater

if TYPE_CHECKING:
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web.async_client import AsyncWebClient

API_URL: Final = "https://slack.com/api/"
LONGEST_WAIT: Final = 60
REVOKED: Final = {
    "invalid_auth",
    "token_revoked",
    "token_expired",
    "account_inactive",
    "not_authed",
    "org_login_required",
}
LIMITED: Final = {"ratelimited", "rate_limited"}
PASSING: Final = {"service_unavailable", "request_timeout", "team_added_to_org"}
"""Refused for a while, nothing done."""
MISSHAPEN: Final = {
    "invalid_blocks",
    "invalid_blocks_format",
    "block_mismatch",
    "msg_blocks_too_long",
    "msg_too_long",
    "invalid_attachments",
    "too_many_attachments",
    "cannot_parse_attachment",
    "invalid_arguments",
    "metadata_too_large",
}
"""Refused for what it looks like, not for where it goes."""
UNSURE: Final = {"", "internal_error", "fatal_error"}
"""Slack says of these that part of it may have been done."""
CURE: Final = {
    "SLACK_BOT_TOKEN": "Copy the Bot User OAuth Token from OAuth & Permissions.",
    "SLACK_APP_TOKEN": "Make an App-Level Token with connections:write under Basic Information.",
}

Reply = dict[str, Any]


class Limited(TryLater):
    """A 429: Slack is well and asks for patience."""


class ScopeMissing(ChannelDown):
    """The app was installed without a right that this call needs."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token speaks for."""

    homes: frozenset[str]
    """The workspace, and the Enterprise Grid organisation it is part of."""
    user: str
    name: str
    team: str


class SlackApi:
    """`variable` names the environment variable that holds `token`, for the cure; the value is never told."""

    def __init__(
        self,
        token: str,
        *,
        variable: str = "SLACK_BOT_TOKEN",
        api_url: str,
        timeout: float,
        saw_date: Callable[[str | None], None] = lambda header: None,
    ) -> None:
        self.api_url = api_url if api_url.endswith("/") else f"{api_url}/"
        self.token = token
        self._variable = variable
        self.timeout = timeout
        self._saw_date = saw_date
        self._backoff = Backoff()
        self._paused: dict[str, float] = {}
        self._session: aiohttp.ClientSession | None = None
        self._sdk: AsyncWebClient | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            timeout = aiohttp.ClientTimeout(total=self.timeout, sock_connect=self.timeout / 2)
            self._session = aiohttp.ClientSession(timeout=timeout)
            self._sdk = None
        return self._session

    @property
    def sdk(self) -> AsyncWebClient:
        from slack_sdk.web.async_client import AsyncWebClient

        session = self.session
        if self._sdk is None:
            logger = logging.getLogger("channels.slack.sdk")
            # The SDK prints whole requests wherever its logger has no level of its own.
            logger.setLevel(logging.WARNING)
            self._sdk = AsyncWebClient(
                self.token, base_url=self.api_url, session=session, retry_handlers=[], logger=logger
            )
        return self._sdk

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(
        self,
        method: str,
        args: Reply | None = None,
        *,
        get: bool = False,
        query: bool = False,
        repeatable: bool = True,
    ) -> Reply:
        """Slack's answer. `query`: for the methods that read no JSON; `repeatable`: doing it twice changes nothing,
        so an unknown outcome is a plain retry.

        Raises Limited while the method is paused, TryLater, OutcomeUnknown, ChannelDown, GiveUp(Slack's word)."""
        return (await self.call_with_headers(method, args, get=get, query=query, repeatable=repeatable))[0]

    async def call_with_headers(
        self,
        method: str,
        args: Reply | None = None,
        *,
        get: bool = False,
        query: bool = False,
        repeatable: bool = True,
    ) -> tuple[Reply, dict[str, str]]:
        from slack_sdk.errors import SlackApiError

        self._check_pause(method)
        unknown = TryLater if repeatable else OutcomeUnknown
        try:
            if get or query:
                verb = "GET" if get else "POST"
                reply = await self.sdk.api_call(method, http_verb=verb, params=args or {})
            else:
                reply = await self.sdk.api_call(method, json=args or {})
        except SlackApiError as error:
            raise self._refused(method, error, unknown) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryLater("Slack cannot be reached", self._backoff.next()) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise unknown(f"Slack did not answer {method}", self._backoff.next()) from error
        except (AttributeError, TypeError, ValueError) as error:
            raise unknown(f"Slack's answer to {method} cannot be read", self._backoff.next()) from error
        self._backoff.reset()
        headers = {key.casefold(): value for key, value in reply.headers.items()}
        self._saw_date(headers.get("date"))
        return cast("Reply", reply.data), headers

    def _check_pause(self, method: str) -> None:
        left = self._paused.get(method, 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            raise Limited(f"Slack asked to wait with {method}", timedelta(seconds=left))
        self._paused.pop(method, None)

    def _refused(self, method: str, error: SlackApiError, unknown: type[TryLater]) -> Exception:
        response = error.response
        data = getattr(response, "data", None)
        said = data if isinstance(data, dict) else {}
        status = int(getattr(response, "status_code", getattr(response, "status", 0)))
        word = str(said.get("error") or "")
        if status == 429 or word in LIMITED:
            wait = seconds(response.headers.get("Retry-After"))
            self._paused[method] = asyncio.get_running_loop().time() + wait
            return Limited(f"Slack limits {method}", timedelta(seconds=wait))
        if word in REVOKED:
            cure = f"{self._variable} is refused by Slack ({word}). {CURE[self._variable]}"
            return ChannelDown(cure, timedelta(seconds=LONGEST_WAIT))
        if word == "missing_scope":
            needed = str(said.get("needed") or "a scope")
            cure = f"The Slack app lacks {needed} for {method}. Add it under OAuth & Permissions and reinstall the app."
            return ScopeMissing(cure, timedelta(seconds=LONGEST_WAIT))
        if word in PASSING:
            return TryLater(f"Slack cannot do {method} now ({word})", self._backoff.next())
        if status >= 500 or word in UNSURE:
            return unknown(f"Slack failed in {method} ({word or status})", self._backoff.next())
        return ShapeRefused(word) if word in MISSHAPEN else GiveUp(word)


def seconds(retry_after: str | None) -> float:
    """What a Retry-After header asks for; Slack always sends whole seconds."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else 1.0


async def identify(api: SlackApi) -> Identity:
    return identity_of(await api.call("auth.test"))


def identity_of(me: Reply) -> Identity:
    homes = frozenset(str(me[key]) for key in ("team_id", "enterprise_id") if me.get(key))
    return Identity(homes, str(me["user_id"]), str(me.get("user", "")), str(me.get("team", "")))


async def messages(
    api: SlackApi, channel: str, oldest: float, *, thread: str | None = None, metadata: bool = False
) -> AsyncIterator[Reply]:
    """Every message of a channel, or of one thread, since `oldest` (seconds since 1970), in Slack's order."""
    args: Reply = {"channel": channel, "oldest": f"{oldest:.6f}", "limit": 200}
    method = "conversations.history"
    if thread is not None:
        method, args["ts"] = "conversations.replies", thread
    if metadata:
        args["include_all_metadata"] = 1
    while True:
        page = await api.call(method, args, get=True)
        for message in page["messages"]:
            yield message
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return
        args["cursor"] = cursor
