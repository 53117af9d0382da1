"""The language models of this installation: which providers are configured, and whether they work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from bot.settings import Settings
from core.clock import Clock
from core.context import Store
from core.llm.calls import CallFailed, CallSource, Provider, Shut, Unfit
from core.llm.gateway import Gateway
from core.metering import Meter, Tier

if TYPE_CHECKING:
    from core.brain.embeddings import Embeddings
    from core.llm.anthropic import Anthropic
    from core.llm.openai import OpenAI

_VARIABLE: Final[dict[Tier, str]] = {
    "fast": "LOOPOS_FAST_MODEL",
    "strong": "LOOPOS_STRONG_MODEL",
    "embed": "LOOPOS_EMBED_MODEL",
}
Name = Literal["anthropic", "openai"]
_LOOK: Final = 8.0
"""Seconds that `examine` gives one endpoint."""


def chosen(settings: Settings) -> tuple[Name, ...]:
    """The providers to ask, in order; none means offline. LOOPOS_LLM names one, or `auto`: every one with a key (or,
    for a server of one's own, with an address)."""
    usable: dict[Name, bool] = {
        "anthropic": settings.anthropic_key is not None,
        "openai": settings.openai_key is not None or settings.openai_url is not None,
    }
    return tuple(name for name, there in usable.items() if there and settings.llm in {"auto", name})


def gateway_of(settings: Settings, meter: Meter, clock: Clock) -> Gateway | None:
    """None: offline. Imports no SDK: `await gateway.warm()` does, in a thread."""
    names = chosen(settings)
    return Gateway([_source(settings, name, names) for name in names], meter, clock) if names else None


def embeds(settings: Settings) -> bool:
    here = settings.openai_key is not None and settings.llm != "offline"
    return settings.embed == "openai" or (settings.embed == "auto" and here)


def embeddings_of(settings: Settings, store: Store, meter: Meter, clock: Clock) -> Embeddings | None:
    """What makes vectors, whichever provider answers questions; None: nobody does."""
    if not embeds(settings):
        return None
    from core.brain.embeddings import Embeddings

    source = CallSource("openai", lambda: _openai(settings, None, None), embeds=True)
    return Embeddings(store, Gateway([source], meter, clock), settings.embed_model, settings.home / "index")


def _source(settings: Settings, name: Name, names: tuple[Name, ...]) -> CallSource:
    # The names of models are the vendor's: they are meant for the provider that is asked first.
    first = name == names[0]
    fast, strong = (settings.fast_model, settings.strong_model) if first else (None, None)
    if name == "anthropic":
        return CallSource(name, lambda: _anthropic(settings, fast, strong))
    return CallSource(name, lambda: _openai(settings, fast, strong), embeds=True)


def _anthropic(settings: Settings, fast: str | None, strong: str | None) -> Anthropic:
    from core.llm.anthropic import Anthropic

    assert settings.anthropic_key is not None
    return Anthropic(settings.anthropic_key, settings.anthropic_url, fast, strong)


def _openai(settings: Settings, fast: str | None, strong: str | None) -> OpenAI:
    from core.llm.openai import OpenAI

    return OpenAI(settings.openai_key, settings.openai_url, fast, strong, settings.embed_model)


async def examine(settings: Settings) -> list[str]:
    """What is wrong with the configured models, one line each with its cure; empty where all is well or offline.
    Asks for the list of models: it costs nothing."""
    if settings.llm in {"anthropic", "openai"} and not chosen(settings):
        variable = f"{settings.llm.upper()}_API_KEY"
        return [f"LOOPOS_LLM is {settings.llm}, but {variable} is not set: set it, or set LOOPOS_LLM=auto."]
    names = chosen(settings)
    found = await asyncio.gather(*(_examine(settings, name, names) for name in names))
    return [line for lines in found for line in lines]


async def _examine(settings: Settings, name: Name, names: tuple[Name, ...]) -> list[str]:
    key, address = f"{name.upper()}_API_KEY", f"{name.upper()}_BASE_URL"
    given = str((settings.anthropic_url if name == "anthropic" else settings.openai_url) or "").rstrip("/")
    if name == "anthropic" and given.endswith("/v1"):
        return [f"{address} ends in /v1, which is added to it: leave that out."]
    if name == "openai" and given and not urlsplit(given).path:
        return [f"{address} names no path: the endpoints of most servers begin with /v1, add that."]
    try:
        provider: Provider = await asyncio.to_thread(_source(settings, name, names).build)
    except Exception as error:  # the address is the one thing that is not checked before
        return [f"{name} cannot be started ({type(error).__name__}): check {address}."]
    try:
        async with asyncio.timeout(_LOOK):
            faults = await provider.faults()
    except TimeoutError:
        return [f"{name} does not answer: check the network and {address}."]
    except Shut as failure:
        return [f"{name}: {failure.reason}: check {key} and the account behind it."]
    except Unfit as failure:
        return [f"{name} refuses the question for its models ({failure.reason}): check {address} and {key}."]
    except CallFailed as failure:
        return [f"{name} cannot be reached ({failure.reason}): check the network and {address}."]
    finally:
        await provider.close()
    return [
        f"{name}: the model {provider.models[tier]} {fault}: set {_VARIABLE[tier]}."
        for tier, fault in faults.items()
    ]
