"""Bolt behind the inbox. A request that comes here was verified, kept and acknowledged long ago: Bolt only finds the
listener that says what it means. So nothing that Bolt hands a listener has a token (we speak through the outbox), and
what Bolt would print is switched off: people's words stand in it."""

from __future__ import annotations

import logging

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError

from channels.slack.listeners import add_listeners
from channels.slack.parse import Payload, is_named, parse
from core.inbound import Inbound, Message


def bolt_app() -> AsyncApp:
    silent = logging.getLogger("channels.slack.bolt")
    silent.setLevel(logging.CRITICAL + 1)
    app = AsyncApp(
        name=silent.name,
        logger=silent,
        authorize=_authorize,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    app.error(_fault)
    add_listeners(app)
    return app


async def route(app: AsyncApp, payload: Payload) -> Inbound | None:
    """What the listener says that Bolt finds for a kept request; None where there is none. Raises what it raises."""
    if not _dispatchable(payload):
        return None
    said: list[Inbound | None] = []
    request = AsyncBoltRequest(body=payload, mode="socket_mode", context={"means": said.append})
    await app.async_dispatch(request)
    (found,) = said or [None]
    if found is None or not is_named(found):
        return None
    if isinstance(found, Message) and parse(payload) != found:
        raise LookupError(
            "channels.slack.parse does not read this message: nobody could look at its words again"
        )
    return found


def _dispatchable(payload: Payload) -> bool:
    """Bolt takes this much for granted and stumbles where it is missing."""
    match payload:
        case (
            {"type": "event_callback", "event": {"type": str()}}
            | {"type": "block_actions", "actions": [{"action_id": str()}, *_]}
            | {"type": "view_submission" | "view_closed", "view": {"type": str(), "callback_id": str()}}
            | {"type": "shortcut" | "message_action", "callback_id": str()}
            | {"type": "command", "command": str()}
        ):
            return True
    return False


async def _authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """Bolt wants to know for whom it works. Asked nobody, and without a token."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)


async def _fault(error: Exception) -> None:
    """A fault is the job's, which tries again: not a 500 for Slack, who had its answer. Where nobody listens, nothing
    is wrong."""
    if not isinstance(error, BoltUnhandledRequestError):
        raise error
