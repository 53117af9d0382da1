"""The way to the models: whom to ask, for how long, at what cost; and to stop before anybody waits too long."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Literal, TypeVar

import structlog

from core.clock import Clock
from core.errors import TryLater
from core.llm import quoting
from core.llm.answers import Misfit, read
from core.llm.breaker import REST, Breaker
from core.llm.calls import (
    SHUT_FOR,
    Again,
    CallFailed,
    CallSource,
    Earlier,
    Provider,
    Reply,
    Shut,
    Simpler,
    TooSlow,
    Unfit,
    Unseen,
    Vectors,
)
from core.llm.metered_call import CallOutcome, MeteredCalls
from core.llm.port import Answer, Ask, ProviderHealth, T, Unanswered
from core.llm.requests import BATCH, EmbeddingRequest, ModelRequest, QuestionRequest
from core.metering import About, Meter, OverBudget
from core.text import READ_LIMIT

log = structlog.get_logger(__name__)

FIRST_ANSWERS_WITHIN: Final = 6.0
SHARE: Final = 0.6
"""While another could be asked, one provider gets so many seconds, and no more than this part of what is left."""
MAX_WAIT: Final = timedelta(seconds=3)
"""What a vendor's Retry-After may cost; one that asks for more is left alone instead."""
_MARGIN: Final = 0.05
_JITTER: Final = random.SystemRandom()

R = TypeVar("R", bound=CallOutcome)
V = TypeVar("V")


@dataclass
class _Seat:
    """A provider's place in the order."""

    source: CallSource
    breaker: Breaker
    provider: Provider | None = None
    building: asyncio.Task[Provider] | None = None

    @property
    def name(self) -> str:
        return self.source.name


@dataclass
class _Round:
    """One question on its way through the providers. Times are the event loop's, in seconds."""

    deadline: float
    tried: list[str] = field(default_factory=list)

    def left(self) -> float:
        return self.deadline - asyncio.get_running_loop().time()

    def share(self, *, others: bool) -> float:
        """Until when one provider must have begun: a hanging one leaves time for the next."""
        left = self.left()
        return self.deadline - left + min(FIRST_ANSWERS_WITHIN, left * SHARE) if others else self.deadline

    def unanswered(self, why: Literal["down", "invalid", "over_budget"]) -> Unanswered:
        return Unanswered(why, tuple(self.tried))


