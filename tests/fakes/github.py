"""A host that speaks the part of GitHub's API that LoopOS uses, over a bare repository, and refuses what GitHub refuses."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

TOKEN = "ghp_test0000000000000000000000000000000001"


@dataclass
class GitHub:
    repository: Path
    url: str = ""
    pulls: list[dict[str, Any]] = field(default_factory=list)
    status: int = 0
    """Answer so, whatever is asked."""
    asked: list[str] = field(default_factory=list)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/repos/acme/company/pulls", self._list)
        app.router.add_post("/repos/acme/company/pulls", self._create)
        app.router.add_patch("/repos/acme/company/pulls/{number}", self._patch)
        return app

    def _refused(self, request: web.Request) -> web.Response | None:
        self.asked.append(f"{request.method} {request.path_qs}")
        if self.status:
            return web.json_response({"message": "no"}, status=self.status)
        headers = request.headers
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"message": "Bad credentials"}, status=401)
        if not headers.get("User-Agent", "").strip() or "aiohttp" in headers["User-Agent"]:
            return web.json_response({"message": "Request forbidden by administrative rules"}, status=403)
        if headers.get("Accept") != "application/vnd.github+json" or "X-GitHub-Api-Version" not in headers:
            return web.json_response({"message": "Unsupported media type"}, status=415)
        return None

    async def _list(self, request: web.Request) -> web.Response:
        if (no := self._refused(request)) is not None:
            return no
        state, head = request.query.get("state"), request.query.get("head", "")
        owner, _, branch = head.partition(":")
        found = [
            one
            for one in self.pulls
            if one["state"] == state and (owner, branch) == ("acme", one["head"]["ref"])
        ]
        return web.json_response(found)

    async def _create(self, request: web.Request) -> web.Response:
        if (no := self._refused(request)) is not None:
            return no
        said = await request.json()
        if set(said) != {"title", "head", "base", "body"}:
            return web.json_response({"message": "Validation Failed"}, status=422)
        heads = _git(self.repository, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        open_ones = [
            one for one in self.pulls if one["state"] == "open" and one["head"]["ref"] == said["head"]
        ]
        if said["head"] not in heads or said["base"] not in heads or open_ones:
            return web.json_response({"message": "Validation Failed"}, status=422)
        number = len(self.pulls) + 1
        pull = {
            "number": number,
            "state": "open",
            "title": said["title"],
            "body": said["body"],
            "head": {"ref": said["head"]},
            "base": {"ref": said["base"]},
            "html_url": f"{self.url}/acme/company/pull/{number}",
        }
        self.pulls.append(pull)
        return web.json_response(pull, status=201)

    async def _patch(self, request: web.Request) -> web.Response:
        if (no := self._refused(request)) is not None:
            return no
        number = int(request.match_info["number"])
        if not 1 <= number <= len(self.pulls):
            return web.json_response({"message": "Not Found"}, status=404)
        self.pulls[number - 1].update(await request.json())
        return web.json_response(self.pulls[number - 1])

    def merge(self, number: int) -> None:
        """As a person does on the page."""
        pull = self.pulls[number - 1]
        commit = _git(self.repository, "rev-parse", pull["head"]["ref"]).strip()
        _git(self.repository, "update-ref", f"refs/heads/{pull['base']['ref']}", commit)
        pull.update(state="closed", merged=True)


def _git(repository: Path, *args: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *args], capture_output=True, text=True, check=True
    ).stdout
