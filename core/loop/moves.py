"""One decision: an object, checked against one schema. What is not one of these moves is a failed beat."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from core import names
from core.errors import LoopOSError
from core.loop.world import parsed
from core.store.loop_events import one_line

LEAST_EVERY: Final = 60
"""Seconds between two turns of a schedule."""
_FENCE: Final = re.compile(r"\A\s*```[a-zA-Z]*\n(.*)\n```\s*\Z", re.DOTALL)


class BadMove(LoopOSError):
    """What was decided is no move; the text says why."""


def _id(value: str) -> str:
    if not names.is_id(value):
        raise ValueError("no id: no blank, slash, leading dot")
    return value


Id = Annotated[str, AfterValidator(_id)]
Text = Annotated[str, Field(min_length=1, max_length=100_000)]


class _Move(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)

    journal: str | None = Field(default=None, max_length=2000)
    """What the journal says of it; without one it says the move itself."""
    next_interval_s: int | None = None
    """Look again after so many seconds."""


class Noop(_Move):
    action: Literal["noop"]
    reason: Text


class Notify(_Move):
    action: Literal["notify"]
    message: Text
    to: str | None = None


class AskPeople(_Move):
    action: Literal["ask"]
    prompt: Text
    options: tuple[Text, ...] = ()
    reference: str | None = None
    to: str | None = None


class WriteGoal(_Move):
    action: Literal["write_goal"]
    id: Id
    body: Text


class ArchiveGoal(_Move):
    action: Literal["archive_goal"]
    id: Id


class WriteSchedule(_Move):
    action: Literal["write_schedule"]
    name: Id
    in_s: int | None = Field(default=None, ge=0)
    every_s: int | None = Field(default=None, ge=LEAST_EVERY)
    note: str = ""

    @model_validator(mode="after")
    def _one(self) -> WriteSchedule:
        if (self.in_s is None) == (self.every_s is None):
            raise ValueError("one of in_s and every_s")
        return self


class DropSchedule(_Move):
    action: Literal["drop_schedule"]
    name: Id


class StartWorker(_Move):
    action: Literal["start_worker"]
    id: Id
    prompt: Text
    verify: str | None = None
    command: str | None = None


class KillWorker(_Move):
    action: Literal["kill_worker"]
    id: Id
    reason: Text


class RunShell(_Move):
    action: Literal["run_shell"]
    cmd: Text
    reason: Text


class WriteSensor(_Move):
    action: Literal["write_sensor"]
    name: Id
    script: Text


class WritePlaybook(_Move):
    action: Literal["write_playbook"]
    body: Text


class ProposeDispatch(_Move):
    action: Literal["propose_dispatch"]
    ticket_id: Text
    vendor_id: Text
    amount_usd: Decimal = Field(ge=0, le=1_000_000, allow_inf_nan=False)
    message: Text


class Act(_Move):
    action: Literal["act"]
    name: Id
    """One of the configured acts: merge, deploy, pay."""
    target: Text
    amount_usd: Decimal | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)
    detail: Text


Move: TypeAlias = Annotated[
    Noop
    | Notify
    | AskPeople
    | WriteGoal
    | ArchiveGoal
    | WriteSchedule
    | DropSchedule
    | StartWorker
    | KillWorker
    | RunShell
    | WriteSensor
    | WritePlaybook
    | ProposeDispatch
    | Act,
    Field(discriminator="action"),
]
_MOVE: Final[TypeAdapter[Move]] = TypeAdapter(Move)


def move_schema() -> dict[str, Any]:
    """What a decider is asked for, as JSON schema."""
    return _MOVE.json_schema()


def read_move(text: str) -> Move:
    """The one object in `text`, without the one fence that models put around it. Raises BadMove."""
    fenced = _FENCE.match(text)
    try:
        value = parsed(fenced[1] if fenced else text)
    except ValueError as error:
        raise BadMove(f"no JSON: {error}"[:300]) from None
    if not isinstance(value, dict):
        raise BadMove("no object")
    try:
        return _MOVE.validate_python(value)
    except ValidationError as error:
        issue = error.errors()[0]
        key = ".".join(str(part) for part in issue["loc"])
        raise BadMove(f"{key}: {issue['msg']}"[:300]) from None


def line_of(move: Move) -> str:
    """What the journal says of it where it says nothing itself: `write-goal ID`, `run-shell · REASON`."""
    name = move.action.replace("_", "-")
    match move:
        case Noop() | RunShell():
            said = f"{name} · {move.reason}"
        case Notify():
            said = f"{name} · {move.message}"
        case AskPeople():
            said = f"{name} · {move.prompt}"
        case KillWorker():
            said = f"{name} {move.id} · {move.reason}"
        case WriteGoal() | ArchiveGoal() | StartWorker():
            said = f"{name} {move.id}"
        case WriteSchedule() | DropSchedule() | WriteSensor():
            said = f"{name} {move.name}"
        case ProposeDispatch():
            said = f"{name} {move.ticket_id} · {move.vendor_id}, {move.amount_usd} USD"
        case Act():
            said = f"{name} {move.name} {move.target}"
        case WritePlaybook():
            said = name
    return one_line(move.journal or said)
