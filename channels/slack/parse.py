"""What a verified request of Slack's means. Pure: nothing here asks Slack or the database.

`stored` makes the row's payload of what came in; `event_of` gives it the id that a redelivery repeats; `parse` reads it
again when it is worked on."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any, Final

from channels.ingress import VerifiedEvent
from channels.slack.addresses import HOME, is_direct, ref
from channels.slack.message_parts import kind_of, moment, plain, remote_files, without_mention
from core.inbound import Edited, Inbound, Message, Opened, Tap, Unsent
from core.text import escape

CHANNEL: Final = "slack"
FORM: Final = "form"
"""callback_id of the modals that ask for a button's fields."""
MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, OSError)
SLACKBOT: Final = "USLACKBOT"
_SECRETS: Final = {"token", "response_url", "response_urls", "trigger_id"}
"""Each of these lets its holder speak to Slack; none is needed once the request is kept."""
_SAID: Final = {None, "file_share", "thread_broadcast", "me_message"}
"""Subtypes of messages in which a person says something."""

Payload = dict[str, Any]


# --- keeping


def stored(data: Payload, at: datetime, bot: str | None) -> Payload:
    """What is kept of a request: without its secrets, with when it came, who the bot is there, and its own id."""
    authorized = data.get("authorizations")
    if isinstance(authorized, list) and authorized and isinstance(authorized[0], dict):
        bot = authorized[0].get("user_id") if authorized[0].get("is_bot") else bot
    kept = {key: value for key, value in data.items() if key not in _SECRETS}
    return {**kept, "at": at.isoformat(), "bot": bot, "id": _event_id(data)}


def event_of(payload: Payload) -> VerifiedEvent:
    try:
        conversation = _conversation(payload)
    except MALFORMED:
        conversation = "unknown"
    return VerifiedEvent(payload["id"], conversation[:200], payload)


