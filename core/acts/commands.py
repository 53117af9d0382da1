"""Everything that a person or a client can do to the company: one frozen command each.

A command holds ids and plain values (one of them the company as its files say it), so that a button, a chat command, a shell verb, a page or a tool can make it
without looking at anything. What it needs to be allowed, and who carries it out, stands in core.acts.table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.model import Rank
from core.money import Money

if TYPE_CHECKING:
    from core.company.company import Company


@dataclass(frozen=True, slots=True)
class Command:
    """Something that is to be done."""


# --- deciding about money


@dataclass(frozen=True, slots=True)
class Decision(Command):
    """About what an approval asks; `digest` is of exactly the action that was shown."""

    approval_id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Approve(Decision):
    """Send them, for that amount, with those words."""

    escalate_after: int | None = None
    """Seconds until the next one is told, instead of what the policy says."""


@dataclass(frozen=True, slots=True)
class Reject(Decision):
    why: str
    """The reporter reads it."""


@dataclass(frozen=True, slots=True)
class ChangeAmount(Decision):
    amount: Money


@dataclass(frozen=True, slots=True)
class ChangeVendor(Decision):
    vendor_id: str


@dataclass(frozen=True, slots=True)
class DraftStandingOrder(Decision):
    """Say yes for the next times too; said back as a sentence first."""

    amount: Money
    days: int
    uses: int
    severity_max: int


# --- a ticket


@dataclass(frozen=True, slots=True)
class OnTicket(Command):
    ticket_id: str
    """As people write it: "T-1042", "t1042" or "1042"."""


@dataclass(frozen=True, slots=True)
class AskReporter(OnTicket):
    text: str


@dataclass(frozen=True, slots=True)
class Acknowledge(OnTicket):
    """ "I have it"."""

    eta: datetime | None = None
    """When they will be there, if they say so."""


@dataclass(frozen=True, slots=True)
class GiveBack(OnTicket):
    """ "I do not have it any more": the next one is told."""


@dataclass(frozen=True, slots=True)
class AskLater(OnTicket):
    """Not done yet: ask again in an hour."""


@dataclass(frozen=True, slots=True)
class Resolve(OnTicket):
    """It is fixed. None where nothing was said."""

    amount: Money | None = None
    outcome: str = ""
    rating: int | None = None
    charge_to: str | None = None
    """A key of core.phrases.CHARGE."""
    guest_credit: Money | None = None
    staff_minutes: int | None = None
    card: str = ""
    """The card of core.workflow.bills whose button this is: it is answered with it."""
    sure: bool = False
    """Somebody was asked whether it is really meant."""


@dataclass(frozen=True, slots=True)
class CorrectBill(OnTicket):
    """The bill was another."""

    amount: Money
    why: str = ""
    card: str = ""
    sure: bool = False
    was: str = ""
    """The bill as it stood when that was asked, US dollars; "" for whatever it is."""


@dataclass(frozen=True, slots=True)
class LeaveBill(OnTicket):
    """What was said on this card was a slip: nothing is booked."""

    card: str


@dataclass(frozen=True, slots=True)
class ConfirmBill(OnTicket):
    """It is right, far from the usual as it is: estimates may be made of it."""

    dispatch_id: str


@dataclass(frozen=True, slots=True)
class CallOff(OnTicket):
    """The vendor knows that the order is off."""

    dispatch_id: str


@dataclass(frozen=True, slots=True)
class Cancel(OnTicket):
    """Not needed any more."""


@dataclass(frozen=True, slots=True)
class Reopen(OnTicket):
    """It is not over."""


@dataclass(frozen=True, slots=True)
class Merge(OnTicket):
    into: str
    """The ticket that it turns out to be."""


@dataclass(frozen=True, slots=True)
class Unmerge(OnTicket):
    """It goes its own way again."""


@dataclass(frozen=True, slots=True)
class Split(OnTicket):
    report_id: int
    """What was another problem."""


@dataclass(frozen=True, slots=True)
class Correct(OnTicket):
    """It was read wrongly; an empty value says nothing about that field."""

    category: str = ""
    severity: str = ""
    property: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class CorrectTranscript(OnTicket):
    """A voice note was misheard."""

    report_id: int
    words: str


@dataclass(frozen=True, slots=True)
class AnswerQuestion(Command):
    question_id: str
    option: str


@dataclass(frozen=True, slots=True)
class ReviewCorrection(Command):
    """It is right, and shall be learnt."""

    correction_id: str


@dataclass(frozen=True, slots=True)
class UndoCorrection(Command):
    correction_id: str


# --- the control loop: what is bid stands as a request, which the loop carries out and answers in `reply_to`


@dataclass(frozen=True, slots=True)
class OfLoop(Command):
    reply_to: str = ""
    """The conversation, on the channel of whoever bids it; "": nobody is told."""


@dataclass(frozen=True, slots=True)
class LookAtGoals(OfLoop):
    pass


@dataclass(frozen=True, slots=True)
class LookAtGoal(OfLoop):
    goal_id: str = ""


@dataclass(frozen=True, slots=True)
class WriteGoal(OfLoop):
    goal_id: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class SwitchOnJob(OfLoop):
    """One of core.workers.jobs."""

    job: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveGoal(OfLoop):
    goal_id: str = ""


@dataclass(frozen=True, slots=True)
class RunGoal(OfLoop):
    goal_id: str = ""


@dataclass(frozen=True, slots=True)
class Beat(OfLoop):
    pass


@dataclass(frozen=True, slots=True)
class LookAtPlaybook(OfLoop):
    pass


@dataclass(frozen=True, slots=True)
class WritePlaybook(OfLoop):
    body: str = ""


@dataclass(frozen=True, slots=True)
class RestorePlaybook(OfLoop):
    pass


@dataclass(frozen=True, slots=True)
class StartLoop(OfLoop):
    pass


@dataclass(frozen=True, slots=True)
class StopLoop(OfLoop):
    pass


@dataclass(frozen=True, slots=True)
class LookAtWorkers(OfLoop):
    pass


@dataclass(frozen=True, slots=True)
class TellWorker(OfLoop):
    worker: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class AskAbout(OfLoop):
    """A question to a person or a role, in the name of who puts it, or to a worker, or in a worker's name to the founder."""

    name: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class KillWorker(OfLoop):
    worker: str = ""
    run: int = 0
    """Which of them, where a card is old; 0: the one that works."""


