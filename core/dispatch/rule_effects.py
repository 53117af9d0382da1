"""What a rule changed about a draft, in a few words for the history. Pure."""

from __future__ import annotations

from core.company.rules import Rule
from core.dispatch.draft import Draft


def of(rule: Rule, made: Draft, without: Draft) -> str:
    """`without`: the draft as all other rules would have it. "" where the rule made no difference."""
    match rule.kind:
        case "recurring_fault":
            return "recurrence"
        case "sop_step":
            return "step"
        case "retire_memo":
            return f"memo {rule.then.memo_id}"
    if made.vendor_id != without.vendor_id:
        return f"vendor {made.vendor_id or '-'}"
    if made.cap_usd != without.cap_usd:
        return f"cap {made.cap_usd}"
    if made.estimate_usd != without.estimate_usd:
        return f"estimate {made.estimate_usd}"
    return ""