def _event_id(data: Payload) -> str:
    try:
        found = _known_id(data)
    except MALFORMED:
        found = None
    if isinstance(found, str) and len(found) <= 200:
        return found
    whole = json.dumps(data, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return f"raw:{hashlib.sha256(whole).hexdigest()}"


def _known_id(data: Payload) -> str | None:
    match data.get("type"):
        case "event_callback":
            return _id_in_event(data["event"]) or data.get("event_id")
        case "block_actions":
            # In a Home tab there is no channel: the view's own id stands for the message.
            where = data.get("channel", {}).get("id") or f"{HOME}{data['user']['id']}"
            what = data["container"].get("message_ts") or data["container"]["view_id"]
            return f"act:{where}:{what}:{data['actions'][0]['action_ts']}"
        case "view_submission":
            return f"view:{data['view']['id']}:{data['view']['hash']}"
        case "shortcut" | "message_action":
            return f"shortcut:{data['user']['id']}:{data['action_ts']}"
        case "command":
            return f"cmd:{data['trigger_id']}"
    return None


def _id_in_event(event: Payload) -> str | None:
    if event["type"] == "app_mention":
        return f"msg:{event['channel']}:{event['ts']}"
    if event["type"] != "message":
        return None
    match event.get("subtype"):
        case "message_changed":
            inner = event["message"]
            if inner.get("subtype") == "tombstone":
                return f"del:{event['channel']}:{inner['ts']}"
            edited = inner.get("edited", {}).get("ts") or event["event_ts"]
            return f"edit:{event['channel']}:{inner['ts']}:{edited}"
        case "message_deleted":
            return f"del:{event['channel']}:{event['deleted_ts']}"
        case subtype if subtype in _SAID:
            return f"msg:{event['channel']}:{event['ts']}"
    return None


def _conversation(payload: Payload) -> str:
    """The lane a payload is worked on in, also where nothing comes of it."""
    found = parse(payload)
    if found is not None:
        return found.conversation_id
    event = payload.get("event", {})
    return str(event.get("channel") or event.get("user") or payload.get("user", {}).get("id") or "unknown")


def is_echo(payload: Payload) -> bool:
    """Our own words coming back, or another bot's: not even kept."""
    event = payload.get("event")
    if not isinstance(event, dict):
        return False
    for said in (event, event.get("message"), event.get("previous_message")):
        if isinstance(said, dict) and (said.get("bot_id") or said.get("subtype") == "bot_message"):
            return True
        if isinstance(said, dict) and said.get("user") in (payload["bot"] or SLACKBOT, SLACKBOT):
            # Slackbot also owns the gravestone of a deleted message: that one is a person's doing.
            return said.get("subtype") != "tombstone"
    return False


def homes(payload: Payload) -> set[str]:
    """The workspaces that a request names: where it happened and where its sender belongs (a guest from another
    company in a shared channel comes with their own)."""
    event, user = payload.get("event"), payload.get("user")
    team = payload.get("team")
    named = [payload.get("team_id"), team.get("id") if isinstance(team, dict) else None]
    if isinstance(user, dict):
        named.append(user.get("team_id"))
    if isinstance(event, dict):
        named += [event.get(key) for key in ("team", "user_team", "source_team")]
    return {one for one in named if one and isinstance(one, str)}


# --- reading


def parse(payload: Payload) -> Inbound | None:
    """None for what asks nothing of us, and for what is not as Slack writes it. Never raises."""
    try:
        found = _parse(payload)
    except MALFORMED:
        return None
    named = found is not None and isinstance(found.sender, str) and isinstance(found.conversation_id, str)
    return found if named else None


def _parse(payload: Payload) -> Inbound | None:
    match payload["type"]:
        case "event_callback":
            return None if is_echo(payload) else _event(payload["event"], payload["bot"])
        case "block_actions":
            return _tap(payload)
        case "view_submission" if payload["view"]["callback_id"] == FORM:
            return _filled(payload)
        case "shortcut" if payload["callback_id"] == "open_tickets":
            return _said_privately(payload, payload["user"]["id"], "/tickets")
        case "message_action" if payload["callback_id"] == "file_ticket":
            return _filed(payload)
        case "command":
            return _said_privately(payload, payload["user_id"], command_text(payload))
    return None


def _event(event: Payload, bot: str | None) -> Inbound | None:
    match event["type"], event.get("subtype"):
        case "app_mention", _:
            return _message(event, bot, mentioned=True)
        case "message", "message_changed":
            return _changed(event, bot)
        case "message", "message_deleted":
            return _unsent(event, event["deleted_ts"])
        case "message", subtype if subtype in _SAID and not event.get("hidden"):
            return _message(event, bot)
        case "app_home_opened", _ if event.get("tab") == "home":
            return Opened(CHANNEL, f"{HOME}{event['user']}", event["user"], moment(event["event_ts"]))
    return None


def _message(event: Payload, bot: str | None, *, mentioned: bool = False) -> Message:
    channel, ts, thread = event["channel"], event["ts"], event.get("thread_ts")
    text, named = without_mention(event.get("text") or "", bot)
    remote = remote_files(event)
    direct = is_direct(channel)
    said = plain(text)
    return Message(
        channel=CHANNEL,
        conversation_id=event["user"] if direct else ref(channel, thread or ts),
        message_id=ref(channel, ts),
        sender=event["user"],
        text=said,
        at=moment(ts),
        kind=kind_of(remote),
        reply_to=ref(channel, thread) if thread and thread != ts else None,
        remote=remote,
        room=None if direct else channel,
        addressed=direct or mentioned or named,
        unusable=bool(event.get("files")) and not remote and not said,
    )


def _changed(event: Payload, bot: str | None) -> Edited | Unsent | None:
    inner, before = event["message"], event.get("previous_message") or {}
    if inner.get("subtype") == "tombstone":
        # A deleted message that has answers stays as a gravestone: Slack reports it as a change.
        return _unsent(event, inner["ts"])
    if inner.get("hidden") or inner.get("subtype") not in _SAID or inner.get("text") == before.get("text"):
        return None  # a link's preview was added, or something else that nobody wrote
    text, _ = without_mention(inner.get("text") or "", bot)
    channel, sender = event["channel"], inner["user"]
    return Edited(
        CHANNEL,
        sender if is_direct(channel) else ref(channel, inner.get("thread_ts") or inner["ts"]),
        ref(channel, inner["ts"]),
        sender,
        plain(text),
        moment(inner.get("edited", {}).get("ts") or event["event_ts"]),
    )


def _unsent(event: Payload, ts: str) -> Unsent:
    before, channel = event["previous_message"], event["channel"]
    sender = before["user"]
    conversation = sender if is_direct(channel) else ref(channel, before.get("thread_ts") or ts)
    return Unsent(CHANNEL, conversation, ref(channel, ts), sender, moment(event["event_ts"]))


def _tap(payload: Payload) -> Tap | None:
    if payload.get("view", {}).get("type") == "modal":
        return None
    action = payload["actions"][0]
    return Tap(
        CHANNEL,
        where_tapped(payload),
        payload["user"]["id"],
        button_of(action),
        {},
        moment(action["action_ts"]),
    )


def button_of(action: Payload) -> str:
    """The button's id: a button's own value, or that of what was picked in a menu."""
    picked = action.get("selected_option")
    return escape(str(picked["value"] if picked else action["value"]))


def where_tapped(payload: Payload) -> str:
    """The conversation that a card was sent to: a card at the top of a room belongs to the room."""
    user, channel = payload["user"]["id"], payload.get("channel", {}).get("id")
    if channel is None:
        return f"{HOME}{user}"
    if is_direct(channel):
        return str(user)
    message, container = payload.get("message") or {}, payload["container"]
    ts = container.get("message_ts") or message.get("ts")
    thread = container.get("thread_ts") or message.get("thread_ts")
    return ref(channel, thread) if thread and thread != ts else str(channel)


def _filled(payload: Payload) -> Tap:
    meta = json.loads(payload["view"]["private_metadata"])
    values = {name: escape(value) for name, _, value in filled(payload)}
    at = datetime.fromisoformat(payload["at"])
    return Tap(CHANNEL, meta["conversation"], payload["user"]["id"], escape(meta["button"]), values, at)


def filled(payload: Payload) -> list[tuple[str, str, str]]:
    """(field, kind, value) of everything that was filled in; forms.py names blocks and actions so."""
    found = []
    for name, actions in payload["view"]["state"]["values"].items():
        for kind, state in actions.items():
            picked = state.get("selected_option")
            value = picked["value"] if picked else state.get("value")
            if value:
                found.append((str(name), str(kind), str(value)))
    return found


def command_text(payload: Payload) -> str:
    """ "/loopos cost today" and "/cost today" are the same words; "/loopos" alone asks for help."""
    command, rest = str(payload["command"]), str(payload.get("text") or "").strip()
    said = rest.lstrip("/") if command == "/loopos" else f"{command.lstrip('/')} {rest}"
    return plain(f"/{said.strip() or 'help'}")


def _said_privately(payload: Payload, user: str, text: str) -> Message:
    at = datetime.fromisoformat(payload["at"])
    return Message(CHANNEL, user, payload["id"], user, text, at)


def _filed(payload: Payload) -> Message:
    """Somebody's message, reported by the person who used the shortcut; the answers come to them alone."""
    user, channel, message = payload["user"]["id"], payload["channel"]["id"], payload["message"]
    remote = remote_files(message)
    text = plain(str(message.get("text") or ""))
    return Message(
        channel=CHANNEL,
        conversation_id=user,
        message_id=payload["id"],
        sender=user,
        text=text,
        at=moment(payload["action_ts"]),
        kind=kind_of(remote),
        remote=remote,
        room=None if is_direct(channel) else channel,
        unusable=not remote and not text,
    )
