"""Everything that goes wrong, by its name; each waits for nothing but what it needs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from core.store.tables import Notice, OutboxRow
from tests.fakes import telegram as fakes_telegram
from tests.faults.people import Run
from tests.platforms import until

Happens = Callable[[Run], Awaitable[None]]
SPEED = 3.0
"""The house's clock runs so many times faster than ours: its waits are real, and an hour has 20 minutes."""


def calls(kind: str, which: str, how: str) -> Happens:
    """A fault of the next calls: `which` are posts, edits or files."""

    async def happens(run: Run) -> None:
        run.injector.arm(kind, getattr(run.vendor, which), how, run.rng.randint(1, 2))

    return happens


async def duplicates(run: Run) -> None:
    """Each of the last events three times more, in no order: the vendor did not see our 200."""
    again = [one for one in run.vendor.brought[-6:] for _ in range(3)]
    run.rng.shuffle(again)
    for one in again:
        await run.vendor.bring(one, run.rng.randint(1, 3))
    run.result.faults["duplicates x4"] += bool(again)


async def disorder(run: Run) -> None:
    """For a while nothing comes; then all of it four times, shuffled."""
    run.fake.deliver = False
    await run.progress(5)
    waiting = await run.vendor.held()
    run.fake.deliver = True
    many = waiting * 4
    run.rng.shuffle(many)
    for one in many:
        if await run.vendor.bring(one, run.rng.randint(1, 3)) == 200 and one in waiting:
            waiting.remove(one)
    assert not waiting, "what nobody took has to come again"
    run.result.faults["shuffled x4"] += 1


async def outage(run: Run) -> None:
    """The service cannot be reached for a while; the vendor repeats as it does."""
    run.fake.deliver = False
    await run.progress(6)
    run.fake.deliver = True
    run.result.faults["service down"] += 1
    await run.vendor.repeat()


async def edit_first(run: Run) -> None:
    person = run.somebody()
    async with person.busy:
        old, new = run.problem(person), run.problem(person)
        original, change = await run.vendor.said_then_changed(person.account, old, new)
        run.note("edited", new, before=old)
        for one in (change, original):
            await _bring_surely(run, one)
    run.result.faults["edit before its message"] += 1


async def unsends(run: Run) -> None:
    await _unsends(run, first=False)


async def unsends_first(run: Run) -> None:
    await _unsends(run, first=True)


async def _unsends(run: Run, *, first: bool) -> None:
    person = run.somebody()
    async with person.busy:
        text = run.problem(person)
        ref, original, gone = await run.vendor.said_then_unsent(person.account, text)
        run.note("unsent", text, ref=ref, before="first" if first else "")
        for one in (gone, original) if first else (original, gone):
            await _bring_surely(run, one)
    run.result.faults["unsent before its message" if first else "unsent"] += 1


async def _bring_surely(run: Run, one: Any) -> None:
    """As the vendor does: until it is taken."""
    if run.mode == "telegram-polling":
        body = one["message"] if "message" in one else one["edited_message"]
        kept = fakes_telegram.Pending(one, body["chat"]["id"], run.fake.now(), fakes_telegram.DAY)
        run.fake.pending.append(kept)
        run.fake._news.set()
        return
    for tried in range(50):
        if await run.vendor.bring(one, tried) == 200:
            break
        await asyncio.sleep(0.1)
    for left in await run.vendor.held():  # Slack's and LINE's fakes keep what failed, too
        if left != one:
            await _bring_surely(run, left)


async def late(run: Run) -> None:
    person = run.somebody()
    async with person.busy:
        text = run.problem(person)
        run.note("late", text)
        await run.vendor.late(person.account, text, timedelta(hours=25))
    run.result.faults["25 h late"] += 1


async def replay(run: Run) -> None:
    if (status := await run.vendor.replay()) != 200:
        run.result.blame("replays_not_200", status)
    run.result.faults["signed replay"] += 1


async def revoked(run: Run) -> None:
    """No call works until the operator has put in the token again; the founder hears of it elsewhere."""
    good = run.vendor.token
    run.vendor.token = "another"
    await run.progress(4)
    await run.owes(run.people["ben"], run.word())
    await until(lambda: run.house.app.services.health[run.channel].worrying, 20)
    await run.house.app.watch.look()
    if await run.read(lambda s: s.get(Notice, f"worry:{run.channel}")) is None:
        run.result.blame("outage_untold", run.house.app.services.health[run.channel].trouble)
    run.vendor.token = good
    run.house.clock.ahead += timedelta(seconds=61)
    run.result.faults["token revoked"] += 1


