"""The platforms that are configured. A new one is one more folder in channels/ and one more function here.

Each SDK is imported only where its platform is configured: a start without them costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from bot import commands
from bot.settings import Settings
from channels.ingress import Ingress
from channels.platform import Platform
from core.context import Services, Store
from core.health import Health
from core.outbox.channel_watch import tell_quota

Make = Callable[[Settings, Store, Services, Callable[[str], Ingress]], Platform | None]


def _slack(
    settings: Settings, store: Store, services: Services, ingress: Callable[[str], Ingress]
) -> Platform | None:
    if settings.slack_bot_token is None:
        return None
    from channels.slack.channel import Slack

    signing, app = settings.slack_signing_secret, settings.slack_app_token
    return Slack(
        ingress=ingress("slack"),
        clock=services.clock,
        bot_token=settings.slack_bot_token.get_secret_value(),
        signing_secret=signing.get_secret_value() if signing is not None else None,
        app_token=app.get_secret_value() if app is not None else None,
        api_url=settings.slack_api_url,
        per_channel=(settings.pace, 1.0),
        overall=(300 * settings.pace, 60.0),
    )


def _telegram(
    settings: Settings, store: Store, services: Services, ingress: Callable[[str], Ingress]
) -> Platform | None:
    if settings.telegram_token is None:
        return None
    from channels.telegram.channel import Telegram

    secret = settings.telegram_webhook_secret
    return Telegram(
        ingress=ingress("telegram"),
        clock=services.clock,
        token=settings.telegram_token.get_secret_value(),
        api_url=settings.telegram_api_url,
        webhook_secret=secret.get_secret_value() if secret is not None else None,
        base_url=settings.base_url,
        menu=commands.menu,
        overall=(30 * settings.pace, 1.0),
        per_chat=(settings.pace, 1.0),
        per_group=(20 * settings.pace, 60.0),
    )


def _line(
    settings: Settings, store: Store, services: Services, ingress: Callable[[str], Ingress]
) -> Platform | None:
    if settings.line_token is None or settings.line_channel_secret is None:
        return None
    from channels.line.channel import CALLS_PER_SECOND, Line

    async def on_quota(limit: int, used: int) -> None:
        await store.write(lambda tx: tell_quota(tx, "line", limit, used))

    return Line(
        ingress=ingress("line"),
        clock=services.clock,
        channel_secret=settings.line_channel_secret.get_secret_value(),
        access_token=settings.line_token.get_secret_value(),
        api_url=settings.line_api_url,
        data_url=settings.line_data_url,
        base_url=settings.base_url,
        menu=commands.menu,
        on_quota=on_quota,
        calls_per_second=CALLS_PER_SECOND * settings.pace,
    )


PLATFORMS: Final[tuple[Make, ...]] = (_slack, _telegram, _line)


def platforms_of(settings: Settings, store: Store, services: Services) -> list[Platform]:
    """Every platform that `settings` has the tokens for, not started yet."""

    def ingress(name: str) -> Ingress:
        return Ingress(store, name, Health(services.clock))

    def made() -> Iterator[Platform]:
        for make in PLATFORMS:
            platform = make(settings, store, services, ingress)
            if platform is not None:
                yield platform

    return list(made())
