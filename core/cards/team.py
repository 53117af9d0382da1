"""Who joined and who left, as the founder sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.actors import Reader
from core.cards.card import Fact
from core.cards.view import ButtonDraft, CardDraft
from core.company.company import Company
from core.company.schema import Person
from core.phrases import CHANNEL, ROLE, label


@dataclass(frozen=True, slots=True)
class Joined:
    person: Person
    channel: str
    account: str
    by: str
    """Whose code it was."""
    new: bool
    """Of the team since now; else one more account of somebody who is."""


def joined(it: Joined, company: Company, reader: Reader) -> CardDraft:
    """The founder is told, with one tap to undo it."""
    words = reader.words
    channel = label(CHANNEL, it.channel, words)
    lead = (
        words("{name} joined the team, on {channel}.", name=it.person.name, channel=channel)
        if it.new
        else words("{name} has one more account now, on {channel}.", name=it.person.name, channel=channel)
    )
    places = [place.name for one in it.person.properties if (place := company.place(one)) is not None]
    facts = [Fact(label=words("Role"), value=label(ROLE, it.person.role, words))]
    if places:
        facts.append(Fact(label=words("Properties"), value=words.join(places)))
    if it.new:
        facts.append(Fact(label=words("Invited by"), value=it.by))
    # Whoever joined goes as a whole, whatever accounts they added since.
    undo = (
        ButtonDraft("remove", words("Undo"), "danger", {"person": it.person.id})
        if it.new
        else ButtonDraft("unlink", words("Undo"), "danger", {"channel": it.channel, "account": it.account})
    )
    return CardDraft(title=words("The team"), lead=lead, state="open", facts=tuple(facts), buttons=(undo,))


def left(name: str, held: Sequence[str], reader: Reader) -> CardDraft:
    """`held`: the tickets that were theirs."""
    words = reader.words
    facts = (Fact(label=words("They had"), value=", ".join(held[:10])),) if held else ()
    return CardDraft(
        title=words("The team"),
        lead=words("{name} is of the team no more.", name=name),
        state="open",
        facts=facts,
        buttons=(ButtonDraft("restore", words("Undo"), "danger"),),
    )


def shall_stay(name: str, let_in_by: str, reader: Reader) -> CardDraft:
    """Whoever let them in has left."""
    words = reader.words
    return CardDraft(
        title=words("The team"),
        lead=words(
            "{name} was let in by {who}, who is of the team no more. Shall {name} stay?",
            name=name,
            who=let_in_by,
        ),
        state="asking",
        buttons=(
            ButtonDraft("keep", words("They stay"), "primary"),
            ButtonDraft("remove", words("Remove them"), "danger"),
        ),
    )


def settled(text: str, params: Mapping[str, str], reader: Reader) -> CardDraft:
    """`text`: a sentence of the catalogues, with what fills it."""
    return CardDraft(title=reader.words("The team"), lead=reader.words(text, **params), state="done")
