"""From what a model wrote to a value that can be trusted to have its shape."""

from __future__ import annotations

import re
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from core.llm.calls import Reply

T = TypeVar("T", bound=BaseModel)
_MAX_ISSUES: Final = 8
_MAX_SAID: Final = 4_000
# Models that take no schema like to wrap it: ```json ... ```
_WRAPPED: Final = re.compile(r"\A\s*```(?:json)?\s*\n(?P<inside>.*?)\n?```\s*\Z", re.DOTALL)


class Misfit(Exception):
    """The reply is not the value that was asked for. The text says what is wrong with it, to the model."""

    def __init__(self, wrong: str, said: str = "", *, repairable: bool = True) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.said = said
        self.repairable = repairable
        """Not where the vendor or the model refused: asking twice changes nothing."""


def read(reply: Reply, answer: type[T]) -> T:
    """Raises Misfit."""
    if reply.stop == "refused":
        raise Misfit("refused", repairable=False)
    if reply.stop == "truncated":
        raise Misfit("The answer was longer than allowed and was cut off. Be brief.")
    text = reply.text.strip()
    if wrapped := _WRAPPED.match(text):
        text = wrapped["inside"]
    try:
        return answer.model_validate_json(text)
    except ValidationError as error:
        issues = error.errors(include_url=False, include_context=False, include_input=False)
        wrong = "; ".join(
            f"{'.'.join(str(step) for step in issue['loc']) or 'the answer'}: {issue['msg']}"
            for issue in issues[:_MAX_ISSUES]
        )
        raise Misfit(wrong, text[:_MAX_SAID]) from None
