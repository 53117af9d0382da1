"""Groups that are about one property: there every message counts, and nobody has to name it."""

from __future__ import annotations

from core.actors import Actor
from core.context import Tx
from core.errors import Refused
from core.store.tables import Binding


def bind(tx: Tx, channel: str, room: str, property_id: str, actor: Actor) -> None:
    """Raises Refused("which_property")."""
    if tx.services.company.place(property_id) is None:
        raise Refused("which_property")
    row = tx.get(Binding, (channel, room)) or tx.add(Binding(channel=channel, room=room))
    row.property_id, row.bound_by, row.bound_at = property_id, actor.person_id, tx.now


def unbind(tx: Tx, channel: str, room: str) -> None:
    row = tx.get(Binding, (channel, room))
    if row is not None:
        tx.session.delete(row)
