"""How the loop is set: `config.json` of its folder, read again at every beat; a variable of the environment outranks it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal

from core.loop.guards import Limits
from core.loop.sensing import Bounds
from core.loop.world import parsed

Judgment = Literal["auto", "model", "command", "external", "reflexes"]
PREFIXES: Final = ("LOOPOS_", "LOOOP_")


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """Seconds, bytes and counts; 0 switches a bound off."""

    interval: int = 60
    max_next_interval: int = 300
    session_ttl: int = 259_200
    judgment: str = "auto"
    tick_command: str = ""
    worker_command: str = ""
    notification: str = ""
    """A command that is told of every notice, on its input."""
    pass_env: tuple[str, ...] = ()
    shell_allow: tuple[str, ...] = ()
    fetch_allow: tuple[str, ...] = ()
    acts: Mapping[str, str] = field(default_factory=dict)
    """What cannot be undone, by name: a command with {{target}} and {{amount_usd}} in it."""
    runners: Mapping[str, str] = field(default_factory=dict)
    """looop's: how a worker of that name is started."""
    worker_budget_usd: Decimal = Decimal(5)
    max_workers: int = 8
    max_decides_per_hour: int = 120
    noop_ttl: int = 21_600
    flap_streak: int = 5
    tick_timeout_secs: int = 1800
    shell_timeout_secs: int = 300
    sensor_timeout: int = 60
    sensor_max_bytes: int = 8192
    prompt_max_bytes: int = 262_144
    verify_timeout_secs: int = 60
    verify_beat_budget_secs: int = 120
    worker_stuck_secs: int = 900
    runs_keep: int = 50
    playbook_keep: int = 20
    tells_consumed_keep_secs: int = 604_800
    journal_max_bytes: int = 5 * 1024 * 1024
    events_max_bytes: int = 5 * 1024 * 1024
    wait_poll_ms: int = 1000
    ask_poll_ms: int = 1000
    ask_timeout_s: int = 0
    runner_retries: int = 0

    @property
    def commands(self) -> dict[str, str]:
        """All that it lets run: the operator's word, of whose change the founder is told."""
        named = {"tick_command": self.tick_command, "worker_command": self.worker_command}
        named |= {"notification": self.notification, "shell_allow": "\n".join(self.shell_allow)}
        return {
            key: one
            for key, one in {
                **named,
                **{f"acts.{key}": one for key, one in self.acts.items()},
                **{f"runners.{key}": one for key, one in self.runners.items()},
            }.items()
            if one
        }

    @property
    def limits(self) -> Limits:
        return Limits(
            timedelta(seconds=self.noop_ttl),
            self.max_decides_per_hour,
            self.max_next_interval,
            self.flap_streak,
        )

    @property
    def bounds(self) -> Bounds:
        return Bounds(float(self.sensor_timeout), self.sensor_max_bytes)

    def decides(self, *, model: bool) -> Judgment:
        """Who decides: what `auto` comes to, where there is a `model` or none."""
        match self.judgment:
            case "command" if not self.tick_command:
                return "reflexes"
            case "model" if not model:
                return "reflexes"
            case "model" | "command" | "external" | "reflexes" as named:
                return named
        if self.tick_command:
            return "command"
        return "model" if model else "reflexes"


JUDGMENTS: Final = frozenset({"auto", "model", "command", "external", "reflexes"})
_AT_LEAST: Final = {"interval": 1, "runs_keep": 1, "playbook_keep": 1}
_OLDER: Final = frozenset({"default", "runners"})
"""Keys of looop's: which runner, and the commands of each."""
DEFAULT: Final = LoopConfig()
_KNOWN: Final = {one.name: type(getattr(DEFAULT, one.name)) for one in fields(LoopConfig)}


def read_config(text: str | None, environ: Mapping[str, str]) -> tuple[LoopConfig, list[str]]:
    """(the configuration, what of it was not understood, a line each). `text` None: there is no file."""
    warnings: list[str] = []
    values: dict[str, Any] = {}
    if text is not None:
        try:
            found = parsed(text)
            if not isinstance(found, dict):
                raise ValueError("no object")
            values = found
        except ValueError as error:
            warnings.append(f"config.json: {error}"[:200])
    kept: dict[str, Any] = {}
    older, values = _of_runners(values), {key: one for key, one in values.items() if key not in _OLDER}
    for key, value in {**older, **values}.items():
        if key not in _KNOWN:
            warnings.append(f"config.json: {key} is not known")
            continue
        try:
            kept[key] = _READ[_KNOWN[key]](value, key)
        except (TypeError, ValueError, InvalidOperation):
            warnings.append(f"config.json: {key} is not usable")
    for prefix in reversed(PREFIXES):
        for key, kind in _KNOWN.items():
            said = environ.get(prefix + key.upper())
            if said is None or kind not in {int, str, Decimal}:
                continue
            try:
                kept[key] = _READ[kind](said if kind is not int else int(said), key)
            except (TypeError, ValueError, InvalidOperation):
                warnings.append(f"{prefix}{key.upper()} is not usable")
    return replace(DEFAULT, **kept), warnings


def _of_runners(values: Mapping[str, Any]) -> dict[str, Any]:
    """looop's `default` and `runners.NAME.{interactive,tick}`."""
    runners, name = values.get("runners"), values.get("default")
    if not isinstance(runners, dict):
        return {}
    named = {
        str(key): one["interactive"]
        for key, one in runners.items()
        if isinstance(one, dict) and isinstance(one.get("interactive"), str)
    }
    one = runners.get(name) if isinstance(name, str) else None
    pairs = (
        {"tick_command": one.get("tick"), "worker_command": one.get("interactive")}
        if isinstance(one, dict)
        else {}
    )
    return {"runners": named, **{key: value for key, value in pairs.items() if isinstance(value, str)}}


def _int(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not _AT_LEAST.get(key, 0) <= value <= 10**9:
        raise ValueError(key)
    return value


def _str(value: Any, key: str) -> str:
    if not isinstance(value, str) or (key == "judgment" and value not in JUDGMENTS):
        raise ValueError(key)
    return value


def _usd(value: Any, key: str) -> Decimal:
    amount = Decimal(str(value))
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise ValueError(key)
    return amount


def _words(value: Any, key: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(key)
    return tuple(value)


def _commands(value: Any, key: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError(key)
    return dict(value)


_READ: Final[Mapping[type, Callable[[Any, str], Any]]] = {
    int: _int,
    str: _str,
    Decimal: _usd,
    tuple: _words,
    dict: _commands,
}
