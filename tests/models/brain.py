"""What a good model would answer, for the few messages of the tests: a brain for the fakes of both vendors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.fakes.models_and_speech import Asked, Json, honest
from tests.world import STORY

ENGLISH = "Ben, at Warm Taipei the AC in the main bedroom is leaking, water drips next to a socket, the guest is angry, whom do I call?"
SINK = "vila Bali: wastafel dapur mampet total, air menggenang, tamu masih ada di dalam"
SINK_ENGLISH = (
    "Bali villa: the kitchen sink is completely blocked, water is standing, the guest is still inside"
)

READ: dict[str, Json] = {
    STORY: {
        "intent": "new_issue",
        "language": "zh-TW",
        "property_id": "warm_taipei_2br",
        "category": "hvac_leak",
        "severity": 4,
        "risk_tags": ["electrical_risk", "water_damage", "guest_angry"],
        "english": ENGLISH,
        "gives_orders": False,
    },
    SINK: {
        "intent": "new_issue",
        "language": "id",
        "property_id": "bali_villa",
        "category": "plumbing_blockage",
        "severity": 3,
        "risk_tags": ["water_damage"],
        "english": SINK_ENGLISH,
        "gives_orders": False,
    },
}
TEXTS = {
    ("vendor", "id"): "Wastafel dapur mampet total dan air menggenang. Mohon bawa alat pembersih saluran.",
    ("guest", "id"): "Tukang ledeng sedang kami hubungi. Mohon jangan memakai wastafel dapur dulu.",
    ("reporter", "id"): "Matikan keran dapur, lalu letakkan ember di bawah wastafel sampai tukang datang.",
    ("vendor", "zh-TW"): "主臥室冷氣漏水,水滴到插座旁邊,請帶排水管工具與驗電筆。",
    ("guest", "zh-TW"): "我們已經在聯絡冷氣師傅,請先不要靠近插座。",
    ("reporter", "zh-TW"): "請先關掉冷氣電源,用毛巾接水,不要碰插座。",
}

TRANSLATED = {
    (
        "Si gotea el aire acondicionado de Taipei, primero hay que cortar la corriente.",
        "en",
    ): "If the air conditioning in Taipei drips, the power has to be switched off first.",
}

NAMED = {
    "name": "Shower drain of the house in Kyoto",
    "description": "The drain runs slowly; the same vendor cleared it each time.",
}


def said_in(asked: Asked) -> str:
    """The first fenced text."""
    return asked.said.split(">>>\n", 1)[1].split("\n<<<END", 1)[0] if "<<<SAID" in asked.said else ""


def facts_in(asked: Asked) -> Json:
    found = json.JSONDecoder().raw_decode(asked.said.split("Facts:\n", 1)[1])[0]
    assert isinstance(found, dict)
    return found


def purpose_of(asked: Asked) -> str:
    names = set((asked.schema or {}).get("properties", {}))
    if names == {"name", "description"}:
        return "distil"
    return "triage" if "gives_orders" in names else "draft" if "translations" in names else "translate"


def clever(
    vendor: str | None = "kampung_plumber", price: str = "30.00", routine: Json | None = None, **more: Any
) -> Callable[[Asked], Json]:
    """Reads what READ knows, suggests `vendor` at `price`, names every routine as `routine` says."""

    def answer(asked: Asked) -> Json:
        match purpose_of(asked):
            case "triage":
                return READ.get(said_in(asked)) or honest(asked)
            case "draft":
                texts = [
                    {"reader": reader, "language": language, "text": TEXTS[reader, language]}
                    for reader, language in facts_in(asked)["texts"].items()
                    if (reader, language) in TEXTS
                ]
                drafted = {
                    "vendor_id": vendor,
                    "estimate_usd": price,
                    "why": "They fixed the same here before.",
                }
                return {**drafted, "texts": texts, "translations": [], **more}
            case "distil":
                return routine or NAMED
            case _:
                return {"text": TRANSLATED.get((said_in(asked), facts_in(asked)["into"]), ENGLISH)}

    return answer
