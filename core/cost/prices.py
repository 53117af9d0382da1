"""What a call costs: the price table, and the sum. Pure; dollars per token and per second of sound."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

import structlog

from core.errors import StartupError
from core.metering import Planned, Usage

log = structlog.get_logger(__name__)

PARTS: Final = ("input", "output", "cache_read", "cache_write", "second")
_DATED: Final = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")

Price = Mapping[str, Decimal]
"""Part -> dollars for one. A part that is missing has no price: that is another thing than 0."""


@dataclass(frozen=True, slots=True)
class Cost:
    usd: Decimal
    estimated: bool
    """No price of its own was known: it is the dearest that is."""


class Prices:
    """The table of data/pricing.json. An entry bears a model's name, or that of a provider whose models cost all the
    same (`local`)."""

    def __init__(self, table: Mapping[str, Price]) -> None:
        if not table:
            raise ValueError("the price table is empty")
        self._table = table
        self._dearest = {
            part: max((price[part] for price in table.values() if part in price), default=Decimal(0))
            for part in PARTS
        }
        self._warned: set[str] = set()

    def known(self, model: str, provider: str = "") -> bool:
        return self._find(model, provider) is not None

    def of(self, model: str, usage: Usage, provider: str = "") -> Cost:
        """What `usage` costs. Where the model, or every part that was used, has no price, it is the dearest known one: a
        call is never taken for free because a name or a field was not understood."""
        used = _used(usage)
        price = self._find(model, provider)
        if used and (price is None or not price.keys() & used.keys()):
            self._warn(model, provider)
            return Cost(_sum(used, self._dearest), True)
        return Cost(_sum(used, price or {}), False)

    def most(self, planned: Planned) -> Decimal:
        """The most a call can cost: all that is sent may be written into the vendor's cache, at the price of that."""
        price = self._find(planned.model, planned.provider) or self._dearest
        cached = price.get("cache_write", Decimal(0)) > price.get("input", Decimal(0))
        sent = {"cache_write_tokens" if cached else "input_tokens": planned.input_tokens}
        usage = Usage(**sent, output_tokens=planned.output_tokens, seconds=planned.seconds)
        return self.of(planned.model, usage, planned.provider).usd

    def _find(self, model: str, provider: str) -> Price | None:
        names = (*_names(model), provider.casefold())
        return next((self._table[name] for name in names if name in self._table), None)

    def _warn(self, model: str, provider: str) -> None:
        if model not in self._warned:
            self._warned.add(model)
            log.warning("no_price", model=model, provider=provider, taken="the dearest known")


def _names(model: str) -> Iterator[str]:
    """`model` as the table may call it: as it is, without `anthropic/`, without its date, with `4.5` as `4-5`."""
    name = model.casefold()
    bare = name.rsplit("/", 1)[-1]
    for one in (name, bare, _DATED.sub("", bare)):
        yield one
        yield one.replace(".", "-")


def _used(usage: Usage) -> dict[str, Decimal]:
    amounts = {
        "input": Decimal(usage.input_tokens),
        "output": Decimal(usage.output_tokens),
        "cache_read": Decimal(usage.cache_read_tokens),
        "cache_write": Decimal(usage.cache_write_tokens),
        # To the thousandth: a float's tail would make sums of a hundred digits.
        "second": Decimal(str(usage.seconds)).quantize(Decimal("0.001")),
    }
    return {part: amount for part, amount in amounts.items() if amount}


def _sum(used: Mapping[str, Decimal], price: Price) -> Decimal:
    return sum((amount * price.get(part, Decimal(0)) for part, amount in used.items()), Decimal(0))


def load(path: Path) -> Prices:
    """Read and check the table. Raises StartupError naming the entry."""
    remedy = "Prices are strings in US dollars for one token or second, like " + '{"input": "0.000002"}.'
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StartupError(f"{path.name} cannot be read ({type(error).__name__}).", remedy) from error
    if not isinstance(raw, dict) or not raw:
        raise StartupError(f"{path.name} holds no prices.", remedy)
    return Prices({name.casefold(): _price(path, name, entry) for name, entry in raw.items()})


def _price(path: Path, name: str, entry: object) -> Price:
    remedy = "Prices are strings in US dollars for one token or second, like " + '{"input": "0.000002"}.'
    if not isinstance(entry, dict) or not entry or not set(entry) <= set(PARTS):
        raise StartupError(f"{path.name}: {name} needs some of {', '.join(PARTS)}, nothing else.", remedy)
    if "output" in entry and not {"input", "cache_read", "cache_write"} <= set(entry):
        raise StartupError(f"{path.name}: {name} needs input, output, cache_read and cache_write.", remedy)
    price: dict[str, Decimal] = {}
    for part, text in entry.items():
        try:
            price[part] = Decimal(text) if isinstance(text, str) else Decimal("NaN")
        except InvalidOperation:
            price[part] = Decimal("NaN")
        if not price[part].is_finite() or price[part] < 0:
            raise StartupError(f"{path.name}: {name}.{part} is not an amount: {text!r}.", remedy)
    return price
