"""Commands about what was learnt: everybody of the team reads, the founder decides with the buttons."""

from __future__ import annotations

from typing import Any

from bot.commands.call import Call
from core import phrases
from core.acts.commands import ProposeMemo
from core.cards.procedure import NEW
from core.cards.rule_words import sentence
from core.store.session_rows import SessionRows
from core.team.learnt import rule_from, skill_from
from core.text import shorten
from core.workflow import procedures as sops
from core.workflow import rule_view, skill_record, skill_versions, skill_view
from core.workflow import rules as proposals

MAX_LISTED = 40


def memo(call: Call) -> None:
    """The words behind it; alone, whatever is sent next here."""
    words, at = call.reader.words, call.address
    if call.words_after:
        call.do(ProposeMemo(call.words_after))
        return
    call.do(ProposeMemo("", at.channel, at.conversation_id))
    call.reply(words("I am listening: your next message here, written or spoken, is the memo."))


def procedures(call: Call) -> None:
    """All procedures in a line each; with an id its card; with "new" the card to write one."""
    words, company = call.reader.words, call.tx.services.company
    if call.words_after:
        sop_id = call.words_after
        if sop_id != NEW:
            sops.find(call.tx, sop_id)
        ways = [(address, call.reader) for address in call.alone()]
        call.later(lambda tx: sops.put_before(tx, tx.services.company.sop(sop_id), ways))
        return
    if not company.sops:
        call.reply(words("There are no procedures yet. Write one: {example}", example="/sops new"))
        return
    lines = [f"• {one.title} [{one.id}]" for one in company.sops[:MAX_LISTED]]
    if len(company.sops) > MAX_LISTED:
        lines.append(words("{count} more", count=len(company.sops) - MAX_LISTED))
    call.reply("\n".join([*lines, words("One of them: {example}", example=f"/sops {company.sops[0].id}")]))


def rules(call: Call) -> None:
    """All rules in a line each; with an id its card."""
    words = call.reader.words
    if call.words_after:
        row = proposals.find(call.tx, call.words_after)
        ways = [(address, call.reader) for address in call.alone()]
        call.later(lambda tx: proposals.put_before(tx, proposals.find(tx, row.rule_id), ways))
        return
    rows = rule_view.listed(SessionRows(call.tx.session))[:20]
    lines = [
        f"• {_said(call, row)} [{row.rule_id}]: {words(phrases.LEARNT_STATUS[row.status])}" for row in rows
    ]
    if not lines:
        call.reply(words("There are no rules yet. What I notice I put before the founder."))
        return
    call.reply("\n".join([*lines, words("One of them: {example}", example=f"/rules {rows[0].rule_id}")]))


def _said(call: Call, row: Any) -> str:
    return shorten(
        sentence(call.tx.services.company, rule_from(row.content), call.reader.words) or row.text, 160
    )


def skills(call: Call) -> None:
    """All routines in a line each; with an id its card."""
    words = call.reader.words
    if call.words_after:
        skill_id, _, version = call.words_after.partition(" v")
        row = skill_versions.find(
            call.tx, skill_id, int(version) if version.isdecimal() and len(version) < 8 else None
        )
        ways = [(address, call.reader) for address in call.alone()]
        call.later(
            lambda tx: skill_versions.put_before(tx, skill_versions.find(tx, row.skill_id, row.version), ways)
        )
        return
    lines = []
    for row in skill_view.shown(SessionRows(call.tx.session)):
        record = skill_record.of(SessionRows(call.tx.session), row.skill_id, row.version)
        done = (
            words("{completed} of {runs} times to the end", **record)
            if record["runs"]
            else words("not run yet")
        )
        state = words(phrases.LEARNT_STATUS[row.status])
        lines.append(f"• {skill_from(row.content).name} [{row.skill_id} v{row.version}]: {state}, {done}")
    if not lines:
        call.reply(words("There are no routines yet. After three like repairs I propose one."))
        return
    call.reply("\n".join([*lines, words("One of them: {example}", example=f"/skills {row.skill_id}")]))