async def socket_lost(run: Run) -> None:
    """No connection for so long that Slack repeats nothing any more: its history has what was written."""
    kind = "socket lost, history read"
    before = run.result.faults[kind]
    closed = run.injector.arm(kind, ("apps.connections.open",), "server_error", float("inf"))
    run.fake.deliver = False
    for socket in list(run.fake.sockets):
        await socket.close()
    await run.progress(6)
    await until(lambda: not run.fake.sockets and run.result.faults[kind] > before, 30)
    run.injector.disarm(closed)
    run.fake.undelivered.clear()
    run.fake.deliver = True
    await until(lambda: bool(run.fake.sockets), 30)


async def socket_deaf(run: Run) -> None:
    """The connection looks alive and says nothing."""
    before = list(run.fake.sockets)
    run.fake.mute = True
    await run.progress(3, 1.0)
    for socket in before:
        await until(lambda: socket not in run.fake.sockets, 30)  # noqa: B023
    run.fake.mute = False
    await until(lambda: bool(run.fake.sockets), 30)
    run.result.faults["socket deaf"] += 1


async def socket_renewed(run: Run) -> None:
    await until(lambda: bool(run.fake.sockets), 30)
    await run.fake.asks_to_reconnect()
    run.result.faults["socket renewed"] += 1


async def one_chat_limited(run: Run) -> None:
    """Telegram asks to leave one chat in peace; the others go on."""
    seconds, one = 60, run.somebody()
    with contextlib.suppress(TimeoutError):
        await until(lambda: not run.injector.armed, 5)
    before, run.fake.retry_after = run.fake.retry_after, seconds
    only_there = f"chat_id={one.account}&".encode()
    fault = run.injector.arm("one chat limited", ("sendMessage",), "rate_limited", 1, only_there)
    limited = run.word()
    await run.owes(one, limited)
    with contextlib.suppress(TimeoutError):
        await until(lambda: fault not in run.injector.armed, 10)
    run.fake.retry_after = before
    if fault in run.injector.armed:
        run.injector.armed.remove(fault)  # it met nobody: there is nothing to see
        return
    since = len(run.fake.calls)
    for person in run.people.values():
        if person is not one:
            await run.owes(person, run.word())

    def others_are_told() -> bool:
        posts = [call for call in run.fake.calls[since:] if call.method == "sendMessage"]
        return any(str(call.args.get("chat_id")) != one.account for call in posts)

    # Somebody else hears from us long before that chat may be written to again.
    try:
        await until(others_are_told, 0.75 * seconds / SPEED)
    except TimeoutError:
        run.result.blame("others_held_up", limited)


async def blocked(run: Run) -> None:
    """A person blocks the bot while a job is theirs: another way is taken, and the founder hears why."""
    haru, shirley = run.people["haru"], run.people["shirley"]
    async with haru.busy, shirley.busy:
        run.blocked.add(haru.account)
        await run.fake.blocks(haru.account)
        await run.says(shirley, run.problem(shirley, about="haru"))
        await run.owes(haru, run.word())
        await until(lambda: run.read(lambda s: s.scalar(_dead(haru.account)) is not None), 60)
        run.fake.chats[int(haru.account)].state = "started"
    run.result.faults["blocked by a person"] += 1


def _dead(conversation: str) -> Any:
    return (
        select(OutboxRow.id)
        .where(OutboxRow.conversation_id == conversation, OutboxRow.status == "dead")
        .limit(1)
    )


async def migrates(run: Run) -> None:
    """The group gets another id, and people go on talking in it at once."""
    celine, old = run.people["celine"], run.room
    async with celine.busy:
        run.blocked.add(old)
        run.room = await run.fake.migrates(old, by=celine.account)
        run.blocked.add(run.room)
        await run.says(celine, run.problem(celine), room=run.room)
    run.result.faults["group migrates"] += 1


async def rival(run: Run) -> None:
    await until(lambda: run.fake._poll is not None and not run.fake._poll.done(), 30)
    run.fake.rival_polls()
    run.result.faults["rival poller"] += 1