@dataclass(frozen=True, slots=True)
class FlagWorker(OfLoop):
    worker: str = ""
    note: str = ""


# --- the steps of a skill: `said` is (language, words) pairs, ("", key) for one of core.model.SkillText


@dataclass(frozen=True, slots=True)
class TellReporter(OnTicket):
    said: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ProposeDispatch(OnTicket):
    """The loop, or a worker of it, proposes whom to send; the gate decides."""

    vendor_id: str
    amount_usd: Decimal
    message: str


@dataclass(frozen=True, slots=True)
class AskInWords(OnTicket):
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SendVendor(OnTicket):
    """Drafted, and put before the gate."""

    vendor_id: str


@dataclass(frozen=True, slots=True)
class TellGuest(OnTicket):
    said: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OfferCompensation(OnTicket):
    up_to_usd: Decimal
    said: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class NoteAcknowledgement(OnTicket):
    """Somebody has it."""


@dataclass(frozen=True, slots=True)
class PlanFollowUp(OnTicket):
    """They are asked when the vendor should have been there."""


@dataclass(frozen=True, slots=True)
class AskWhetherDone(OnTicket):
    """Who has it."""


@dataclass(frozen=True, slots=True)
class AskWhetherItHolds(OnTicket):
    """Who reported it."""

    said: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Escalate(OnTicket):
    to: Rank


# --- what was read


@dataclass(frozen=True, slots=True)
class JudgeAgain(OnTicket):
    """Its words are read once more, as one reads today, and what is drafted is asked anew."""


@dataclass(frozen=True, slots=True)
class ProposeRule(Command):
    """It is written down and put before the founder; nothing goes by it."""

    text: str
    ticket_id: str = ""
    property_id: str = ""


@dataclass(frozen=True, slots=True)
class OnSkill(Command):
    skill_id: str
    version: int | None = None
    """None: the one that this can be about."""


@dataclass(frozen=True, slots=True)
class AdoptSkill(OnSkill):
    """From the commit of its file on it runs."""


