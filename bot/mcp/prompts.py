"""Ways to begin: what a person picks from a menu, and what is said for them then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import mcp_types as types

_EVERY: Final = {
    "report_problem": (
        "Report a problem",
        "Collect what is wrong and where, then file it.",
        ("property_id", "The house, where it is known."),
        "Somebody on site has a problem{at}. Ask me what is wrong and where, one question at a time, in my language. Is "
        "anybody in danger? Then file my own words with ingest_text_message, and tell me the ticket and what happens next.",
    ),
    "morning_briefing": (
        "Morning briefing",
        "What happened, what waits for me, what runs late, what it costs.",
        None,
        "Give me a briefing of at most ten lines: call live_state and cost_summary. First what waits for my decision, then "
        "what runs late, then what is new, then the money. Name tickets by their id.",
    ),
    "handover": (
        "Hand over",
        "A summary for whoever is on next.",
        ("to", "Who takes over."),
        "Write a hand-over{to}: call live_state, then get_ticket for each open one. For each: what it is, who has it, what is "
        "promised to whom and when, what to do next. Plain sentences, no more than three for each ticket.",
    ),
    "teach_rule": (
        "Teach a rule",
        "Turn something learnt into a proposal for the founder.",
        ("text", "The rule, as far as it is known."),
        "I want the company to learn something{text}. Help me say it as one rule that names the house, the kind of problem and "
        "what shall be done; look for evidence with query_brain and list_tickets. Then call propose_new_rule, and tell me that "
        "it counts only once the founder approves it.",
    ),
}
_FILLED: Final = {
    "property_id": ("at", " at {said}"),
    "to": ("to", " for {said}"),
    "text": ("text", ": {said}"),
}


def listed() -> list[types.Prompt]:
    return [
        types.Prompt(
            name=name,
            title=title,
            description=about,
            arguments=[types.PromptArgument(name=argument[0], description=argument[1], required=False)]
            if argument
            else [],
        )
        for name, (title, about, argument, _) in _EVERY.items()
    ]


def written(name: str, arguments: Mapping[str, str]) -> types.GetPromptResult | None:
    """None: there is no such prompt, or it does not take that argument."""
    if name not in _EVERY:
        return None
    _, about, argument, text = _EVERY[name]
    if set(arguments) - ({argument[0]} if argument else set()):
        return None
    if argument is not None:
        key, form = _FILLED[argument[0]]
        said = str(arguments.get(argument[0], "")).strip()[:500]
        text = text.replace(f"{{{key}}}", form.replace("{said}", said) if said else "")
    content = types.TextContent(type="text", text=text)
    return types.GetPromptResult(
        description=about, messages=[types.PromptMessage(role="user", content=content)]
    )