async def quota_gone(run: Run) -> None:
    """The month's messages are used up: other ways are taken, and the founder is told once."""
    haru, shirley = run.people["haru"], run.people["shirley"]
    async with haru.busy, shirley.busy:
        run.house.clock.ahead += timedelta(seconds=61)  # no reply token is fresh
        run.blocked.add("*")
        run.fake.quota = run.fake.used
        await run.says(shirley, run.problem(shirley, about="haru"))
        await run.owes(haru, run.word())
        await until(lambda: run.read(lambda s: s.scalar(_dead(haru.account)) is not None), 60)
    await run.progress(3)
    run.fake.quota = None
    run.result.faults["quota gone"] += 1


async def token_expired(run: Run) -> None:
    """LINE takes a reply token for too old although it is not: the answer is pushed."""
    with contextlib.suppress(TimeoutError):
        await until(lambda: not run.injector.armed, 5)
    person, word = run.somebody(), run.word()
    async with person.busy:
        event = run.fake.message("text", person.account, text=f"/{word}")
        where, at = run.fake._reply_tokens[event["replyToken"]]
        run.fake._reply_tokens[event["replyToken"]] = (where, at - timedelta(seconds=61))
        run.note("command", word)
        await run.fake.send(event)
        with contextlib.suppress(TimeoutError):
            await until(lambda: any(word in post.text for post in run.vendor.shown()), 5)
    run.result.faults["reply token expired"] += 1


def kinds_of(mode: str) -> dict[str, Happens]:
    """Every fault that this platform can have, by its name."""
    everywhere = {
        "429 with a wait": calls("429 with a wait", "posts", "rate_limited"),
        "500": calls("500", "posts", "server_error"),
        "hang": calls("hang", "posts", "hang"),
        "dropped": calls("dropped", "posts", "drop"),
        "done and dropped": calls("done and dropped", "posts", "accept_and_drop"),
        "done and hanging": calls("done and hanging", "posts", "accept_and_hang"),
        "done and 500": calls("done and 500", "posts", "accept_and_500"),
        "file not given": calls("file not given", "files", "server_error"),
        "file cut": calls("file cut", "files", "drop"),
        "25 h late": late,
        "token revoked": revoked,
    }
    on_edits = {
        "edit 500": calls("edit 500", "edits", "server_error"),
        "edit done and dropped": calls("edit done and dropped", "edits", "accept_and_drop"),
        "edit before its message": edit_first,
    }
    by_webhook = {
        "duplicates x4": duplicates,
        "shuffled x4": disorder,
        "service down": outage,
        "signed replay": replay,
    }
    unsending = {"unsent": unsends, "unsent before its message": unsends_first}
    in_telegram = {
        "one chat limited": one_chat_limited,
        "blocked by a person": blocked,
        "group migrates": migrates,
    }
    fetched = ("getUpdates",)

    async def poll_cut(run: Run) -> None:
        run.injector.arm("poll done and dropped", fetched, "accept_and_drop")

    async def poll_500(run: Run) -> None:
        run.injector.arm("poll 500", fetched, "server_error")

    match mode:
        case "slack":
            return everywhere | on_edits | by_webhook | unsending
        case "slack-socket":
            sockets = {
                "socket lost, history read": socket_lost,
                "socket deaf": socket_deaf,
                "socket renewed": socket_renewed,
            }
            over_socket = {"duplicates x4": duplicates, "shuffled x4": disorder}
            return everywhere | on_edits | over_socket | sockets
        case "telegram":
            return everywhere | on_edits | by_webhook | in_telegram
        case "telegram-polling":
            polls = {"rival poller": rival, "poll done and dropped": poll_cut, "poll 500": poll_500}
            return everywhere | on_edits | in_telegram | polls
        case _:
            line = {"quota gone": quota_gone, "reply token expired": token_expired}
            return everywhere | by_webhook | unsending | line


ONLY_ONCE = {"group migrates", "token revoked", "quota gone", "blocked by a person"}


async def misfortune(run: Run, messages: int, more: int) -> None:
    """Each kind once and `more` at random, spread over the run."""
    kinds = kinds_of(run.mode)
    often = [name for name in kinds if name not in ONLY_ONCE]
    plan = [*kinds, *(run.rng.choice(often) for _ in range(more))]
    run.rng.shuffle(plan)
    at = sorted(run.rng.uniform(0.1, 0.85) * messages for _ in plan)
    for moment, name in zip(at, plan, strict=True):
        while run.result.messages < moment:
            await asyncio.sleep(0.02)
        await kinds[name](run)
    for _ in range(40):
        if run.injector.armed:
            await run.busy_hands()  # what is armed has to meet a call
