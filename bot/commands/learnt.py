"""Commands about what was learnt: everybody of the team reads, the founder decides with the buttons."""

from __future__ import annotations

from bot.commands.call import Call
from core import phrases
from core.team.approved_skills import skill_from
from core.workflow import skill_record, skill_versions


def skills(call: Call) -> None:
    """All routines in a line each; with an id its card."""
    words = call.reader.words
    if call.words_after:
        skill_id, _, version = call.words_after.partition(" v")
        row = skill_versions.find(call.tx, skill_id, int(version) if version.isdecimal() else None)
        ways = [(address, call.reader) for address in call.alone()]
        call.later(
            lambda tx: skill_versions.put_before(tx, skill_versions.find(tx, row.skill_id, row.version), ways)
        )
        return
    lines = []
    for row in skill_versions.shown(call.tx):
        record = skill_record.of(call.tx.session, row.skill_id, row.version)
        done = (
            words("{completed} of {runs} times to the end", **record)
            if record["runs"]
            else words("not run yet")
        )
        state = words(phrases.SKILL_STATUS[row.status])
        lines.append(f"• {skill_from(row.content).name} [{row.skill_id} v{row.version}]: {state}, {done}")
    if not lines:
        call.reply(words("There are no routines yet. After three like repairs I propose one."))
        return
    call.reply("\n".join([*lines, words("One of them: {example}", example=f"/skills {row.skill_id}")]))
