"""The API held against its own description: whatever a generator makes of it, no answer is an error of ours, and each is as
described."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from bot.api.openapi import describe
from tests.clients.programs import Programs
from tests.platforms import House

pytestmark = pytest.mark.long
OPERATIONS = [(method.upper(), path) for path, every in describe()["paths"].items() for method in every]


def test_the_description_is_one_and_names_every_field() -> None:
    said = describe()
    text = json.dumps(said)
    assert said["openapi"] == "3.1.0" and len(OPERATIONS) == 21
    for name in said["components"]["schemas"]:
        assert text.count(f"#/components/schemas/{name}") or name == "Error", name


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_no_request_is_an_error_of_ours(
    house: House, programs: Programs, method: str, path: str
) -> None:
    """A hundred requests for each, right and wrong ones."""
    token = await programs.token("ben", "decide", "api")
    operation = schemathesis.openapi.from_dict(describe())[path][method]
    headers = {"Authorization": f"Bearer {token}"}

    @settings(
        max_examples=100,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def one(case: Any) -> None:
        response = case.call(base_url=house.url, headers=headers, timeout=20)
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        # What a schema cannot say (that a ticket is there, that words are a report) is refused all the same.
        case.validate_response(response, excluded_checks=[ignored_auth, positive_data_acceptance])

    await house.app.requests.start()  # which carries out what the loop is bid
    try:
        await asyncio.to_thread(one)
    finally:
        await house.app.requests.stop()