class Gateway:
    """core.llm.port.Models over providers in their order of preference."""

    def __init__(self, sources: Sequence[CallSource], meter: Meter, clock: Clock) -> None:
        self._seats = [_Seat(source, Breaker(clock)) for source in sources]
        self._till = MeteredCalls(meter)

    async def ask(self, question: Ask[T], within: timedelta) -> Answer[T]:
        """Raises Unanswered, after `within` at the latest."""
        prompt = quoting.build(question, secrets.token_hex(8))
        errand = QuestionRequest(question, prompt, question.tier, question.most_tokens)

        async def one(seat: _Seat, round_: _Round, until: float) -> Answer[T]:
            return await self._answer(seat, question, errand, round_, until)

        return await self._bounded(self._seats, within, one)

    async def embed(self, texts: list[str], about: About, within: timedelta) -> list[list[float]]:
        """One vector per text. Raises Unanswered."""
        if not texts:
            return []

        # An empty text is refused and a very long one too; what is beyond the limit is not read anywhere.
        fit = [text[:READ_LIMIT].strip() or "-" for text in texts]

        async def one(seat: _Seat, round_: _Round, until: float) -> list[list[float]]:
            rows: list[list[float]] = []
            for start in range(0, len(fit), BATCH):
                errand = EmbeddingRequest(fit[start : start + BATCH], about)
                vectors: Vectors = await self._result(seat, errand, round_, until)
                rows += vectors.rows
            return rows

        return await self._bounded([seat for seat in self._seats if seat.source.embeds], within, one)

    def health(self) -> list[ProviderHealth]:
        return [
            ProviderHealth(
                seat.name,
                seat.breaker.state,
                seat.breaker.detail,
                {str(tier): model for tier, model in seat.provider.models.items()} if seat.provider else {},
            )
            for seat in self._seats
        ]

    async def warm(self) -> None:
        """Import the SDKs in a thread, so that no first question waits for them."""
        for seat in self._seats:
            try:
                await self._built(seat)
            except Shut as failure:
                seat.breaker.shut(failure.reason, SHUT_FOR)

    async def close(self) -> None:
        """Give up what still runs, write it down, and let the connections go."""
        await self._till.close()
        for seat in self._seats:
            if seat.building is not None:
                seat.building.cancel()  # the import itself goes on in its thread, nobody waits for it
            if seat.provider is not None:
                await seat.provider.close()

    async def _bounded(
        self,
        seats: list[_Seat],
        within: timedelta,
        one: Callable[[_Seat, _Round, float], Awaitable[V]],
    ) -> V:
        """`one` at the first of `seats` that manages it. Raises Unanswered."""
        if not seats:
            raise Unanswered("off")
        seconds = within.total_seconds()
        # The inner limits end a little earlier, so that whoever was too slow is known and written down.
        round_ = _Round(asyncio.get_running_loop().time() + seconds - min(_MARGIN, seconds / 10))
        try:
            async with asyncio.timeout(seconds):
                return await self._each(seats, round_, one)
        except TimeoutError:
            raise round_.unanswered("down") from None

    async def _each(
        self, seats: list[_Seat], round_: _Round, one: Callable[[_Seat, _Round, float], Awaitable[V]]
    ) -> V:
        for place, seat in enumerate(seats):
            if not seat.breaker.enter():
                round_.tried.append(f"{seat.name}: left alone after {seat.breaker.detail}")
                continue
            others = any(not later.breaker.open for later in seats[place + 1 :])
            try:
                return await one(seat, round_, round_.share(others=others))
            except CallFailed as failure:
                _remember(seat.breaker, failure)
            finally:
                seat.breaker.left()
        raise round_.unanswered("down")

    async def _answer(
        self, seat: _Seat, question: Ask[T], errand: QuestionRequest, round_: _Round, until: float
    ) -> Answer[T]:
        """Asked once, and once more where the answer cannot be used. Raises CallFailed, Unanswered."""
        while True:
            reply: Reply = await self._result(seat, errand, round_, until)
            assert seat.provider is not None
            engine = f"{seat.name}/{seat.provider.models[errand.tier]}"
            try:
                value = read(reply, question.answer)
            except Misfit as misfit:
                round_.tried.append(f"{engine}: {reply.error or 'not valid'}")
                if errand.earlier or not misfit.repairable or round_.left() <= 0:
                    raise round_.unanswered("invalid") from None
                longer = 2 if reply.stop == "truncated" else 1
                earlier = Earlier(misfit.said, misfit.wrong)
                errand = replace(errand, earlier=earlier, most_tokens=errand.most_tokens * longer)
                until = round_.deadline
            else:
                fallen = "" if seat is self._seats[0] else "down"
                return Answer(value, engine, fallen if errand.tier == question.tier else "over_budget")

    async def _result(self, seat: _Seat, errand: ModelRequest[R], round_: _Round, until: float) -> R:
        """What one provider makes of it by `until`, with one retry. Raises CallFailed, Unanswered."""
        loop = asyncio.get_running_loop()
        provider = await self._ready(seat, round_, until)
        retried = False
        while True:
            planned = errand.planned(seat.name, provider)
            try:
                result = await self._till.call(
                    planned, lambda pulse: errand.send(seat.name, provider, pulse), until, round_.deadline
                )
            except OverBudget as over:
                round_.tried.append(f"{seat.name}/{planned.model}: over budget")
                if over.step == "offline" or not errand.step_down():
                    raise round_.unanswered("over_budget") from None
            except TryLater:
                round_.tried.append(f"{seat.name}/{planned.model}: the ledger cannot write now")
                raise round_.unanswered("down") from None
            except Simpler:
                pass  # what was refused is left out from now on, so this ends
            except Unseen:
                errand.without_pictures(seat.name)
            except CallFailed as failure:
                round_.tried.append(f"{seat.name}/{planned.model}: {failure.reason}")
                pause = None if retried else _pause(failure, until - loop.time())
                if pause is None:
                    raise
                retried = True
                await asyncio.sleep(pause)
            else:
                seat.breaker.well()
                return result

    async def _ready(self, seat: _Seat, round_: _Round, until: float) -> Provider:
        try:
            async with asyncio.timeout_at(until):
                return await self._built(seat)
        except TimeoutError:
            round_.tried.append(f"{seat.name}: still starting")
            raise Unfit("still starting") from None
        except Shut as failure:
            round_.tried.append(f"{seat.name}: {failure.reason}")
            raise

    async def _built(self, seat: _Seat) -> Provider:
        """Raises Shut."""
        if seat.provider is None:
            seat.building = seat.building or asyncio.create_task(asyncio.to_thread(seat.source.build))
            try:
                # Shielded: an import that a hurried question started serves the next one.
                seat.provider = await asyncio.shield(seat.building)
            except Exception as error:
                seat.building = None
                log.warning("model_not_built", seat=seat.name, exc_info=error)
                raise Shut(f"cannot be started ({type(error).__name__})") from None
        return seat.provider


def _remember(breaker: Breaker, failure: CallFailed) -> None:
    match failure:
        case Shut():
            breaker.shut(failure.reason, SHUT_FOR)
        case Again(after=after) if after is not None and after > MAX_WAIT:
            breaker.shut(failure.reason, min(after, REST))
        case Again() | TooSlow():
            breaker.failed(failure.reason)
        case _:
            breaker.detail = failure.reason  # it works, only not for this


def _pause(failure: CallFailed, left: float) -> float | None:
    """Seconds until the one retry; None where it is not worth it."""
    if not isinstance(failure, Again) or (failure.after or timedelta()) > MAX_WAIT:
        return None
    pause = (failure.after or timedelta()).total_seconds() + _JITTER.uniform(0.05, 0.25)
    return pause if pause < left / 2 else None
