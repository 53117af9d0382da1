"""LINE's SDK behind one object: its clients, and its many ways to fail in four words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")


class LineError(Exception):
    """A call to LINE that did not succeed."""


class NotSent(LineError):
    """LINE was never reached."""


class Unclear(LineError):
    """It went out, and nobody knows what became of it."""


@dataclass(eq=False)
class Declined(LineError):
    """LINE answered with an error."""

    status: int
    message: str
    sent: list[str]
    """409: what the messages are called that the first call with this key sent."""
    accepted: str | None
    """409: the id of that call."""
    after: timedelta | None
    """429: when to come again, where LINE says."""

    def __str__(self) -> str:
        return f"{self.status} {self.message}"

    @property
    def token_refused(self) -> bool:
        return self.status in {401, 403}

    @property
    def reply_token_invalid(self) -> bool:
        return self.status == 400 and "invalid reply token" in self.message.lower()

    @property
    def quota_spent(self) -> bool:
        return self.status == 429 and "monthly limit" in self.message.lower()


async def ask(call: Awaitable[T]) -> T:
    """The result of an SDK call. Raises LineError."""
    from linebot.v3.messaging.exceptions import ApiException  # type: ignore[import-untyped]
    from pydantic.v1 import ValidationError

    try:
        return await call
    except ApiException as error:
        raise _declined(error.status, error.body, error.headers or {}) from None
    except aiohttp.ClientConnectorError as error:
        raise NotSent(f"LINE cannot be reached ({type(error).__name__})") from None
    except (TimeoutError, aiohttp.ClientError, OSError, UnicodeDecodeError) as error:
        raise Unclear(f"no answer from LINE ({type(error).__name__})") from None
    except ValidationError:
        # A 2xx that does not read like LINE's: a repeat tells, by the retry key or the spent reply token.
        raise Unclear("LINE's answer is not as its API describes it") from None


def _declined(status: int, body: object, headers: Any) -> Declined:
    try:
        data = json.loads(body) if isinstance(body, str | bytes) and body else {}
    except ValueError:
        data = {}
    data = data if isinstance(data, dict) else {}
    sent = data.get("sentMessages")
    ids = (
        [str(one["id"]) for one in sent if isinstance(one, dict) and "id" in one]
        if isinstance(sent, list)
        else []
    )
    details = data.get("details")
    where = [
        f"{one.get('property')}: {one.get('message')}"
        for one in (details if isinstance(details, list) else [])
        if isinstance(one, dict)
    ]
    wait = headers.get("Retry-After", "")
    return Declined(
        status,
        "; ".join([str(data.get("message", "")), *where[:3]])[:300],
        ids,
        headers.get("X-Line-Accepted-Request-Id"),
        timedelta(seconds=int(wait)) if wait.isdecimal() else None,
    )


class Api:
    """The clients for LINE's two hosts. Built at first use: the SDK's need a running loop."""

    def __init__(self, access_token: str, api_url: str, data_url: str, timeout: float) -> None:
        self._token = access_token
        self._api_url = api_url
        self.data_url = data_url
        self.timeout = timeout
        self._clients: list[Any] = []
        self._session: aiohttp.ClientSession | None = None

    def _client(self, url: str) -> Any:
        from linebot.v3.messaging import AsyncApiClient, Configuration  # type: ignore[import-untyped]

        client = AsyncApiClient(Configuration(access_token=self._token, host=url))
        self._clients.append(client)
        return client

    @property
    def messaging(self) -> Any:
        """linebot's AsyncMessagingApi."""
        if "_messaging" not in self.__dict__:
            from linebot.v3.messaging import AsyncMessagingApi

            self._messaging: Any = AsyncMessagingApi(self._client(self._api_url))
        return self._messaging

    @property
    def blob(self) -> Any:
        """linebot's AsyncMessagingApiBlob."""
        if "_blob" not in self.__dict__:
            from linebot.v3.messaging import AsyncMessagingApiBlob

            # The SDK's `host` stands for both hosts, so files need a client of their own.
            self._blob: Any = AsyncMessagingApiBlob(self._client(self.data_url))
        return self._blob

    async def call(self, method: str, *args: Any, **more: Any) -> Any:
        """Call one of AsyncMessagingApi's methods. Raises LineError. Without `_request_timeout` the SDK waits 300 s."""
        more.setdefault("_request_timeout", self.timeout)
        return await ask(getattr(self.messaging, method)(*args, **more))

    async def call_blob(self, method: str, *args: Any, **more: Any) -> Any:
        more.setdefault("_request_timeout", self.timeout)
        return await ask(getattr(self.blob, method)(*args, **more))

    async def reply(self, token: str, messages: list[dict[str, Any]]) -> list[str]:
        """What the messages are called. Raises LineError."""
        from linebot.v3.messaging import Message, ReplyMessageRequest

        request = ReplyMessageRequest(
            replyToken=token, messages=[Message.from_dict(one) for one in messages], notificationDisabled=None
        )
        return _names(await self.call("reply_message", request))

    async def push(self, to: str, messages: list[dict[str, Any]], key: str) -> list[str]:
        """What the messages are called. Raises LineError."""
        from linebot.v3.messaging import Message, PushMessageRequest

        request = PushMessageRequest(
            to=to, messages=[Message.from_dict(one) for one in messages], notificationDisabled=None
        )
        return _names(await self.call("push_message", request, x_line_retry_key=key))

    def download(self, path: str) -> Any:
        """An aiohttp request for a file, read in chunks: the SDK would hold all of it in memory."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}", "Accept-Encoding": "identity"},
                timeout=aiohttp.ClientTimeout(total=None, connect=self.timeout, sock_read=self.timeout),
                auto_decompress=False,
            )
        return self._session.get(f"{self.data_url}{path}", allow_redirects=False)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()
        if self._session is not None:
            await self._session.close()
        if self._clients or self._session is not None:
            await asyncio.sleep(0)  # lets the transports close


def _names(answer: Any) -> list[str]:
    return [one.id for one in answer.sent_messages]
