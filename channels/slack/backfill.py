"""After a silence: what people wrote in the meantime is read from Slack's history, under the ids it would have come with.

Slack repeats an event for some six minutes only; what was taken before changes nothing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, ParamSpec, TypeVar

import structlog

from channels.ingress import Ingress
from channels.slack.addresses import is_direct, place_of
from channels.slack.api import Identity, Reply, SlackApi, messages
from channels.slack.message_parts import moment
from channels.slack.parse import event_of, homes, is_echo, stored
from core.clock import host_seconds
from core.errors import ChannelDown, GiveUp, TryLater

log = structlog.get_logger(__name__)
T = TypeVar("T")
P = ParamSpec("P")

LOOKED_AFTER: Final = timedelta(days=7)
"""Conversations that somebody wrote in since then are looked through."""
OVERLAP: Final = timedelta(seconds=60)
THREADS_BACK: Final = timedelta(days=1)
"""An answer in a thread shows in the history only at the thread's root: roots this old are looked at."""
MAX_TRIES: Final = 5
"""So often one call is repeated when Slack asks to wait."""


async def catch_up(api: SlackApi, ingress: Ingress, me: Identity, seen: Mapping[str, datetime]) -> int:
    """Feed the ingress what came after `seen` (conversation -> when the newest of it came); returns how many."""
    since: dict[str, datetime] = {}
    roots: dict[str, list[datetime]] = defaultdict(list)
    for conversation, last in seen.items():
        place = place_of(conversation)
        if place.kind == "home":
            continue
        channel = await _direct_channel(api, place.id) if place.kind == "person" else place.id
        if channel is None:
            continue
        # All of a room comes the same way: whatever was heard of it last says until when nothing is missing.
        since[channel] = max(last, since.get(channel, last))
        if place.thread:
            roots[channel].append(moment(place.thread))
    if since:
        heard_last = max(since.values())
        since = dict.fromkeys(await _strangers(api), heard_last) | since
    found = [await _channel(api, ingress, me, one, last - OVERLAP, roots[one]) for one, last in since.items()]
    log.info("slack_caught_up", conversations=len(since), messages=sum(found))
    return sum(found)


async def _channel(
    api: SlackApi, ingress: Ingress, me: Identity, channel: str, since: datetime, roots: list[datetime]
) -> int:
    oldest = min([since - THREADS_BACK, *roots])
    try:
        recent = await _patiently(_all, api, channel, oldest - timedelta(seconds=1))
        for root in [one for one in recent if _answered_after(one, since)]:
            recent += await _patiently(_all, api, channel, since, root["ts"])
    except GiveUp as gone:
        log.info("slack_history_closed", channel=channel, reason=str(gone))
        return 0
    fresh = {one["ts"]: one for one in recent if moment(one["ts"]) >= since or _edited_after(one, since)}
    events = [event for _, one in sorted(fresh.items()) for event in _as_events(one, channel, since)]
    count = 0
    for event in events:
        payload = stored({"type": "event_callback", "event": event}, moment(event["event_ts"]), me.user)
        if not is_echo(payload) and not homes(payload) - me.homes:
            await _patiently(ingress.take, [event_of(payload)])
            count += 1
    return count


def _as_events(message: Reply, channel: str, since: datetime) -> list[Reply]:
    """The events that would have come: the message, and its last change if it was changed."""
    where = {"channel": channel, "channel_type": "im" if is_direct(channel) else "channel"}
    events = []
    if moment(message["ts"]) >= since:
        events.append({**message, **where, "type": "message", "event_ts": message["ts"]})
    if _edited_after(message, since):
        at = message["edited"]["ts"]
        change = {"type": "message", "subtype": "message_changed", "message": message, "event_ts": at}
        events.append({**change, **where})
    return events


def _edited_after(message: Reply, since: datetime) -> bool:
    return "edited" in message and moment(message["edited"]["ts"]) >= since


def _answered_after(message: Reply, since: datetime) -> bool:
    latest = message.get("latest_reply")
    return bool(latest) and moment(str(latest)) >= since


async def _all(api: SlackApi, channel: str, oldest: datetime, thread: str | None = None) -> list[Reply]:
    return [one async for one in messages(api, channel, host_seconds(oldest), thread=thread)]


async def _direct_channel(api: SlackApi, person: str) -> str | None:
    try:
        reply = await _patiently(api.call, "conversations.open", {"users": person})
    except GiveUp:
        return None
    return str(reply["channel"]["id"])


async def _strangers(api: SlackApi) -> list[str]:
    """Every direct conversation there is: somebody may have written to us for the first time."""
    found: list[str] = []
    cursor = ""
    while True:
        args: dict[str, Any] = {"types": "im", "limit": 200, **({"cursor": cursor} if cursor else {})}
        try:
            page = await _patiently(api.call, "conversations.list", args, get=True)
        except (GiveUp, ChannelDown) as refused:
            log.info("slack_direct_conversations_unknown", reason=str(refused))
            return found
        found += [str(one["id"]) for one in page["channels"] if not one.get("is_user_deleted")]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return found


async def _patiently(call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """The call again, after the wait that was asked for; ChannelDown and GiveUp are final."""
    for _ in range(MAX_TRIES):
        try:
            return await call(*args, **kwargs)
        except ChannelDown:
            raise
        except TryLater as later:
            await asyncio.sleep(later.after.total_seconds())
    return await call(*args, **kwargs)
