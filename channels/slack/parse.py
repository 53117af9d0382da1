"""What a verified request of Slack's is, and what is said in it. Pure: nothing here asks Slack or the database.

`stored` makes the row's payload of what came in, with the id that a redelivery repeats; `event_of` names its lane;
`parse` reads its words when it is worked on. What else it may mean is said by its listener (listeners.py)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from channels.ingress import VerifiedEvent
from channels.slack.addresses import HOME, is_direct, ref
from channels.slack.message_parts import (
    kind_of,
    mentions_in,
    moment,
    plain,
    remote_files,
    shared,
    snippets,
    without_mention,
)
from core.inbound import Inbound, Message
from core.text import escape

CHANNEL: Final = "slack"
FORM: Final = "form"
"""callback_id of the modals that ask for a button's fields."""
MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, OSError)
SLACKBOT: Final = "USLACKBOT"
_SECRETS: Final = {"token", "response_url", "response_urls", "trigger_id"}
"""Each of these lets its holder speak to Slack; none is needed once the request is kept."""
SAID: Final = (None, "file_share", "thread_broadcast", "me_message")
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
    """In the lane of its conversation; what belongs to none, in that of where it comes from."""
    lane = _name(conversation_of, payload) or _name(_origin, payload) or "unknown"
    return VerifiedEvent(payload["id"], lane, payload)


