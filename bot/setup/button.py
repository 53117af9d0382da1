"""`loopos doctor --button`: a real test button to every account of the founder, and the wait for its tap.

Only a tap that came back shows the whole way: the vendor's buttons, its address for us, the secret, the service."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select

from bot.settings import Settings, read_settings
from bot.setup.side_process import SideProcess, configured, health_of, local_url, side_process
from core.cards.card import Card
from core.cards.check import check as check_card
from core.company.schema import Person
from core.context import Tx
from core.errors import LoopOSError, StartupError
from core.ids import new_id
from core.model import Address, OutboxStatus
from core.outbox import card_publisher
from core.ports import Attempt, Delivery, Sent
from core.store.tables import CardCopy, CardRow, Notice, OutboxRow
from core.team.people import reader_for

LOOK_EVERY: Final = 0.2
"""Seconds."""


@dataclass
class ButtonTest:
    taps: dict[str, float] = field(default_factory=dict)
    """Account -> the seconds until its tap came back."""
    findings: dict[str, list[str]] = field(default_factory=dict)

    def find(self, name: str, what: str) -> None:
        self.findings.setdefault(name, []).append(what)


def run(seconds: int, *, as_json: bool) -> int:
    settings = read_settings()
    say: Callable[[str], None] = (lambda _line: None) if as_json else print
    outcome = asyncio.run(press(settings, seconds, say))
    if as_json:
        told = {"ok": not outcome.findings, "taps": outcome.taps, "findings": outcome.findings}
        print(json.dumps(told, ensure_ascii=False, indent=2))
    return 1 if outcome.findings else 0


async def press(settings: Settings, seconds: float, say: Callable[[str], None]) -> ButtonTest:
    """Show the buttons, wait for the taps, say each outcome as it is known. Raises StartupError."""
    if not configured(settings):
        raise StartupError("No platform is configured.", "Run: loopos init")
    trouble = await health_of(local_url(settings))
    if trouble is not None:
        raise StartupError(
            f"No service takes a tap: {local_url(settings)}/healthz {trouble}.",
            "Start `loopos serve` with the same HOST and PORT, then try again.",
        )
    outcome = ButtonTest()

    def missed(name: str, what: str) -> None:
        outcome.find(name, what)
        say(f"✗ {name}: {what}")

    async def await_tap(house: SideProcess, name: str, channel: str, subject: str) -> None:
        after = await _wait(house, subject, seconds)
        if after is None:
            missed(name, f"no tap arrived within {seconds:g} s. {_cure(settings, channel)}")
            return
        outcome.taps[name] = round(after, 1)
        say(f"✓ {name}: your tap arrived after {after:.1f} s")

    async with side_process(settings) as house:
        founder = house.services.company.founder
        addresses = house.services.addresses_of(founder)
        for name in house.platforms.keys() - {address.channel for address in addresses}:
            missed(name, no_account(founder, name))
        waits = []
        for address in addresses:
            name = _name(address, addresses)
            try:
                subject = await _show(house, founder, address)
            except LoopOSError as error:
                missed(name, f"the test button could not be sent: {error}. Run `loopos doctor`.")
                continue
            say(f"… {name}: {founder.name}, please press the test button in your chat with the bot.")
            waits.append(await_tap(house, name, address.channel, subject))
        await asyncio.gather(*waits)
    return outcome


def no_account(founder: Person, channel: str) -> str:
    return (
        f"{founder.name}, the founder, has no account on {channel}. Run `loopos init` for a code and write "
        f"/link CODE to the bot there, or add the account to team.json."
    )


def _name(address: Address, among: list[Address]) -> str:
    """The platform, and which account where there are several on it."""
    several = sum(one.channel == address.channel for one in among) > 1
    return f"{address.channel} {address.conversation_id}" if several else address.channel


async def _show(house: SideProcess, founder: Person, address: Address) -> str:
    """Send the button; returns what its tap will be known by. Raises LoopOSError."""
    subject = new_id()
    delivery = await house.store.write(lambda tx: _keep(tx, subject, founder, address))
    platform = house.platforms[address.channel]
    (sent,) = await platform.send([delivery], Attempt(str(uuid.uuid4())))
    await house.store.write(lambda tx: _record(tx, delivery.id, sent))
    return subject


def _keep(tx: Tx, subject: str, founder: Person, address: Address) -> Delivery:
    """The card's rows, so that the service knows the button. It counts as cancelled until it is sent: the service
    sends whatever is owed to the conversation, and this is ours to send."""
    card_publisher.post_own(tx, "check", subject, check_card, [(address, reader_for(tx, founder))])
    tx.session.flush()
    row = tx.session.scalars(
        select(OutboxRow)
        .join(CardCopy, CardCopy.id == OutboxRow.copy_id)
        .join(CardRow, CardRow.id == CardCopy.card_id)
        .where(CardRow.kind == "check", CardRow.subject == subject)
    ).one()
    row.status = OutboxStatus.CANCELLED
    return Delivery(row.id, address.conversation_id, Card.model_validate(row.payload), None)


def _record(tx: Tx, outbox_id: str, sent: Sent) -> None:
    """The service edits the message by this name once the tap has come."""
    row = tx.session.scalars(select(OutboxRow).where(OutboxRow.id == outbox_id)).one()
    row.status, row.sent_at, row.message_ref = OutboxStatus.SENT, tx.now, sent.message_ref
    copy = tx.session.scalars(select(CardCopy).where(CardCopy.id == row.copy_id)).one()
    copy.message_ref = sent.message_ref


async def _wait(house: SideProcess, subject: str, seconds: float) -> float | None:
    """Seconds until the service worked on the tap; None if it did not in time."""
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        if await house.store.read(lambda session: session.get(Notice, f"checked:{subject}")) is not None:
            return passed
        await asyncio.sleep(LOOK_EVERY)
    return None


def _cure(settings: Settings, channel: str) -> str:
    """Where to look when a tap does not come back."""
    base = (settings.base_url or "").rstrip("/")
    match channel:
        case "slack" if settings.slack_app_token is not None:
            where = "that Interactivity and Socket Mode are on in the app's settings"
        case "slack":
            where = f"that the Request URL under Interactivity & Shortcuts is {base}/slack/events"
        case "telegram" if settings.base_url is None:
            where = "that no other process polls this bot and no webhook is set for it"
        case "telegram":
            where = f"that the bot's webhook is {base}/telegram/webhook"
        case _:
            where = f"that the Webhook URL is {base}/line/webhook and Use webhook is on"
    return (
        f"The button was shown, but its tap did not come back: check that the service runs on this LOOPOS_HOME, "
        f"{where} (`loopos doctor` looks)."
    )
