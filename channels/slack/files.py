"""Attachments: fetched with the bot's token, which goes to Slack's own hosts and nowhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import aiohttp
from yarl import URL

from channels.slack.api import API_URL, SlackApi, seconds
from channels.slack.message_parts import STUB, remote_files
from core.errors import GiveUp, TryLater
from core.inbound import RemoteFile
from core.media import MAX_BYTES

CHUNK: Final = 64 * 1024
MAX_HOPS: Final = 3


def trusted(url: URL, api_url: str) -> bool:
    """Slack's file hosts over https; or where the operator said that Slack is (SLACK_API_URL)."""
    if api_url != API_URL and url.origin() == URL(api_url).origin():
        return True
    host = url.host or ""
    return url.scheme == "https" and url.port == 443 and (host == "slack.com" or host.endswith(".slack.com"))


async def fetch(api: SlackApi, file: RemoteFile) -> AsyncIterator[bytes]:
    """The bytes, in chunks. Raises GiveUp (foreign_host, too_large, gone) or TryLater."""
    if file.ref.startswith(STUB):
        found = remote_files({"files": [await _known(api, file.ref.removeprefix(STUB))]})
        if not found or found[0].ref.startswith(STUB):
            raise GiveUp("not_media")
        file = found[0]
    if (file.bytes or 0) > MAX_BYTES:
        raise GiveUp("too_large")
    url = checked(file.ref, api.api_url)
    patience = aiohttp.ClientTimeout(total=6 * api.timeout, sock_connect=api.timeout, sock_read=api.timeout)
    try:
        for _ in range(MAX_HOPS):
            async with api.session.get(
                url,
                headers={"Authorization": f"Bearer {api.token}"},
                allow_redirects=False,
                timeout=patience,
            ) as response:
                if response.status in {301, 302, 303, 307, 308}:
                    url = _next_hop(url, response.headers.get("Location", ""))
                    continue
                _check(response)
                read = 0
                async for chunk in response.content.iter_chunked(CHUNK):
                    read += len(chunk)
                    if read > MAX_BYTES:
                        raise GiveUp("too_large")
                    yield chunk
                return
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise TryLater("Slack did not hand over the file") from error
    raise GiveUp("gone")


async def _known(api: SlackApi, name: str) -> dict[str, Any]:
    """What Slack says of a file of which only the id came."""
    said: dict[str, Any] = (await api.call("files.info", {"file": name}, get=True)).get("file") or {}
    return said


def checked(ref: str, api_url: str) -> URL:
    """Raises GiveUp for an address that is not Slack's."""
    try:
        url = URL(ref)
        good = trusted(url, api_url)
    except ValueError:
        good = False
    if not good:
        raise GiveUp("foreign_host")
    return url


def _next_hop(url: URL, location: str) -> URL:
    """Only on the same host: the token must not follow anywhere else."""
    try:
        onward = url.join(URL(location))
        same = onward.origin() == url.origin()
    except ValueError:
        same = False
    if not same:
        raise GiveUp("foreign_host")
    return onward


def _no_access() -> TryLater:
    """The token is revoked or lacks files:read: the file is there, and can be had once an operator acts."""
    return TryLater("Slack refuses the file to SLACK_BOT_TOKEN (files:read)", timedelta(minutes=1))


def _check(response: aiohttp.ClientResponse) -> None:
    match response.status:
        case 404 | 410:
            raise GiveUp("gone")
        case 401 | 403:
            raise _no_access()
        case 429:
            raise TryLater(
                "Slack limits downloads", timedelta(seconds=seconds(response.headers.get("Retry-After")))
            )
        case status if status >= 500:
            raise TryLater(f"Slack's file host failed ({status})")
        case status if status != 200:
            raise GiveUp(f"refused ({status})")
    if response.content_type == "text/html":
        # Without files:read Slack answers 200 with its page for signing in.
        raise _no_access()
    if (response.content_length or 0) > MAX_BYTES:
        raise GiveUp("too_large")
