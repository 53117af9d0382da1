"""Errors, named after what the caller should do next."""

from __future__ import annotations

from datetime import timedelta


class LoopOSError(Exception):
    """Root of every error this house raises on purpose."""


class TryLater(LoopOSError):
    """The same call may succeed after `after`."""

    def __init__(self, reason: str, after: timedelta = timedelta(seconds=1)) -> None:
        super().__init__(reason)
        self.after = after


class GiveUp(LoopOSError):
    """The same call can never succeed; do not repeat it."""


class ShapeRefused(GiveUp):
    """A platform does not take it as it is built (too long, a part that it does not know): say the same in plain words."""


class AskHuman(LoopOSError):
    """The outcome is unknown or the decision is not ours: a person must look."""


class Refused(LoopOSError):
    """A person asked for what they may not or cannot have.

    `code` names the sentence of core.phrases that tells them, `params` fill it; nothing was changed."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class StartupError(LoopOSError):
    """The service cannot start. `remedy` says what the operator does next."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class OutcomeUnknown(TryLater):
    """It may have been done already: find out before the call is repeated."""


class ChannelDown(TryLater):
    """Nothing can be sent on a channel until an operator acts (a revoked token). The text is the cure."""


class QuotaSpent(GiveUp):
    """What was paid for is used up: take another way. `key` names the quota and its period."""

    def __init__(self, reason: str, key: str) -> None:
        super().__init__(reason)
        self.key = key
