"""The environment, and LOOPOS_HOME/env beside it, as one frozen value. Nothing else reads os.environ."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.clock import shift_by
from core.errors import StartupError
from core.store.url import is_supported, sqlite_url

PLACEHOLDER: Final = re.compile(r"(?i)^<.*>$|your[-_ ]|changeme|xxxx|placeholder|^\.\.\.$")
DATA: Final = Path(__file__).parents[1] / "data"
"""What comes with LoopOS."""
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(StartupError):
    """A setting is wrong: wrong use, exit 2."""


def _state_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "loopos"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        frozen=True, case_sensitive=False, extra="ignore", env_ignore_empty=True, env_file_encoding="utf-8"
    )

    home: Path = Field(default_factory=_state_folder, validation_alias="LOOPOS_HOME")
    company: Path | None = Field(default=None, validation_alias="LOOPOS_COMPANY")
    database_wish: str | None = Field(default=None, validation_alias="DATABASE_URL")
    host: str = Field(default="127.0.0.1", validation_alias="HOST")
    port: int = Field(default=8080, ge=0, le=65535, validation_alias="PORT")
    base_url: str | None = Field(default=None, validation_alias="LOOPOS_BASE_URL")
    demo_wish: bool | None = Field(default=None, validation_alias="LOOPOS_DEMO")
    token_ttl: int = Field(default=3600, ge=1, le=86_400, validation_alias="LOOPOS_TOKEN_TTL")
    """Seconds that an access token of an OAuth client is good."""
    cimd_url: str | None = Field(default=None, validation_alias="LOOPOS_CIMD_URL")
    """A gateway that fetches the documents of OAuth clients for us."""
    escalate_after: int | None = Field(
        default=None, gt=0, le=86_400, validation_alias="LOOPOS_ESCALATE_AFTER"
    )
    keep_received_days: int = Field(default=90, ge=0, le=36_500, validation_alias="LOOPOS_KEEP_RECEIVED_DAYS")
    keep_media_days: int = Field(default=0, ge=0, le=36_500, validation_alias="LOOPOS_KEEP_MEDIA_DAYS")
    keep_sent_days: int = Field(default=1, ge=0, le=36_500, validation_alias="LOOPOS_KEEP_SENT_DAYS")
    """So long the contents of sent messages are kept beside the tickets; 0: for ever."""
    log_level: str = Field(default="INFO", validation_alias="LOOPOS_LOG_LEVEL")
    pace: float = Field(default=1.0, gt=0, le=10_000, validation_alias="LOOPOS_PACE")
    """How many times faster than a platform's documented limits we may send: for a gateway with limits of its own."""
    slack_bot_token: SecretStr | None = Field(default=None, validation_alias="SLACK_BOT_TOKEN")
    slack_signing_secret: SecretStr | None = Field(default=None, validation_alias="SLACK_SIGNING_SECRET")
    slack_app_token: SecretStr | None = Field(default=None, validation_alias="SLACK_APP_TOKEN")
    slack_api_url: str = Field(default="https://slack.com/api/", validation_alias="SLACK_API_URL")
    telegram_token: SecretStr | None = Field(default=None, validation_alias="TELEGRAM_BOT_TOKEN")
    telegram_api_url: str = Field(default="https://api.telegram.org", validation_alias="TELEGRAM_API_URL")
    telegram_webhook_secret: SecretStr | None = Field(
        default=None, validation_alias="TELEGRAM_WEBHOOK_SECRET"
    )
    line_channel_secret: SecretStr | None = Field(default=None, validation_alias="LINE_CHANNEL_SECRET")
    line_token: SecretStr | None = Field(default=None, validation_alias="LINE_CHANNEL_ACCESS_TOKEN")
    line_api_url: str = Field(default="https://api.line.me", validation_alias="LINE_API_URL")
    line_data_url: str = Field(default="https://api-data.line.me", validation_alias="LINE_DATA_API_URL")
    line_redelivery: str | None = Field(default=None, validation_alias="LOOPOS_LINE_REDELIVERY")
    """`confirmed` once a person has seen that the console's switch is on: no API tells."""
    llm: Literal["auto", "anthropic", "openai", "offline"] = Field(
        default="auto", validation_alias="LOOPOS_LLM"
    )
    """auto: every provider that has a key, Anthropic first."""
    anthropic_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY")
    anthropic_url: str | None = Field(default=None, validation_alias="ANTHROPIC_BASE_URL")
    openai_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    openai_url: str | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    fast_model: str | None = Field(default=None, validation_alias="LOOPOS_FAST_MODEL")
    strong_model: str | None = Field(default=None, validation_alias="LOOPOS_STRONG_MODEL")
    embed: Literal["auto", "openai", "off"] = Field(default="auto", validation_alias="LOOPOS_EMBED")
    """auto: where OPENAI_API_KEY is set and LOOPOS_LLM is not offline."""
    embed_model: str = Field(default="text-embedding-3-small", validation_alias="LOOPOS_EMBED_MODEL")
    budget_usd: Decimal = Field(default=Decimal(500), ge=0, validation_alias="LOOPOS_BUDGET_USD")
    """For models, embeddings and speech in a month."""
    whisper: Literal["local", "openai", "runpod", "off"] | None = Field(
        default=None, validation_alias="LOOPOS_WHISPER"
    )
    """Which ear is asked first; unset: the first that is configured."""
    whisper_model: str | None = Field(default=None, validation_alias="LOOPOS_WHISPER_MODEL")
    """Of the ear that is asked first: a folder or a name for the local one, a name elsewhere."""
    whisper_device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", validation_alias="LOOPOS_WHISPER_DEVICE"
    )
    runpod_url: str | None = Field(default=None, validation_alias="RUNPOD_WHISPER_URL")
    runpod_key: SecretStr | None = Field(default=None, validation_alias="RUNPOD_API_KEY")
    learn_at: str = Field(
        default="03:10", pattern=r"^(off|([01]\d|2[0-3]):[0-5]\d)$", validation_alias="LOOPOS_LEARN_AT"
    )
    """When the nightly pass runs, by the founder's clock; off: only `loopos learn`."""
    time_shift: int = Field(
        default=0, ge=-3_153_600_000, le=3_153_600_000, validation_alias="LOOPOS_TIME_SHIFT"
    )
    """Seconds added to the clock, for playing what takes months: only where every vendor is a stand-in on this machine."""
    github_token: SecretStr | None = Field(default=None, validation_alias="GITHUB_TOKEN")
    github_api_url: str = Field(default="https://api.github.com", validation_alias="GITHUB_API_URL")
    crash_at: str | None = Field(default=None, validation_alias="LOOPOS_CRASH_AT")
    """`point` or `point:n`: die there, for recovery tests."""

    @model_validator(mode="before")
    @classmethod
    def _blank_is_unset(cls, values: Any) -> Any:
        return {key: value for key, value in values.items() if value != ""}

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in LOG_LEVELS:
            raise ValueError(f"one of {', '.join(LOG_LEVELS)}")
        return value

    @field_validator(
        "slack_bot_token",
        "slack_signing_secret",
        "telegram_token",
        "line_channel_secret",
        "line_token",
        "anthropic_key",
        "openai_key",
        "runpod_key",
        "github_token",
    )
    @classmethod
    def _no_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        """What stands in the example file is not a token (C36)."""
        if value is not None and PLACEHOLDER.search(value.get_secret_value()):
            raise ValueError("still holds the placeholder of the example")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        pairs = (
            (
                self.slack_bot_token,
                self.slack_signing_secret or self.slack_app_token,
                "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN",
            ),
            (self.line_token, self.line_channel_secret, "LINE_CHANNEL_SECRET"),
            (self.line_channel_secret, self.line_token, "LINE_CHANNEL_ACCESS_TOKEN"),
        )
        for there, needed, name in pairs:
            if there is not None and needed is None:
                raise ValueError(f"{name} is missing")
        return self

    @model_validator(mode="after")
    def _shifted_alone(self) -> Self:
        spoken_to = (
            (self.slack_bot_token, self.slack_api_url),
            (self.telegram_token, self.telegram_api_url),
            (self.line_token, self.line_api_url),
            (self.line_token, self.line_data_url),
            (self.anthropic_key, self.anthropic_url or "https://api.anthropic.com"),
            (self.openai_key, self.openai_url or "https://api.openai.com"),
            (self.runpod_key, self.runpod_url or ""),
            (self.github_token, self.github_api_url),
        )
        for key, address in spoken_to:
            if self.time_shift and key is not None and urlsplit(address).hostname != "127.0.0.1":
                raise ValueError("LOOPOS_TIME_SHIFT is for stand-ins on 127.0.0.1 alone, and a vendor is not")
        return self

    @property
    def demo(self) -> bool:
        """On by default only while no real channel is configured."""
        if self.demo_wish is not None:
            return self.demo_wish
        return not (self.slack_bot_token or self.telegram_token or self.line_token)

    @property
    def url(self) -> str:
        """Where we are reached: from outside, or where nobody said how, from this machine. No slash at its end."""
        if self.base_url is not None:
            return self.base_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def company_folder(self) -> Path:
        return self.company or self.home / "company"

    @property
    def database(self) -> str:
        """The database's address. Raises SettingsError for one that this version cannot use: PostgreSQL is a later step."""
        if self.database_wish is None:
            return sqlite_url(self.home / "loopos.db")
        if is_supported(self.database_wish):
            return self.database_wish
        raise SettingsError(
            "DATABASE_URL names a database that this version cannot use.",
            "Unset it, or give sqlite:////absolute/path.db (PostgreSQL is not supported yet).",
        )


