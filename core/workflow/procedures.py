"""Procedures in chat: everybody reads them, the founder writes them. What he wrote is owed as a change of the company's files."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from pydantic import ValidationError

from core.actors import Actor, Reader
from core.cards.procedure import LONGEST, NEW, digest_of, procedure
from core.company.procedures import NoProcedure, named, values_of
from core.company.schema import Sop
from core.context import Tx
from core.errors import Refused
from core.model import Address
from core.outbox import card_publisher
from core.text import escape
from core.workflow.shipping import SHIP


def find(tx: Tx, sop_id: str) -> Sop:
    """Raises Refused("unknown_procedure")."""
    sop = tx.services.company.sop(sop_id)
    if sop is None:
        raise Refused("unknown_procedure", procedure=sop_id[:60])
    return sop


def write(tx: Tx, actor: Actor, sop_id: str, text: str, base: str = "") -> Sop:
    """`text` (Markdown or JSON) becomes the procedure `sop_id`, or a new one; owed as a change of the file and a commit. `base`:
    digest of what was shown. Raises Refused("unknown_procedure" | "unfit_procedure" | "too_long" | "changed_meanwhile")."""
    if sop_id != NEW and base not in {"", digest_of(find(tx, sop_id))}:
        raise Refused("changed_meanwhile")
    said = escape(text).strip()
    if len(said) > LONGEST:
        raise Refused("too_long", most=LONGEST)
    try:
        values = values_of(said)
        sop = Sop.model_validate({"id": sop_id, **values} if sop_id != NEW else named(values))
    except NoProcedure as none:
        raise Refused("unfit_procedure", why=f"{none.line}: {none.problem}") from None
    except ValidationError as error:
        issue = error.errors()[0]
        key = ".".join(str(part) for part in issue["loc"])
        why = "is missing" if issue["type"] == "missing" else issue["msg"].removeprefix("Value error, ")
        raise Refused("unfit_procedure", why=f"{key}: {why}") from None
    if sop_id not in {NEW, sop.id}:
        raise Refused("unfit_procedure", why=f"id: {sop.id} ≠ {sop_id}")
    if sop_id == NEW and tx.services.company.sop(sop.id) is not None:
        raise Refused("unfit_procedure", why=f"id: {sop.id} is there already")
    _owe(tx, actor, sop.id, sop.model_dump_json(exclude_defaults=True))
    return sop


def remove(tx: Tx, actor: Actor, sop_id: str) -> None:
    """It is no procedure of ours any more. Raises Refused("unknown_procedure")."""
    _owe(tx, actor, find(tx, sop_id).id, "")


def _owe(tx: Tx, actor: Actor, sop_id: str, text: str) -> None:
    """`text`: as JSON; "": it is not to be there."""
    args = {"what": "sop", "name": sop_id, "text": text, "who": actor.person_id}
    tx.services.jobs.defer(tx, SHIP, args, lane=SHIP)


# --- showing


def put_before(tx: Tx, sop: Sop | None, ways: Iterable[tuple[Address, Reader]]) -> None:
    """Its card; None: the one on which a new one is begun."""
    card_publisher.post_own(
        tx, "sop", sop.id if sop else NEW, partial(procedure, sop, tx.services.company), ways
    )


def written(tx: Tx, sop_id: str) -> None:
    """The files say it: cards that show it are drawn again."""
    sop = tx.services.company.sop(sop_id)
    if sop is not None:
        card_publisher.redraw_own(tx, "sop", sop_id, partial(procedure, sop, tx.services.company))
