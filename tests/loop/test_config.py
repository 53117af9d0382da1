"""config.json is read again at every beat; what is not understood warns and leaves the default."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from core.loop.config import DEFAULT, read_config


def config(values: Any = None, **environ: str) -> Any:
    return read_config(None if values is None else json.dumps(values), environ)


def test_without_a_file_everything_has_its_default() -> None:
    found, warnings = config()
    assert (found, warnings) == (DEFAULT, [])
    assert (found.interval, found.max_next_interval, found.max_workers) == (60, 300, 8)


@pytest.mark.parametrize(
    ("values", "warned"),
    [
        ({"interval": "soon"}, "interval"),
        ({"interval": 0}, "interval"),
        ({"interval": True}, "interval"),
        ({"judgment": "dice"}, "judgment"),
        ({"pass_env": "HOME"}, "pass_env"),
        ({"acts": {"pay": 3}}, "acts"),
        ({"worker_budget_usd": "NaN"}, "worker_budget_usd"),
        ({"colour": "blue"}, "colour"),
        ([1], "no object"),
    ],
)
def test_what_is_not_understood_is_said_and_nothing_else_is_lost(values: Any, warned: str) -> None:
    found, (warning,) = config(values)
    assert warned in warning
    assert found == DEFAULT


def test_broken_json_is_the_default_and_a_warning() -> None:
    found, (warning,) = read_config('{"interval": 5', {})
    assert found == DEFAULT
    assert "config.json" in warning


def test_a_variable_outranks_the_file_and_ours_the_older_one() -> None:
    found, warnings = config({"interval": 30}, LOOPOS_INTERVAL="7", LOOOP_INTERVAL="9", LOOOP_MAX_WORKERS="2")
    assert (found.interval, found.max_workers, warnings) == (7, 2, [])
    found, (warning,) = config({"interval": 30}, LOOPOS_INTERVAL="never")
    assert (found.interval, warning) == (30, "LOOPOS_INTERVAL is not usable")


def test_a_file_of_the_older_loop_is_understood() -> None:
    found, warnings = config(
        {
            "default": "claude",
            "runners": {
                "claude": {"tick": "claude -p {{prompt_file}}", "interactive": "claude {{prompt_file}}"}
            },
        }
    )
    assert warnings == []
    assert found.tick_command == "claude -p {{prompt_file}}"
    assert found.worker_command == "claude {{prompt_file}}"


@pytest.mark.parametrize(
    ("values", "model", "who"),
    [
        ({}, True, "model"),
        ({}, False, "reflexes"),
        ({"tick_command": "x"}, True, "command"),
        ({"judgment": "model"}, False, "reflexes"),
        ({"judgment": "external", "tick_command": "x"}, True, "external"),
        ({"judgment": "reflexes"}, True, "reflexes"),
    ],
)
def test_who_decides(values: dict[str, Any], model: bool, who: str) -> None:
    assert config(values)[0].decides(model=model) == who


def test_money_is_decimal() -> None:
    assert config({"worker_budget_usd": 2.5})[0].worker_budget_usd == Decimal("2.5")