def env_file(home: Path) -> Path:
    """Where `loopos init` keeps the settings of a home: KEY=VALUE lines, the tokens among them."""
    return home / "env"


def read_settings() -> Settings:
    """The real environment goes before LOOPOS_HOME/env; LOOPOS_HOME itself stands in the environment alone.

    Raises SettingsError naming the variable, never its value."""
    home = Path(os.environ.get("LOOPOS_HOME") or _state_folder())
    file = env_file(home)
    try:
        _check_private(file)
        settings = Settings(_env_file=file)  # type: ignore[call-arg]
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join([*(str(part) for part in issue["loc"]), issue["msg"].removeprefix("Value error, ")])
            for issue in error.errors()
        )
        raise SettingsError(
            f"A setting is not usable: {wrong}.", f"Correct the environment or {file} and start again."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{file} cannot be read ({type(error).__name__}).",
            "Check its owner, its rights and that it is UTF-8.",
        ) from None
    if settings.home != home:
        raise SettingsError(
            f"{file} names LOOPOS_HOME.", "Remove that line: only the environment can set it."
        )
    shift_by(settings.time_shift)
    return settings


def _check_private(file: Path) -> None:
    """Raises SettingsError for a file of tokens that others can read, OSError."""
    if file.exists() and file.stat().st_mode & 0o077:
        raise SettingsError(f"{file} holds tokens and others can read it.", f"Run: chmod 600 {file}")
