"""Pull requests at a host that speaks GitHub's API."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from core.errors import LoopOSError

WITHIN: Final = 15.0
REFUSED: Final = frozenset({401, 403, 404})
"""Trying again by itself would not help: somebody has to look at the token or the repository."""
_LIVE: Final = re.compile(r"@(?=[\w-])|#(?=\d)|(?<![\w])GH-(?=\d)", re.IGNORECASE)


class HostAway(LoopOSError):
    """It did not answer, or not as it should; the same may work later."""


class HostRefused(LoopOSError):
    """It said no: nothing is tried again by itself."""


def inert(text: str) -> str:
    """`text` in which no mention, issue number or HTML is live."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LIVE.sub(lambda found: f"{found.group()}\u200b", plain)


class PullRequests:
    def __init__(self, api: str, token: str) -> None:
        self._api = api.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "LoopOS",
        }

    async def ensure(self, origin: str, branch: str, base: str, title: str, body: str) -> str:
        """The page of the open pull request of `branch`, made where there is none. Raises HostAway, HostRefused."""
        owner, repo = owner_and_repo(origin)
        head = quote(f"{owner}:{branch}", safe="")
        found = await self._call("GET", f"/repos/{owner}/{repo}/pulls?state=open&head={head}")
        if isinstance(found, list) and found:
            return str(found[0]["html_url"])
        said = {"title": title[:250], "head": branch, "base": base, "body": body}
        made = await self._call("POST", f"/repos/{owner}/{repo}/pulls", said)
        return str(made["html_url"])

    async def close(self, origin: str, page: str) -> None:
        """Close the one with that page. Raises HostAway, HostRefused."""
        owner, repo = owner_and_repo(origin)
        number = page.rstrip("/").rpartition("/")[2]
        await self._call("PATCH", f"/repos/{owner}/{repo}/pulls/{int(number)}", {"state": "closed"})

    async def _call(self, method: str, path: str, said: dict[str, Any] | None = None) -> Any:
        limit = aiohttp.ClientTimeout(total=WITHIN)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit, headers=self._headers) as http,
                http.request(method, f"{self._api}{path}", json=said, allow_redirects=False) as answer,
            ):
                body = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise HostAway(type(error).__name__) from None
        if answer.status in REFUSED:
            raise HostRefused(f"{answer.status} {_message(body)}")
        if answer.status >= 300:
            raise HostAway(f"{answer.status} {_message(body)}")
        return body


def _message(body: Any) -> str:
    return str(body.get("message", ""))[:120] if isinstance(body, dict) else ""


def owner_and_repo(origin: str) -> tuple[str, str]:
    """The last two parts of a remote's address, without .git. Raises HostRefused."""
    parts = [one for one in re.split(r"[/:\\]", origin.removesuffix("/").removesuffix(".git")) if one]
    if len(parts) < 2:
        raise HostRefused("no owner and repository in the remote's address")
    return parts[-2], parts[-1]
