"""Reply tokens: an answer with one is free, a push costs quota."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from channels.line.parse import conversation_of, moment, well_formed

FRESH: Final = timedelta(seconds=50)
"""LINE promises a minute (developers.line.biz/en/reference/messaging-api/#send-reply-message); the rest is for us
to be on time."""
VALID: Final = timedelta(seconds=60)
_REMEMBERED: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Token:
    text: str
    at: datetime
    """When the person did what it answers."""


@dataclass
class Replies:
    """The newest unused token of each conversation, and the replies of which nobody knows whether they arrived.

    In memory only: after a restart sign_of_life brings back what is still fresh."""

    _newest: dict[str, Token] = field(default_factory=dict)
    _spent: dict[str, datetime] = field(default_factory=dict)
    _open: dict[str, Token] = field(default_factory=dict)
    """By the key of the attempt."""

    def remember(self, event: dict[str, Any], now: datetime) -> None:
        """Keep the token of a verified event, unless it is known to be used, old, or of a redelivery."""
        self._forget(now)
        text, context = event.get("replyToken"), event.get("deliveryContext")
        if not well_formed(event) or not isinstance(text, str) or text in self._spent:
            return
        if isinstance(context, dict) and context.get("isRedelivery") is True:
            return
        token, where = Token(text, moment(event)), conversation_of(event)
        known = self._newest.get(where)
        if now - token.at <= FRESH and (known is None or known.at <= token.at):
            self._newest[where] = token

    def begin(self, key: str, where: str, now: datetime, *, first: bool) -> tuple[Token, bool] | None:
        """The token to answer `where` with under `key`, and whether this answer was tried with it before.

        None: there is none that is fresh, or an earlier attempt went another way."""
        if key in self._open:
            return self._open[key], True
        token = self._newest.pop(where, None) if first else None
        if token is None or now - token.at > FRESH:
            return None
        self._spent[token.text] = now
        self._open[key] = token
        return token, False

    def done(self, key: str) -> None:
        """It is known what became of the reply under `key`."""
        self._open.pop(key, None)

    def unused(self, key: str, where: str) -> None:
        """The reply under `key` surely never began: its token is still good."""
        token = self._open.pop(key)
        del self._spent[token.text]
        self._newest.setdefault(where, token)

    def _forget(self, now: datetime) -> None:
        old = now - _REMEMBERED
        self._spent = {text: at for text, at in self._spent.items() if at > old}
        self._open = {key: token for key, token in self._open.items() if token.at > old}
        self._newest = {where: token for where, token in self._newest.items() if now - token.at <= FRESH}
