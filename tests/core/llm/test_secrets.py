"""The key goes to the vendor and nowhere else."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
import structlog

from core.llm.port import Unanswered
from tests.core.llm.stage import CANARY, LONG, QUESTION, STRONG, Stage
from tests.fakes.models_and_speech import Fault


@pytest.mark.parametrize("llm", ["anthropic", "openai"])
@pytest.mark.parametrize("question", [QUESTION, STRONG], ids=["whole", "streamed"])
async def test_no_fault_brings_the_key_to_light(
    stage: Stage, llm: str, question: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    faults: list[Fault] = ["401", "400", "500", "spend_limit", "drop", "cut", "error_in_stream", "wrong_json"]
    seen: list[str] = []
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as ours:
        for fault in faults:
            fake = stage.anthropic if llm == "anthropic" else stage.openai
            fake.then(fault, fault)
            gateway = await stage.gateway(llm=llm)
            try:
                seen.append(repr(await gateway.ask(question, LONG)))
            except Unanswered as unanswered:
                seen.append("".join(traceback.format_exception(unanswered)))
                seen.append(repr(unanswered) + repr(unanswered.tried))
            seen += [repr(gateway), repr(vars(gateway)), repr(gateway.health())]
            seen += [repr(seat.provider) for seat in gateway._seats]
            fake.script.clear()
    out, err = capfd.readouterr()
    everything = "\n".join([*seen, caplog.text, repr(ours), out, err, repr(stage.meter.rows)])
    assert any(CANARY in message for message in stage.anthropic.refused + stage.openai.refused), (
        "the bait was out"
    )
    assert CANARY not in everything