@dataclass(frozen=True, slots=True)
class DismissSkill(OnSkill):
    """It is not to run, nor to be proposed again."""


@dataclass(frozen=True, slots=True)
class RollBackSkill(OnSkill):
    """It runs no more; the version before it does, where there is one."""


@dataclass(frozen=True, slots=True)
class TrySkill(OnSkill):
    """What it would have done with past tickets."""


@dataclass(frozen=True, slots=True)
class ProposeMemo(Command):
    """Something to be known, in words: it counts once the founder confirms it."""

    text: str
    """"": the next message of theirs at `channel`, `conversation_id`."""
    channel: str = ""
    conversation_id: str = ""
    property_id: str = ""
    category: str = ""
    audio_sha256: str = ""


@dataclass(frozen=True, slots=True)
class OnMemo(Command):
    memo_id: str


@dataclass(frozen=True, slots=True)
class ConfirmMemo(OnMemo):
    """From the commit on it is known."""


@dataclass(frozen=True, slots=True)
class ChangeMemo(OnMemo):
    property_id: str
    category: str
    words: str


@dataclass(frozen=True, slots=True)
class DropMemo(OnMemo):
    """It is not wanted."""


@dataclass(frozen=True, slots=True)
class RetireMemo(OnMemo):
    """Not any more."""


@dataclass(frozen=True, slots=True)
class AnswerAsk(Command):
    """To a question of a worker, the loop or the shell; `option`: the number of a choice, else `text`."""

    ask_id: str
    text: str = ""
    option: int | None = None
    again: bool = False
    """In the place of an answer that is there."""


@dataclass(frozen=True, slots=True)
class DropAsk(Command):
    """Nobody waits for its answer any more, and nobody shall go on with one."""

    ask_id: str


@dataclass(frozen=True, slots=True)
class WriteProcedure(Command):
    """So it is done from now on; `sop_id`: core.workflow.procedures.NEW where it is not there yet."""

    sop_id: str
    text: str
    base: str = ""
    """Digest of what it was made from; "": of nothing."""


@dataclass(frozen=True, slots=True)
class RemoveProcedure(Command):
    """It is no procedure of ours any more."""

    sop_id: str


@dataclass(frozen=True, slots=True)
class OnRule(Command):
    rule_id: str


@dataclass(frozen=True, slots=True)
class AdoptRule(OnRule):
    """From the commit of its file on it holds."""


@dataclass(frozen=True, slots=True)
class DismissRule(OnRule):
    """It is not to hold, nor to be proposed again."""


@dataclass(frozen=True, slots=True)
class RollBackRule(OnRule):
    """It holds no more."""


@dataclass(frozen=True, slots=True)
class EditRule(OnRule):
    """Another value, before it is adopted."""

    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class KeepStandingOrder(OnRule):
    """It holds; and what is asked on `approval` is approved, where it covers that."""

    approval_id: str


@dataclass(frozen=True, slots=True)
class DropStandingOrder(OnRule):
    approval_id: str


# --- vendors


@dataclass(frozen=True, slots=True)
class OnOffer(Command):
    offer_id: str


@dataclass(frozen=True, slots=True)
class OpenOffer(OnOffer):
    """Its page was looked at by a person."""


@dataclass(frozen=True, slots=True)
class AcceptOffer(OnOffer):
    minutes: int
    """Until they are there."""


@dataclass(frozen=True, slots=True)
class CounterOffer(OnOffer):
    amount: Money
    minutes: int


@dataclass(frozen=True, slots=True)
class DeclineOffer(OnOffer):
    """They cannot come."""


@dataclass(frozen=True, slots=True)
class ConfirmOrder(OnOffer):
    """An order whose fate nobody knew has arrived."""


@dataclass(frozen=True, slots=True)
class RepeatOrder(OnOffer):
    """An order whose fate nobody knows is sent once more."""


# --- people


@dataclass(frozen=True, slots=True)
class OnStranger(Command):
    visitor: str
    """core.staff.joining.visitor_id of their account."""


@dataclass(frozen=True, slots=True)
class AdmitStranger(OnStranger):
    name: str
    property_id: str
    """core.cards.visitor.NOWHERE: none of their own."""
    language: str = ""


@dataclass(frozen=True, slots=True)
class RecognizeStranger(OnStranger):
    person_id: str
    """Whose account it is."""


