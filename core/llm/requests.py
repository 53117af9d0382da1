"""What the gateway is sent for: one question or one embedding, worded anew for each provider that is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeVar

from core.llm.calls import Earlier, Prompt, Provider, Pulse, Reply, Request, Vectors, most_input
from core.llm.metered_call import CallOutcome
from core.llm.port import Ask
from core.metering import About, Planned

THINKING: Final = {"fast": 500, "strong": 2_000}
"""Tokens beside the answer's own: both vendors count what a model thinks against its limit."""

BATCH: Final = 64
"""Texts of READ_LIMIT characters that surely fit into one request (300,000 tokens at OpenAI)."""

R_co = TypeVar("R_co", bound=CallOutcome, covariant=True)


class ModelRequest(Protocol[R_co]):
    def planned(self, name: str, provider: Provider) -> Planned:
        """The call that `send` would make now, with the most it can use."""

    async def send(self, name: str, provider: Provider, pulse: Pulse) -> R_co:
        """Raises CallFailed."""

    def step_down(self) -> bool:
        """Make it cheaper; False where it cannot be."""

    def without_pictures(self, name: str) -> None:
        """The provider of that name cannot see them."""


@dataclass
class QuestionRequest:
    ask: Ask[Any]
    prompt: Prompt
    tier: Literal["fast", "strong"]
    most_tokens: int
    earlier: Earlier | None = None
    blind: set[str] = field(default_factory=set)

    def planned(self, name: str, provider: Provider) -> Planned:
        one = self._request(name, provider)
        return Planned(one.tier, name, one.model, one.about, most_input(one), one.most_tokens)

    async def send(self, name: str, provider: Provider, pulse: Pulse) -> Reply:
        return await provider.reply(self._request(name, provider), pulse)

    def step_down(self) -> bool:
        if self.tier == "fast":
            return False
        self.tier = "fast"
        return True

    def without_pictures(self, name: str) -> None:
        self.blind.add(name)

    def _request(self, name: str, provider: Provider) -> Request:
        return Request(
            tier=self.tier,
            model=provider.models[self.tier],
            about=self.ask.about,
            prompt=self.prompt,
            answer=self.ask.answer,
            most_tokens=self.most_tokens + THINKING[self.tier],
            pictures=() if name in self.blind else self.ask.pictures,
            earlier=self.earlier,
        )


@dataclass
class EmbeddingRequest:
    """At most BATCH texts, none of them empty."""

    texts: list[str]
    about: About

    def planned(self, name: str, provider: Provider) -> Planned:
        most = sum(len(text.encode("utf-8", "replace")) // 2 + 1 for text in self.texts)
        return Planned("embed", name, provider.models["embed"], self.about, most)

    async def send(self, name: str, provider: Provider, pulse: Pulse) -> Vectors:
        return await provider.embed(self.texts, self.about)

    def step_down(self) -> bool:
        return False

    def without_pictures(self, name: str) -> None:
        """There are none."""
