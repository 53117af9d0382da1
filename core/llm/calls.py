"""One physical call to a provider: what goes in, what comes out, and failures named by what to do next."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final, Literal, Protocol
from urllib.parse import quote

from pydantic import BaseModel

from core.errors import LoopOSError
from core.metering import About, Tier, Usage
from core.model import Picture

EFFORT: Final = "low"
"""Somebody on a stair waits for every answer: a model may think, but not for long."""
SPEND_LIMIT: Final = "spend limit"
SHUT_FOR: Final = timedelta(minutes=5)
"""So long nobody knocks where an operator must act first: a refused key, an account without money."""
_SPENT: Final = ("spend_limit", "insufficient_quota", "billing")
_AGAIN: Final = frozenset({408, 409, 425, 429})
_NOT_PROCESSED: Final = frozenset({503, 529})


@dataclass(frozen=True, slots=True)
class Prompt:
    stable: str
    """Rules and company facts: the same from call to call, so a vendor may keep it."""
    user: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """A first answer that could not be used."""

    said: str
    """"" where it was cut short: half an answer teaches nothing."""
    wrong: str


@dataclass(frozen=True, slots=True)
class Request:
    tier: Literal["fast", "strong"]
    model: str
    about: About
    prompt: Prompt
    answer: type[BaseModel]
    most_tokens: int
    pictures: tuple[Picture, ...] = ()
    earlier: Earlier | None = None


@dataclass
class Pulse:
    """When a streamed answer last grew, on the event loop's clock; None: nothing has come yet."""

    last: float | None = None
    announced: Usage | None = None
    """What the vendor has said so far that it costs: an answer that breaks off is paid for all the same."""

    def beat(self) -> None:
        self.last = asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    usage: Usage | None
    """None: the endpoint does not count."""
    stop: Literal["done", "truncated", "refused"] = "done"

    @property
    def error(self) -> str:
        return "" if self.stop == "done" else self.stop


@dataclass(frozen=True, slots=True)
class Vectors:
    rows: list[list[float]]
    usage: Usage | None
    error: str = ""


class CallFailed(LoopOSError):
    """No reply. `usage`: what it cost all the same; Usage() where surely nothing was processed, None where unknown."""

    def __init__(self, reason: str, usage: Usage | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.usage = usage


class Again(CallFailed):
    """The same call may succeed: busy, broken off, overloaded. `after`: what the vendor asks for, None = it does not
    say."""

    def __init__(self, reason: str, usage: Usage | None = None, after: timedelta | None = None) -> None:
        super().__init__(reason, usage)
        self.after = after


class TooSlow(CallFailed):
    """No answer in the time that was set aside: ask somebody else."""


class Simpler(CallFailed):
    """The endpoint does not know a field. The provider remembers and leaves it out: ask again at once."""


class Unseen(CallFailed):
    """The model cannot look at the pictures: ask again without them."""


class Shut(CallFailed):
    """Nothing will succeed here before an operator acts."""


class Unfit(CallFailed):
    """This call cannot succeed at this provider; others may."""


STRANGE: Final = (AssertionError, AttributeError, KeyError, TypeError, ValueError)
"""What both SDKs raise over a 200 that is not of their API: a sign-in page, another program's JSON."""
NOT_THEIRS: Final = "the answer is not of this API"


class Provider(Protocol):
    """One vendor's SDK behind two calls. Each is one HTTP request; all raise CallFailed."""

    @property
    def models(self) -> Mapping[Tier, str]: ...

    async def reply(self, request: Request, pulse: Pulse) -> Reply: ...

    async def embed(self, texts: list[str], about: About) -> Vectors: ...

    async def faults(self) -> dict[Tier, str]:
        """What is wrong with a tier's model, as the rest of a sentence that begins with its name."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CallSource:
    """A provider that is not built yet: its SDK takes a second to import, so a thread does it at the first use."""

    name: str
    build: Callable[[], Provider]
    embeds: bool = False


def failure(status: int, kind: str, retry_after: str | None) -> CallFailed:
    """What to do about an error answer. `kind` is the vendor's own word for it, never its sentence: a sentence may
    quote the key or the prompt."""
    word = kind if re.fullmatch(r"[\w.-]{1,60}", kind) else ""
    reason = f"{status} {word}".strip()
    if status == 402 or any(mark in word for mark in _SPENT):
        return Shut(SPEND_LIMIT, Usage())
    if status == 401:
        return Shut("the key is refused (401)", Usage())
    if status in _AGAIN or status >= 500:
        free = status < 500 or status in _NOT_PROCESSED
        return Again(reason, Usage() if free else None, _seconds(retry_after))
    return Unfit(reason, Usage())


def _seconds(header: str | None) -> timedelta | None:
    if header is None or not re.fullmatch(r"\d{1,6}(\.\d{1,3})?", header):
        return None
    return timedelta(seconds=float(header))


def labels(about: About, tier: Tier) -> dict[str, str]:
    """What a call is for, for the vendor's own reports; what is unknown is left out."""
    given = {
        "property_id": about.property_id,
        "ticket_id": about.ticket_id,
        "tier": tier,
        "purpose": about.purpose,
    }
    return {name: value[:200] for name, value in given.items() if value}


def headers(about: About, tier: Tier) -> dict[str, str]:
    """The same as X-LoopOS-... headers; percent-encoded, an id may be written in any language."""
    return {
        f"X-LoopOS-{name.title().replace('_', '-')}": quote(value, safe="")
        for name, value in labels(about, tier).items()
    }


def most_input(request: Request) -> int:
    """The most tokens the request can be. Half a token per UTF-8 byte is more than any tokenizer in use makes of
    prose in our five languages; a picture is at most 1600 (Anthropic's figure for its largest)."""
    earlier = request.earlier.said + request.earlier.wrong if request.earlier else ""
    written = request.prompt.stable + request.prompt.user + earlier + _schema(request.answer)
    return len(written.encode("utf-8", "replace")) // 2 + 100 + 1600 * len(request.pictures)


@cache
def _schema(answer: type[BaseModel]) -> str:
    return str(answer.model_json_schema())
