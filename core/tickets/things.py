"""Which of the things that break by themselves a text speaks of: what tells a dead bulb from a wet socket, though both are
electrical. Pure."""

from __future__ import annotations

from typing import Final

from core import concepts
from core.model import LANGUAGES

_OF_ONE_KIND: Final = (
    ("bulb", "lamp", "lights"),
    ("swimming_pool", "pool_pump"),
    ("lock_and_key", "door_lock", "lock_battery", "door_code", "key_box"),
    ("router_and_wifi", "wifi", "router", "slow_internet", "internet_provider", "wifi_password"),
    ("toilet", "toilet_blocked"),
    ("television", "remote_control", "tv_streaming"),
)
_BY_ITSELF: Final = [
    "fridge",
    "stove",
    "oven",
    "barbecue",
    "microwave",
    "kettle",
    "coffee_machine",
    "dishwasher",
    "toaster",
    "rice_cooker",
    "range_hood",
    "washing_machine",
    "dryer",
    "iron",
    "vacuum_cleaner",
    "hair_dryer",
    "projector",
    "speaker_and_sound",
    "generator",
    "air_conditioner",
    "water_heater",
    "hot_tub",
    "sauna",
    "lift",
    "doorbell_and_intercom",
    "camera_and_alarm",
    "safe",
    "sofa",
    "bed",
    "blinds",
    "curtain",
]
"""What something else drips from, onto or through (sockets, ceilings, floors, pipes) is left out: it tells nothing apart."""
_KIND: Final = {one: one for one in _BY_ITSELF} | {one: kind[0] for kind in _OF_ONE_KIND for one in kind}


def things_in(text: str) -> frozenset[str]:
    plain = concepts.fold(text)
    found = {hit.concept for one in LANGUAGES for hit in concepts.things().find(plain, one)}
    return frozenset(_KIND[one] for one in found if one in _KIND)


def of_another_thing(one: str, other: str) -> bool:
    """Both texts name things that break by themselves, and none in common."""
    here = things_in(one)
    return bool(here) and bool(there := things_in(other)) and here.isdisjoint(there)
