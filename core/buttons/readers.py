"""What each button means: pure readers from a press to a command. The annotation of a reader names its act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core.acts import commands as do
from core.acts.commands import Command
from core.amounts import parse_amount
from core.cards.offer import ARRIVALS
from core.errors import Refused
from core.money import USD, Money
from core.text import escape

MAX_MINUTES: Final = 10_000
"""Of our own people for one ticket, about a week by the clock: above it is a typing mistake."""


@dataclass(frozen=True)
class Pressed:
    """A button of ours, and what was said with it."""

    subject: str
    """What its card is about: a ticket's id, or that of whatever a standalone card shows."""
    args: dict[str, Any]
    """What stands in the button's row, written by us when it was drawn."""
    values: dict[str, str]
    """What the person said: data."""
    language: str = ""
    """In which they say it: 1,5 is one and a half in some, fifteen hundred in none."""

    def said(self, name: str) -> str:
        return escape(self.values.get(name, "")).strip()[:1000]

    def amount(self, name: str = "amount") -> Money:
        """Raises Refused("amount_unclear" | "amount_unclear_local")."""
        return parse_amount(self.values.get(name, ""), str(self.args.get("currency", USD)), self.language)

    def minutes(self) -> int | None:
        """Working time; None where nothing was said. Raises Refused("minutes_unclear")."""
        said = self.said("minutes")
        if not said:
            return None
        # int() alone would take "4_5", "+45" and a number of a million digits.
        if not (said.isdecimal() and len(said) <= 5 and int(said) <= MAX_MINUTES):
            raise Refused("minutes_unclear", text=said[:40], most=MAX_MINUTES)
        return int(said)

    def arrival(self) -> int:
        """Minutes. Raises Refused("unknown_option")."""
        said = self.values.get("eta", "")
        if said not in ARRIVALS:
            raise Refused("unknown_option")
        return int(said)

    def decision(self) -> tuple[str, str]:
        return str(self.args["approval"]), str(self.args["digest"])


def _approve(press: Pressed) -> do.Approve:
    return do.Approve(*press.decision())


def _reject(press: Pressed) -> do.Reject:
    return do.Reject(*press.decision(), why=press.said("reason"))


def _change(press: Pressed) -> do.ChangeAmount:
    return do.ChangeAmount(*press.decision(), amount=press.amount())


def _vendor(press: Pressed) -> do.ChangeVendor:
    return do.ChangeVendor(*press.decision(), vendor_id=press.values.get("vendor", ""))


def _ask(press: Pressed) -> do.AskReporter:
    return do.AskReporter(press.subject, press.said("question"))


def _ack(press: Pressed) -> do.Acknowledge:
    return do.Acknowledge(press.subject)


def _unack(press: Pressed) -> do.GiveBack:
    return do.GiveBack(press.subject)


def _later(press: Pressed) -> do.AskLater:
    return do.AskLater(press.subject)


def _resolve(press: Pressed) -> do.Resolve:
    rating = press.values.get("rating", "")
    if rating and rating not in {"1", "2", "3", "4", "5"}:
        raise Refused("unknown_option")
    return do.Resolve(
        press.subject,
        press.amount(),
        outcome=press.said("outcome"),
        rating=int(rating) if rating else None,
        charge_to=press.values.get("charge_to") or None,
        guest_credit=press.amount("credit") if press.said("credit") else None,
        staff_minutes=press.minutes(),
    )


def _money(said: Any) -> Money | None:
    return Money(Decimal(said[0]), said[1]) if said else None


def _sure(press: Pressed) -> do.Resolve | do.CorrectBill:
    """What was asked about before it was booked, as it was said."""
    args, amount = press.args, _money(press.args["amount"])
    sure = not args.get("which")  # which of two was meant says nothing of how likely it is
    if args.get("correct"):
        assert amount is not None, "a correction has an amount"
        was = str(args["was"])
        return do.CorrectBill(str(args["ticket"]), amount, str(args["why"]), press.subject, sure, was)
    return do.Resolve(
        str(args["ticket"]),
        amount,
        outcome=str(args["outcome"]),
        rating=args["rating"],
        charge_to=args["charge_to"],
        guest_credit=_money(args["credit"]),
        staff_minutes=args["minutes"],
        card=press.subject,
        sure=sure,
    )


def _leave(press: Pressed) -> do.LeaveBill:
    return do.LeaveBill(str(press.args["ticket"]), press.subject)


def _bill(press: Pressed) -> do.CorrectBill:
    return do.CorrectBill(press.subject, press.amount(), press.said("why"))


def _confirm(press: Pressed) -> do.ConfirmBill:
    return do.ConfirmBill(str(press.args["ticket"]), press.subject)


def _off(press: Pressed) -> do.CallOff:
    return do.CallOff(str(press.args["ticket"]), press.subject)


def _choose(press: Pressed) -> do.AnswerQuestion:
    return do.AnswerQuestion(str(press.args["question"]), str(press.args["option"]))


