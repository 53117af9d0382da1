"""What is done with a request that is surely Slack's, whether it came over HTTP or over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import structlog

from channels.ingress import Ingress
from channels.slack import forms
from channels.slack.api import Identity, SlackApi
from channels.slack.parse import (
    FORM,
    MALFORMED,
    Payload,
    button_of,
    event_of,
    homes,
    is_echo,
    stored,
    where_tapped,
)
from core.errors import LoopOSError, TryLater

log = structlog.get_logger(__name__)


class Reception:
    def __init__(self, ingress: Ingress, api: SlackApi) -> None:
        self._ingress = ingress
        self._api = api
        self._tasks: set[asyncio.Task[None]] = set()
        self.me: Identity | None = None
        """None until auth.test succeeded; events are taken nevertheless."""

    async def receive(self, data: Payload, at: datetime) -> Payload | None:
        """Keep a request, or open the form it asks for; returns the answer's body, None for an empty one.

        Raises TryLater where it could not be kept: Slack must send it again."""
        payload = stored(data, at, self.me.user if self.me else None)
        if self.me is not None and (foreign := homes(payload) - self.me.homes):
            log.warning("slack_foreign_workspace", workspace=sorted(foreign)[0][:20], id=payload["id"])
            return None
        if is_echo(payload):
            return None
        match payload.get("type"):
            case "block_actions" if await self._wants_form(payload):
                self._in_background(self._open_form(payload, str(data.get("trigger_id"))))
                return None
            case "view_submission":
                return await self._submitted(payload)
        await self._ingress.take([event_of(payload)])
        return None

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wants_form(self, payload: Payload) -> bool:
        """A button says so in its action id; an entry of a menu has to be looked up."""
        try:
            action = payload["actions"][0]
            kind, button = str(action["action_id"]).partition(":")[0], button_of(action)
        except MALFORMED:
            return False
        if kind in {FORM, "tap"}:
            return kind == FORM
        found = await self._ingress.button(button)
        return found is not None and bool(found[0].fields)

    async def _open_form(self, payload: Payload, trigger: str) -> None:
        """Open at once, fill in when the button was found. One that has none any more, or whose form Slack did not
        open, goes on as a plain tap: the core says why it does nothing."""
        try:
            opened = await self._api.call(
                "views.open", {"trigger_id": trigger, "view": forms.loading()}, repeatable=False
            )
            view = opened["view"]["id"]
            found = await self._ingress.button(button_of(payload["actions"][0]))
            if found is None or not found[0].fields:
                await self._ingress.take([event_of(payload)])
                await self._api.call("views.update", {"view_id": view, "view": forms.not_valid()})
                return
            form = forms.form(*found, where_tapped(payload))
            await self._api.call("views.update", {"view_id": view, "view": form})
        except LoopOSError as error:
            log.warning("slack_form_not_opened", reason=str(error), id=payload["id"])
            await self._pass_on(payload)
        except Exception:
            log.exception("slack_form_failed", id=payload["id"])
            await self._pass_on(payload)

    async def _pass_on(self, payload: Payload) -> None:
        try:
            await self._ingress.take([event_of(payload)])
        except TryLater as error:
            log.warning("slack_tap_not_kept", reason=str(error), id=payload["id"])

    async def _submitted(self, payload: Payload) -> Payload:
        try:
            wrong = forms.refusals(payload)
        except MALFORMED:
            wrong = {}
        if wrong:
            return {"response_action": "errors", "errors": wrong}
        await self._ingress.take([event_of(payload)])
        return {"response_action": "clear"}
