"""What a program is told that may not, or cannot, have what it asked for: a code to act on, and words for its person."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import ValidationError

from core.errors import LoopOSError, Refused
from core.i18n import Words
from core.phrases import refusal

Code = Literal[
    "invalid_arguments", "not_found", "not_yours", "stale", "already_decided", "too_large", "try_later"
]

_CODES: Final[dict[str, Code]] = {
    "unknown_ticket": "not_found",
    "unknown_button": "not_found",
    "unknown_person": "not_found",
    "gone": "not_found",
    "unknown_ask": "not_found",
    "unknown_worker": "not_found",
    "tap_needed": "not_yours",
    "unknown_client": "not_found",
    "not_yours": "not_yours",
    "not_for_you": "not_yours",
    "deputy_cap": "not_yours",
    "already_decided": "already_decided",
    "already_acknowledged": "already_decided",
    "already_answered": "already_decided",
    "superseded": "stale",
    "wrong_state": "stale",
    "not_acknowledged": "stale",
    "really": "stale",
    "no_rate": "invalid_arguments",
}
_FIELDS: Final = {
    "amount_unclear": "actual_cost_usd",
    "unknown_vendor": "vendor_id",
    "which_property": "property_id",
    "text_needed": "text",
    "bad_time": "eta_iso",
}


class ClientError(LoopOSError):
    """`field` names the argument at fault; never its value."""

    def __init__(
        self,
        code: Code,
        text: str,
        *,
        field: str | None = None,
        who: str | None = None,
        where: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(text)
        self.code: Code = code
        self.text = text
        self.field = field
        self.who = who
        self.where = where
        self.retry_after = retry_after

    def details(self) -> dict[str, Any]:
        every = {
            "code": self.code,
            "field": self.field,
            "who": self.who,
            "where": self.where,
            "retry_after": self.retry_after,
        }
        return {key: value for key, value in every.items() if value is not None}


def from_refusal(refused: Refused, words: Words, now: datetime) -> ClientError:
    code = _CODES.get(refused.code, "invalid_arguments")
    who, where = refused.params.get("who"), refused.params.get("channel")
    return ClientError(
        code,
        refusal(refused, words, now),
        field=_FIELDS.get(refused.code) if code == "invalid_arguments" else None,
        who=str(who) if who else None,
        where=str(where) if where else None,
    )


def field_of(error: ValidationError) -> str:
    """The argument at fault. Where several are, one that is unknown goes first: who misspells a name misses it, too."""
    every = error.errors(include_url=False, include_context=False, include_input=False)
    every.sort(key=lambda one: one["type"] != "extra_forbidden")
    return str(every[0]["loc"][0]) if every[0]["loc"] else ""
