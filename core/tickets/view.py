"""A ticket as JSON: the keys that other programs read, for the CLI, MCP and the web."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.money import USD, exact, usd
from core.stored_values import to_json

if TYPE_CHECKING:  # the rows of a plain reader have the same names: a reading command need not import the ORM
    from core.store.tables import Approval, Attachment, Dispatch, HistoryRow, Report, Ticket


def money(value: Decimal | None) -> str | None:
    return None if value is None else str(usd(value))


def local(dollars: Decimal | None, said: Any) -> dict[str, str] | None:
    """`{amount, currency, rate}`: the same sum as people there said it."""
    if dollars is None:
        return None
    if not said:
        return {"amount": str(usd(dollars)), "currency": USD, "rate": "1"}
    found: dict[str, str] = to_json(said)
    return found


def iso(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def ticket_json(ticket: Ticket) -> dict[str, Any]:
    return {
        "ticket_id": ticket.ticket_id,
        "property_id": ticket.property_id,
        "status": ticket.status,
        "category": ticket.category,
        "severity": ticket.severity,
        "risk_tags": ticket.risk_tags,
        "language": ticket.language,
        "source": ticket.source,
        "reporter": ticket.reporter,
        "raw_input": ticket.raw_input,
        "transcript_native": ticket.transcript_native,
        "transcript_en": ticket.transcript_en,
        "matched_voice_memo_ids": ticket.matched_voice_memo_ids,
        "matched_sop_id": ticket.matched_sop_id,
        "matched_historical_ids": ticket.matched_historical_ids,
        "skill_artifact": ticket.skill_artifact,
        "dispatches": [dispatch_json(dispatch) for dispatch in ticket.dispatches],
        "reports": [report_json(report) for report in ticket.reports],
        "attachments": [attachment_json(attachment) for attachment in ticket.attachments],
        "history": [history_json(row) for row in ticket.history],
        "cost_usd": exact(ticket.cost_usd),
        "guest_credit_usd": money(ticket.guest_credit_usd),
        "guest_credit_local": local(ticket.guest_credit_usd, ticket.guest_credit_local),
        "staff_minutes": ticket.staff_minutes,
        "created_at": iso(ticket.created_at),
        "resolved_at": iso(ticket.resolved_at),
        "outcome": ticket.outcome,
        "rating": ticket.rating,
        "charge_to": ticket.charge_to,
        "merged_into": ticket.merged_into,
        "facts": ticket.facts,
        "approvals": [approval_json(approval) for approval in ticket.approvals],
    }


def dispatch_json(dispatch: Dispatch) -> dict[str, Any]:
    return {
        "dispatch_id": dispatch.dispatch_id,
        "vendor_id": dispatch.vendor_id,
        "cost_estimate_usd": money(dispatch.cost_estimate_usd),
        "cost_estimate_local": local(dispatch.cost_estimate_usd, dispatch.cost_estimate_local),
        "cap_usd": money(dispatch.cap_usd),
        "authorized": dispatch.authorized,
        "authorized_by": dispatch.authorized_by,
        "eta_iso": iso(dispatch.eta_iso),
        "auto_escalate_after_seconds": dispatch.auto_escalate_after_seconds,
        "acknowledged": dispatch.acknowledged,
        "acknowledged_by": dispatch.acknowledged_by,
        "escalated": dispatch.escalated,
        "escalation_level": dispatch.escalation_level,
        "actual_cost_usd": money(dispatch.actual_cost_usd),
        "actual_cost_local": local(dispatch.actual_cost_usd, dispatch.actual_cost_local),
        "assignee": dispatch.assignee,
        "rule_id": dispatch.rule_id,
        "void": dispatch.void,
    }


def report_json(report: Report) -> dict[str, Any]:
    return {
        "reporter": report.reporter,
        "at": iso(report.at),
        "source": report.source,
        "raw_input": report.raw_input,
        "transcript_native": report.transcript_native,
        "transcript_en": report.transcript_en,
        "language": report.language,
    }


def attachment_json(attachment: Attachment) -> dict[str, Any]:
    return {
        "kind": attachment.kind,
        "media_type": attachment.media_type,
        "bytes": attachment.bytes,
        "sha256": attachment.sha256,
        "path": attachment.path,
    }


def history_json(row: HistoryRow) -> dict[str, Any]:
    return {
        "at": iso(row.at),
        "event": row.event,
        "actor": row.actor,
        "channel": row.channel,
        "from": row.from_status,
        "to": row.to_status,
        "detail": row.detail,
    }


def approval_json(approval: Approval) -> dict[str, Any]:
    return {
        "approval_id": approval.id,
        "action": to_json(approval.action),
        "status": approval.status,
        "reasons": to_json(approval.reasons),
        "deciders": approval.deciders,
        "decided_by": approval.decided_by,
        "decided_at": iso(approval.decided_at),
        "decided_on": approval.decided_on,
        "note": approval.note,
    }
