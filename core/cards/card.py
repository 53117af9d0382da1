"""A card as every channel gets it: already in the reader's language, nothing of any platform in it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Option(_Model):
    value: str
    label: str


class Field(_Model):
    """Something a button asks for before it is sent."""

    name: str
    kind: Literal["amount", "text", "choice"]
    label: str
    required: bool = True
    value: str = ""
    currency: str = ""
    """Of an amount that is given in another money than US dollars."""
    options: tuple[Option, ...] = ()


class Button(_Model):
    id: str
    label: str
    style: Literal["primary", "danger", "plain"] = "plain"
    fields: tuple[Field, ...] = ()


class Fact(_Model):
    label: str
    value: str


class Link(_Model):
    label: str
    url: str


class Section(_Model):
    title: str
    text: str
    folded: bool = False
    links: tuple[Link, ...] = ()


class CardQuestion(_Model):
    """One question with its own row of buttons."""

    text: str
    buttons: tuple[Button, ...]


class Card(_Model):
    kind: str
    title: str
    lead: str
    """What is so, or what is asked, in one sentence."""
    state: Literal["open", "asking", "done", "refused", "danger"] = "open"
    ticket_id: str | None = None
    language: str = "en"
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = ()
    questions: tuple[CardQuestion, ...] = ()
    buttons: tuple[Button, ...] = ()
    expects: Literal["", "amount", "text"] = ""
    """The next words in the conversation are the answer; a platform may put the cursor there."""

    def plain(self) -> str:
        """The card as text, for a terminal and for channels that cannot draw."""
        lines = [self.title, self.lead, *(f"{fact.label}: {fact.value}" for fact in self.facts)]
        lines += [f"{section.title}: {section.text}" for section in self.sections if not section.folded]
        lines += [question.text for question in self.questions]
        return "\n".join(lines)
