"""The loop, joined: with the service's own parts, or with those of a process without one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from bot.settings import Settings, env_file
from core.context import Services, Store
from core.loop.house import LoopHouse


def loop_house(settings: Settings, store: Store, services: Services, environ: Mapping[str, str]) -> LoopHouse:
    # What stands in the home's own file counts, and is as secret, as if it stood in the environment.
    written = {
        key: value for key, value in dotenv_values(env_file(settings.home)).items() if value is not None
    }
    environ = {**written, **environ}
    config = environ.get("LOOPOS_LOOP_CONFIG") or environ.get("LOOOP_CONFIG")
    return LoopHouse(
        store,
        services,
        settings.home.absolute(),
        environ,
        secrets_of(settings, services),
        Path(config) if config else None,
    )


def secrets_of(settings: Settings, services: Services) -> frozenset[bytes]:
    """Whatever is configured as a secret, wherever it was written."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    found = {one.get_secret_value().encode() for one in values if isinstance(one, SecretStr)}
    return frozenset(found | ({services.secret} if services.secret else set()))