@dataclass(frozen=True, slots=True)
class BlockStranger(OnStranger):
    """Nothing of theirs is looked at any more."""


@dataclass(frozen=True, slots=True)
class Join(Command):
    """Somebody unknown shows a code."""

    code: str
    channel: str
    account: str


@dataclass(frozen=True, slots=True)
class MakeLinkCode(Command):
    """One more account of one's own."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Invite(Command):
    """A code for somebody new."""

    name: str
    role: str
    languages: tuple[str, ...]
    properties: tuple[str, ...]
    timezone: str


@dataclass(frozen=True, slots=True)
class RemovePerson(Command):
    """They are of the team no more, with all their accounts."""

    person_id: str


@dataclass(frozen=True, slots=True)
class RestorePerson(Command):
    """They had not left after all."""

    person_id: str


@dataclass(frozen=True, slots=True)
class UnlinkAccount(Command):
    """It speaks for nobody any more."""

    channel: str
    account: str


@dataclass(frozen=True, slots=True)
class EditCompany(Command):
    """What stands about a person, a vendor, a property or the escalation in the company's files is another: what widens with it
    is accepted. The file is written once this is done."""

    kind: str
    name: str
    before: Company
    after: Company


@dataclass(frozen=True, slots=True)
class ApproveCompany(Command):
    """What widens in the company's files counts."""

    digest: str = ""
    """Of what was shown; "": all that waits, skills and rules too."""


@dataclass(frozen=True, slots=True)
class KeepMember(Command):
    """Whoever invited them left; they stay."""

    person_id: str


@dataclass(frozen=True, slots=True)
class SetOnCall(Command):
    person_id: str
    property_ids: tuple[str, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EndOnCall(Command):
    property_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakeOver(Command):
    """Take everything that is under way at `property_ids`, for which one is on now; `subject`: the hand-over post."""

    subject: str
    property_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChooseLanguage(Command):
    language: str


# --- programs and browsers that act for somebody


@dataclass(frozen=True, slots=True)
class MakeToken(Command):
    """A token for a program without connectors."""

    person_id: str
    name: str
    scope: str
    audience: str
    days: int
    told: bool = True
    """False: the running service tells the person."""


@dataclass(frozen=True, slots=True)
class RevokeClient(Command):
    """It acts for nobody any more; with `person_id`, not for them."""

    client_id: str
    person_id: str = ""


@dataclass(frozen=True, slots=True)
class AddWebhook(Command):
    """From now on this address is told of every change."""

    url: str


@dataclass(frozen=True, slots=True)
class RemoveWebhook(Command):
    webhook_id: str


@dataclass(frozen=True, slots=True)
class MakeSignInCode(Command):
    """For a browser of one's own."""


@dataclass(frozen=True, slots=True)
class AllowSignIn(Command):
    """The browser that waits is one's own."""

    subject: str


@dataclass(frozen=True, slots=True)
class DenySignIn(Command):
    subject: str


@dataclass(frozen=True, slots=True)
class OnProgram(Command):
    """A program that asked to act for somebody, and waits for their answer."""

    request: str


@dataclass(frozen=True, slots=True)
class AllowProgram(OnProgram):
    """With at most `scope`; answers the code that it takes tokens with."""

    scope: str
    host: str
    """Where the answer leads."""


@dataclass(frozen=True, slots=True)
class DenyProgram(OnProgram):
    pass


# --- the house


@dataclass(frozen=True, slots=True)
class RetryMessage(Command):
    """A message that could not be worked on."""

    inbox_id: str


@dataclass(frozen=True, slots=True)
class DiscardMessage(Command):
    inbox_id: str


@dataclass(frozen=True, slots=True)
class BindGroup(Command):
    """A group is about one property."""

    channel: str
    room: str
    property_id: str


@dataclass(frozen=True, slots=True)
class UnbindGroup(Command):
    channel: str
    room: str


@dataclass(frozen=True, slots=True)
class ConfirmTestButton(Command):
    subject: str


def plain(command: Command) -> dict[str, Any]:
    """The fields of `command` by name."""
    return {
        name: getattr(command, name)
        for one in type(command).__mro__
        for name in getattr(one, "__slots__", ())
    }