def _cancel(press: Pressed) -> do.Cancel:
    return do.Cancel(press.subject)


def _reopen(press: Pressed) -> do.Reopen:
    return do.Reopen(press.subject)


def _merge(press: Pressed) -> do.Merge:
    return do.Merge(press.subject, press.values.get("into", ""))


def _unmerge(press: Pressed) -> do.Unmerge:
    return do.Unmerge(press.subject)


def _split(press: Pressed) -> do.Split:
    return do.Split(press.subject, int(press.args["report"]))


def _correct(press: Pressed) -> do.Correct | do.CorrectTranscript:
    """What was read wrongly; or, of a voice note, what was misheard."""
    if "report" in press.args:
        return do.CorrectTranscript(press.subject, int(press.args["report"]), press.said("words"))
    fields = ("category", "severity", "property", "language")
    return do.Correct(press.subject, **{field: press.values.get(field, "") for field in fields})


def _accept(press: Pressed) -> do.AcceptOffer:
    return do.AcceptOffer(press.subject, press.arrival())


def _counter(press: Pressed) -> do.CounterOffer:
    return do.CounterOffer(press.subject, press.amount(), press.arrival())


def _decline(press: Pressed) -> do.DeclineOffer:
    return do.DeclineOffer(press.subject)


def _arrived(press: Pressed) -> do.ConfirmOrder:
    return do.ConfirmOrder(press.subject)


def _again(press: Pressed) -> do.RepeatOrder:
    return do.RepeatOrder(press.subject)


def _retry(press: Pressed) -> do.RetryMessage:
    return do.RetryMessage(press.subject)


def _discard(press: Pressed) -> do.DiscardMessage:
    return do.DiscardMessage(press.subject)


def _admit(press: Pressed) -> do.AdmitStranger:
    values = press.values
    return do.AdmitStranger(
        press.subject, values.get("name", ""), values.get("property", ""), values.get("language", "")
    )


def _known(press: Pressed) -> do.RecognizeStranger:
    return do.RecognizeStranger(press.subject, press.values.get("person", ""))


def _block(press: Pressed) -> do.BlockStranger:
    return do.BlockStranger(press.subject)


def _unlink(press: Pressed) -> do.UnlinkAccount:
    return do.UnlinkAccount(str(press.args["channel"]), str(press.args["account"]))


def _remove(press: Pressed) -> do.RemovePerson:
    return do.RemovePerson(str(press.args.get("person", press.subject)))


def _restore(press: Pressed) -> do.RestorePerson:
    return do.RestorePerson(press.subject)


def _keep(press: Pressed) -> do.KeepMember:
    return do.KeepMember(press.subject)


def _take(press: Pressed) -> do.TakeOver:
    return do.TakeOver(press.subject, tuple(press.args["places"]))


def _check(press: Pressed) -> do.ConfirmTestButton:
    return do.ConfirmTestButton(press.subject)


def _allow(press: Pressed) -> do.AllowSignIn:
    return do.AllowSignIn(press.subject)


def _deny(press: Pressed) -> do.DenySignIn:
    return do.DenySignIn(press.subject)


def _revoke(press: Pressed) -> do.RevokeClient:
    return do.RevokeClient(str(press.args["client"]), str(press.args["person"]))


def _adopt(press: Pressed) -> do.AdoptSkill:
    return do.AdoptSkill(str(press.args["skill"]), int(press.args["version"]))


def _dismiss(press: Pressed) -> do.DismissSkill:
    return do.DismissSkill(str(press.args["skill"]), int(press.args["version"]))


def _try(press: Pressed) -> do.TrySkill:
    return do.TrySkill(str(press.args["skill"]), int(press.args["version"]))


def _rollback(press: Pressed) -> do.RollBackSkill:
    return do.RollBackSkill(str(press.args["skill"]), int(press.args["version"]))


def _adopt_rule(press: Pressed) -> do.AdoptRule:
    return do.AdoptRule(str(press.args["rule"]))


def _dismiss_rule(press: Pressed) -> do.DismissRule:
    return do.DismissRule(str(press.args["rule"]))


def _roll_back_rule(press: Pressed) -> do.RollBackRule:
    return do.RollBackRule(str(press.args["rule"]))


def _edit_rule(press: Pressed) -> do.EditRule:
    changes = {
        key: str(press.amount(key).amount) if key.endswith("usd") else press.said(key) for key in press.values
    }
    return do.EditRule(str(press.args["rule"]), tuple(changes.items()))


def _always(press: Pressed) -> do.DraftStandingOrder:
    days, uses, severity = (press.said(name) for name in ("days", "uses", "severity_max"))
    numbers = [
        int(one) if one.isascii() and one.isdecimal() and len(one) <= 4 else 0
        for one in (days or "90", uses or "10", severity or "3")
    ]
    return do.DraftStandingOrder(*press.decision(), press.amount(), *numbers)


def _keep_order(press: Pressed) -> do.KeepStandingOrder:
    return do.KeepStandingOrder(str(press.args["rule"]), str(press.args["approval"]))


