"""The environment as one frozen value. Nothing else reads os.environ."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import StartupError

REAL_CHANNELS = ("SLACK_BOT_TOKEN", "TELEGRAM_BOT_TOKEN", "LINE_CHANNEL_ACCESS_TOKEN")


def _state_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "loopos"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, case_sensitive=False, extra="ignore")

    home: Path = Field(default_factory=_state_folder, validation_alias="LOOPOS_HOME")
    company: Path | None = Field(default=None, validation_alias="LOOPOS_COMPANY")
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    host: str = Field(default="127.0.0.1", validation_alias="HOST")
    port: int = Field(default=8080, ge=0, le=65535, validation_alias="PORT")
    base_url: str | None = Field(default=None, validation_alias="LOOPOS_BASE_URL")
    demo_wish: bool | None = Field(default=None, validation_alias="LOOPOS_DEMO")
    escalate_after: int | None = Field(
        default=None, gt=0, le=86_400, validation_alias="LOOPOS_ESCALATE_AFTER"
    )
    log_level: str = Field(default="INFO", validation_alias="LOOPOS_LOG_LEVEL")
    crash_at: str | None = Field(default=None, validation_alias="LOOPOS_CRASH_AT")
    """`point` or `point:n`: die there, for recovery tests."""

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: Any) -> Any:
        return None if value == "" else value

    @property
    def demo(self) -> bool:
        """On by default only while no real channel is configured."""
        if self.demo_wish is not None:
            return self.demo_wish
        return not any(os.environ.get(name) for name in REAL_CHANNELS)

    @property
    def company_folder(self) -> Path:
        return self.company or self.home / "company"

    @property
    def database(self) -> Path:
        """The SQLite file. Raises StartupError for any other DATABASE_URL: PostgreSQL is a later step."""
        if self.database_url is None:
            return self.home / "loopos.db"
        for prefix in ("sqlite+aiosqlite:///", "sqlite:///"):
            if self.database_url.startswith(prefix):
                return Path(self.database_url.removeprefix(prefix))
        raise StartupError(
            "DATABASE_URL names a database that this version cannot use.",
            "Unset it, or give sqlite:////absolute/path.db (PostgreSQL is not supported yet).",
        )


def read_settings() -> Settings:
    """Raises StartupError naming the variable, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{issue['loc'][0]}: {issue['msg']}" for issue in error.errors())
        raise StartupError(
            f"A setting is not usable: {wrong}.", "Correct the environment and start again."
        ) from None
