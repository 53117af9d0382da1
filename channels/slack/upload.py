"""A file into a conversation: ask where to, bring the bytes there, then show it. Only the last step can be seen.

https://docs.slack.dev/messaging/working-with-files#uploading_files"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import PurePath
from typing import Final

import aiohttp

from channels.slack.api import Limited, Reply, ScopeMissing, SlackApi, seconds
from channels.slack.draw import SECTION, fit
from channels.slack.files import checked
from core.errors import GiveUp, TryLater
from core.ports import Outgoing
from core.text import shorten

MAX_ALT: Final = 1000
TIMEOUT_FACTOR: Final = 6
"""So many times the usual patience may an upload take."""


async def upload(api: SlackApi, file: Outgoing, key: str) -> str:
    """The id of the file, which nobody sees yet. Raises TryLater or GiveUp: it may simply be done again."""
    data = await file.read()
    args: Reply = {"filename": unique_name(file.name, key), "length": len(data)}
    if file.is_picture and file.alt:
        args["alt_txt"] = shorten(file.alt, MAX_ALT)
    try:
        where = await api.call("files.getUploadURLExternal", args, query=True)
    except ScopeMissing as refused:
        # Texts must not wait for it behind a scope that they do not need.
        raise GiveUp(str(refused)) from refused
    await _bring(api, str(where["upload_url"]), data)
    return str(where["file_id"])


async def _bring(api: SlackApi, address: str, data: bytes) -> None:
    """To Slack's own hosts only. The address itself is the permission: no token goes along."""
    url = checked(address, api.api_url)
    patience = aiohttp.ClientTimeout(total=TIMEOUT_FACTOR * api.timeout, sock_connect=api.timeout)
    try:
        async with api.session.post(url, data=data, timeout=patience, allow_redirects=False) as response:
            match response.status:
                case 200:
                    return
                case 413:
                    raise GiveUp("too_large")
                case 429:
                    wait = timedelta(seconds=seconds(response.headers.get("Retry-After")))
                    raise Limited("Slack limits uploads", wait)
                case status if status >= 500:
                    raise TryLater(f"Slack's file host failed ({status})")
                case status:
                    raise GiveUp(f"Slack refuses the file ({status})")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise TryLater("Slack did not take the file") from error


async def show(api: SlackApi, file_id: str, file: Outgoing, *, channel: str, thread: str | None) -> None:
    """Raises OutcomeUnknown where it may stand there already; `left_by` finds out."""
    args: Reply = {"files": json.dumps([{"id": file_id, "title": file.name}]), "channel_id": channel}
    if thread is not None:
        args["thread_ts"] = thread
    if file.caption:
        args["initial_comment"] = fit(file.caption, SECTION)
    await api.call("files.completeUploadExternal", args, query=True, repeatable=False)


def unique_name(name: str, key: str) -> str:
    """People read the title; by the name, which a file of Slack's keeps, the attempt under `key` is known again."""
    path = PurePath(name)
    return f"{path.stem}-{key[:8]}{path.suffix}"


def left_by(message: Reply, file: Outgoing, key: str) -> bool:
    files = message.get("files")
    mine = unique_name(file.name, key)
    return isinstance(files, list) and any(one.get("name") == mine for one in files if isinstance(one, dict))