def _drop_order(press: Pressed) -> do.DropStandingOrder:
    return do.DropStandingOrder(str(press.args["rule"]), str(press.args["approval"]))


def _revoke_order(press: Pressed) -> do.RollBackRule:
    return do.RollBackRule(str(press.args["rule"]))


def _confirm_memo(press: Pressed) -> do.ConfirmMemo:
    return do.ConfirmMemo(str(press.args["memo"]))


def _change_memo(press: Pressed) -> do.ChangeMemo:
    values = press.values
    words = press.values.get("words", "")
    return do.ChangeMemo(
        str(press.args["memo"]), values.get("property", ""), values.get("category", ""), words
    )


def _drop_memo(press: Pressed) -> do.DropMemo:
    return do.DropMemo(str(press.args["memo"]))


def _retire(press: Pressed) -> do.RetireMemo:
    return do.RetireMemo(str(press.args["memo"]))


def _answer_ask(press: Pressed) -> do.AnswerAsk:
    option = press.args.get("option")
    text = press.values.get("text", "")
    return do.AnswerAsk(str(press.args["ask"]), text, int(option) if option is not None else None)


def _write_procedure(press: Pressed) -> do.WriteProcedure:
    return do.WriteProcedure(
        str(press.args["sop"]), press.values.get("text", ""), str(press.args.get("base", ""))
    )


def _remove_procedure(press: Pressed) -> do.RemoveProcedure:
    return do.RemoveProcedure(str(press.args["sop"]))


def _accept_company(press: Pressed) -> do.ApproveCompany:
    return do.ApproveCompany(str(press.args["digest"]))


def _drop_ask(press: Pressed) -> do.DropAsk:
    return do.DropAsk(str(press.args["ask"]))


def _kill(press: Pressed) -> do.KillWorker:
    if press.values.get("sure") != "yes":
        raise Refused("let_work", worker=str(press.args["worker"]))
    return do.KillWorker(worker=str(press.args["worker"]), run=int(press.args["run"]))


def _flag(press: Pressed) -> do.FlagWorker:
    return do.FlagWorker(worker=str(press.args["worker"]), note=press.said("note"))


def _tell(press: Pressed) -> do.TellWorker:
    return do.TellWorker(worker=str(press.args["worker"]), text=press.said("text"))


Reader = Callable[[Pressed], Command]

ON_TICKET: Final[dict[str, Reader]] = {
    "approve": _approve,
    "reject": _reject,
    "change": _change,
    "vendor": _vendor,
    "ask": _ask,
    "always": _always,
    "retire": _retire,
    "ack": _ack,
    "unack": _unack,
    "later": _later,
    "resolve": _resolve,
    "bill": _bill,
    "choose": _choose,
    "cancel": _cancel,
    "reopen": _reopen,
    "merge": _merge,
    "unmerge": _unmerge,
    "split": _split,
    "correct": _correct,
}
"""By the action that the button's id begins with."""

STANDALONE: Final[dict[str, dict[str, Reader]]] = {
    "offer": {"accept": _accept, "counter": _counter, "decline": _decline},
    "really": {"resolve": _sure, "leave": _leave},
    "outlier": {"confirm": _confirm},
    "recalled": {"off": _off},
    "unsure": {"arrived": _arrived, "again": _again},
    "quarantine": {"retry": _retry, "discard": _discard},
    "join": {"admit": _admit, "known": _known, "block": _block},
    "joined": {"unlink": _unlink, "remove": _remove},
    "left": {"restore": _restore},
    "brought": {"keep": _keep, "remove": _remove},
    "handover": {"take": _take},
    "check": {"check": _check},
    "signin": {"allow": _allow, "deny": _deny},
    "clients": {"revoke": _revoke},
    "company": {"accept": _accept_company},
    "memo": {"confirm": _confirm_memo, "change": _change_memo, "drop": _drop_memo},
    "workers": {"kill": _kill, "flag": _flag, "tell": _tell},
    "ask": {"answer": _answer_ask, "approve": _answer_ask, "reject": _answer_ask, "drop": _drop_ask},
    "sop": {"edit": _write_procedure, "remove": _remove_procedure},
    "standing": {"keep": _keep_order, "drop": _drop_order},
    "order": {"revoke": _revoke_order},
    "rule": {"adopt": _adopt_rule, "edit": _edit_rule, "dismiss": _dismiss_rule, "rollback": _roll_back_rule},
    "skill": {"adopt": _adopt, "dismiss": _dismiss, "try": _try, "rollback": _rollback},
}
"""Of cards that belong to no ticket: kind -> action -> reader."""


def read(kind: str, on_ticket: bool, action: str, press: Pressed) -> Command:
    """Raises Refused("unknown_button") and what a reader finds unclear."""
    reader = (ON_TICKET if on_ticket else STANDALONE.get(kind, {})).get(action)
    if reader is None:
        raise Refused("unknown_button")
    return reader(press)