def _event_id(data: Payload) -> str:
    if known := _name(_known_id, data):
        return known
    whole = json.dumps(data, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    return f"raw:{hashlib.sha256(whole).hexdigest()}"


def _name(find: Callable[[Payload], str | None], data: Payload) -> str | None:
    """What `find` finds; None where that is no name, or the request not as Slack writes it."""
    try:
        found = find(data)
    except MALFORMED:
        return None
    return found if isinstance(found, str) and 0 < len(found) <= 200 else None


def _origin(payload: Payload) -> str | None:
    event = payload.get("event") or {}
    origin: str | None = event.get("channel") or event.get("user") or payload["user"]["id"]
    return origin


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
        case subtype if subtype in SAID:
            return f"msg:{event['channel']}:{event['ts']}"
    return None


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


# --- where it belongs


def conversation_of(payload: Payload) -> str:
    """Where an answer goes. Raises one of MALFORMED for an event that is about no message."""
    found: str
    match payload["type"]:
        case "event_callback":
            found = _conversation_of_event(payload["event"])
        case "block_actions":
            found = where_tapped(payload)
        case "view_submission":
            found = meta_of(payload)["conversation"]
        case "command":
            found = payload["user_id"]
        case _:
            found = payload["user"]["id"]
    return found


def _conversation_of_event(event: Payload) -> str:
    if event["type"] == "app_home_opened":
        return f"{HOME}{event['user']}"
    channel, message = event["channel"], about(event)
    user, thread = message["user"], message.get("thread_ts")
    if is_direct(channel):
        # What is asked in a thread is answered in it, also where two talk alone.
        return ref(user, thread) if thread and thread != message["ts"] else str(user)
    return ref(channel, thread or message["ts"])


def about(event: Payload) -> Payload:
    """The message that an event is about; of one that was taken back, as it was."""
    message: Payload = event.get("message", event)
    # A deleted message that has answers stays as a gravestone: Slack reports it as a change.
    gone = event.get("subtype") == "message_deleted" or message.get("subtype") == "tombstone"
    return event["previous_message"] if gone else message


def where_tapped(payload: Payload) -> str:
    """The conversation that a card was sent to: a card at the top of a room belongs to the room."""
    user, channel = payload["user"]["id"], payload.get("channel", {}).get("id")
    if channel is None:
        return f"{HOME}{user}"
    message, container = payload.get("message") or {}, payload["container"]
    ts = container.get("message_ts") or message.get("ts")
    thread = container.get("thread_ts") or message.get("thread_ts")
    head = str(user if is_direct(channel) else channel)
    return ref(head, thread) if thread and thread != ts else head


# --- reading


def parse(payload: Payload) -> Message | None:
    """What somebody says; None where nothing is said, or not as Slack writes it. Never raises.

    All words are read here, for their listener and for those who look at a row's words again."""
    try:
        said = _words(payload)
    except MALFORMED:
        return None
    return said if said is not None and is_named(said) else None


def is_named(found: Inbound) -> bool:
    """From somebody, somewhere. An id that is no text is none."""
    return isinstance(found.sender, str) and isinstance(found.conversation_id, str)


def _words(payload: Payload) -> Message | None:
    match payload["type"]:
        case "event_callback" if not payload["event"].get("hidden"):
            return _said(payload["event"], conversation_of(payload), payload["bot"])
        case "message_action":
            return _filed(payload)
        case "shortcut" if payload["callback_id"] == "open_tickets":
            return _said_privately(payload, "/tickets")
        case "command":
            return _said_privately(payload, command_text(payload))
    return None


def _said(event: Payload, conversation: str, bot: str | None) -> Message:
    channel, ts, thread = event["channel"], event["ts"], event.get("thread_ts")
    text, named = without_mention(event.get("text") or "", bot)
    passed_on = shared(event)
    remote = (*remote_files(event), *(file for _, _, one in passed_on for file in remote_files(one)))
    direct = is_direct(channel)
    raw = "\n".join([text, *(_by(author, words) for author, words, _ in passed_on)])
    said = "\n".join(part for part in (plain(raw), *snippets(event)) if part.strip())
    return Message(
        channel=CHANNEL,
        conversation_id=conversation,
        message_id=ref(channel, ts),
        sender=event["user"],
        text=said,
        at=moment(ts),
        kind=kind_of(remote),
        reply_to=ref(channel, thread) if thread and thread != ts else None,
        remote=remote,
        room=None if direct else channel,
        addressed=direct or named or event["type"] == "app_mention",
        unusable=bool(event.get("files")) and not remote and not said,
        foreign=bool(passed_on),
        mentions=mentions_in(raw),
    )


def _by(author: str, words: str) -> str:
    """Somebody else's words, with whose they are."""
    return f"<@{author}>: {words}" if re.fullmatch(r"[UW][A-Z0-9]+", author) else f"{author}: {words}"


def _said_privately(payload: Payload, text: str) -> Message:
    user = conversation_of(payload)
    return Message(CHANNEL, user, payload["id"], user, text, datetime.fromisoformat(payload["at"]))


def command_text(payload: Payload) -> str:
    """ "/loopos cost today" and "/cost today" are the same words; "/loopos" alone asks for help."""
    command, rest = str(payload["command"]), str(payload.get("text") or "").strip()
    said = rest.lstrip("/") if command == "/loopos" else f"{command.lstrip('/')} {rest}"
    return plain(f"/{said.strip() or 'help'}")


def _filed(payload: Payload) -> Message:
    """Somebody's message, reported by the person who used the shortcut; the answers come to them alone."""
    user, channel, message = conversation_of(payload), payload["channel"]["id"], payload["message"]
    remote = remote_files(message)
    words = "\n".join([str(message.get("text") or ""), *snippets(message)]).strip()
    author = str(message.get("user") or message.get("username") or "")
    own = author == user
    raw = words if own or not words else _by(author, words)
    text = plain(raw)
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
        foreign=not own,
        mentions=mentions_in(raw),
    )


def button_of(action: Payload) -> str:
    """The button's id: a button's own value, or that of what was picked in a menu."""
    picked = action.get("selected_option")
    return escape(str(picked["value"] if picked else action["value"]))


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


def meta_of(payload: Payload) -> dict[str, Any]:
    """What forms.py wrote into the modal about itself."""
    meta: dict[str, Any] = json.loads(payload["view"]["private_metadata"])
    return meta
