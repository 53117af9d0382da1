"""The one table of acts: each command with its right, whom that is held against, and what carries it out.

Buttons, chat commands, shell verbs, the vendor's page (and whatever comes) make a command and hand it to `perform`;
authority is checked there, at the moment of the act, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from core.access import clients, credentials, oauth, sign_in, webhooks
from core.actors import Actor
from core.acts import commands as do
from core.acts.commands import Command
from core.asks import approvals as asked_approvals
from core.asks import asks
from core.asks.askers import is_stranded
from core.context import Tx
from core.errors import Refused
from core.model import Address, Role
from core.outbox import check_button
from core.staff import groups, handover, joining, leaving
from core.store.tables import Approval, CorrectionRow, Cover, Dispatch, Offer, Question, Report, Ticket
from core.team.people import set_language
from core.team.rights import Right, Subject, require
from core.text import READ_LIMIT
from core.tickets.records import current_dispatch, find_ticket, latest_approval
from core.workflow import (
    approvals,
    bills,
    closing,
    company_changes,
    corrections,
    dispatching,
    draft_changes,
    loop_requests,
    memos,
    offer_answers,
    offers,
    procedures,
    proposing,
    quarantine,
    questions,
    reports,
    rules,
    skill_steps,
    skill_trials,
    skill_versions,
    standing_orders,
    transcript_fixes,
)

C = TypeVar("C", bound=Command)


@dataclass(frozen=True)
class Act(Generic[C]):
    command: type[C]
    right: Right | Callable[[Tx, C], Right]
    """A function where it depends on how things stand."""
    handler: Callable[[Tx, Actor, C], Any]
    about: Callable[[Tx, C], Subject | Iterable[Subject]] = lambda tx, command: Subject()
    """What the right is held against (each of several). Raises Refused where there is nothing to act on."""


def perform(tx: Tx, actor: Actor, command: Command) -> Any:
    """Do `command` with the rights of `actor`, now; returns what its handler returns. Raises Refused."""
    act = ACTS[type(command)]
    right = act.right if isinstance(act.right, Right) else act.right(tx, command)
    about = act.about(tx, command)
    for subject in (about,) if isinstance(about, Subject) else about:
        require(tx, actor, right, subject)
    return act.handler(tx, actor, command)


L = TypeVar("L", bound=do.OfLoop)


def _bid(command: type[L], verb: str, args: Callable[[L], dict[str, Any]]) -> Act[L]:
    """The loop is bid `verb`, whose right it needs, and carries it out by itself."""

    def put(tx: Tx, actor: Actor, it: L) -> str:
        return loop_requests.put(tx, actor, verb, args(it), it.reply_to or _where(tx, actor))

    return Act(command, loop_requests.NEEDS[verb], put)


def _where(tx: Tx, actor: Actor) -> str:
    """Their own conversation on the channel that they acted on: a button names none."""
    person = tx.services.company.person(actor.person_id)
    every = tx.services.addresses_of(person) if person is not None else []
    return next((one.conversation_id for one in every if one.channel == actor.channel), "")


# --- finding what a command is about


def _approval(tx: Tx, command: do.Decision) -> Approval:
    approval = tx.get(Approval, command.approval_id)
    if approval is None:
        raise Refused("unknown_button")
    return approval


def _open_approval(tx: Tx, command: do.Decision) -> Approval:
    approval = _approval(tx, command)
    approvals.check_open(tx, approval, command.digest)
    return approval


def _approve_company(tx: Tx, actor: Actor, command: do.ApproveCompany) -> list[tuple[str, str]]:
    """(what, id) of the skills and rules that have to be shipped."""
    company_changes.approve(tx, actor, command.digest)
    return [] if command.digest else company_changes.approve_files(tx, actor)


def _propose_memo(tx: Tx, actor: Actor, command: do.ProposeMemo) -> str:
    """Its id; "" where the next message is to be one."""
    if not command.text.strip():
        memos.expect(
            tx, actor.person_id, Address(command.channel, command.conversation_id), command.audio_sha256
        )
        return ""
    speaker = reports.speaker_of(tx.services.company.person(actor.person_id))
    row = memos.propose(
        tx,
        actor.person_id,
        command.text,
        tx.services.baseline.judge(command.text[:READ_LIMIT], speaker),
        audio=command.audio_sha256,
        property_id=command.property_id or None,
        category=command.category or None,
    )
    return row.memo_id


def _right_to_answer(tx: Tx, command: do.AnswerAsk) -> Right:
    """Raises Refused("tap_needed"): whoever it was, words decide nothing that cannot be undone."""
    if not asks.find(tx, command.ask_id).irreversible:
        return Right.ANSWER_ASK
    if command.option is None:
        raise Refused("tap_needed")
    return Right.ADOPT


def _answer_ask(tx: Tx, actor: Actor, command: do.AnswerAsk) -> None:
    row = asks.find(tx, command.ask_id)
    text = command.text if command.option is None else asks.option_of(row, command.option)
    asks.answer(tx, row, text, actor, tapped=command.option is not None, again=command.again)
    if row.kind == "approval":
        asked_approvals.decided(tx, row)


def _drop_ask(tx: Tx, actor: Actor, command: do.DropAsk) -> None:
    row = asks.find(tx, command.ask_id)
    if row.answer is not None or not is_stranded(tx.session, row):
        raise Refused("gone")
    row.read_at = tx.now
    asks.close(tx, row)


def _keep_order(tx: Tx, actor: Actor, command: do.KeepStandingOrder) -> None:
    open_one = standing_orders.keep(tx, rules.waiting(tx, command.rule_id), command.approval_id, actor)
    if open_one is not None:
        perform(tx, actor, do.Approve(open_one.id, open_one.digest))


def _decided(tx: Tx, command: do.Decision) -> Ticket:
    return find_ticket(tx, _approval(tx, command).ticket_id)


def _asked_for_decision(tx: Tx, command: do.Decision) -> Subject:
    return Subject(deciders=_approval(tx, command).deciders)


def _ticket(tx: Tx, command: do.OnTicket) -> Ticket:
    return find_ticket(tx, command.ticket_id)


def _reported(tx: Tx, command: do.OnTicket) -> Subject:
    return Subject(_ticket(tx, command))


def _reported_by_all(tx: Tx, command: do.OnTicket) -> Subject:
    ticket = _ticket(tx, command)
    return Subject(ticket, reporters=[report.reporter for report in ticket.reports])


def _under_way(tx: Tx, command: do.OnTicket) -> Subject:
    ticket = _ticket(tx, command)
    return Subject(ticket, dispatching.running(ticket))


def _given_back(tx: Tx, command: do.GiveBack) -> Subject:
    subject = _under_way(tx, command)
    assert subject.dispatch is not None
    if not subject.dispatch.acknowledged:
        raise Refused("not_acknowledged")
    return subject


def _sent(ticket: Ticket) -> Dispatch | None:
    dispatch = current_dispatch(ticket)
    return dispatch if dispatch is not None and dispatch.authorized else None


def _right_to_resolve(tx: Tx, command: do.OnTicket) -> Right:
    """Who has the job, once there is one; else whom it concerns."""
    return Right.RESOLVE if _sent(_ticket(tx, command)) is not None else Right.RESOLVE_UNDISPATCHED


def _resolved(tx: Tx, command: do.OnTicket) -> Subject:
    ticket = _ticket(tx, command)
    return Subject(ticket, _sent(ticket))


def _asking(tx: Tx, command: do.AskReporter) -> Subject:
    approval = latest_approval(_ticket(tx, command))
    return Subject(deciders=approval.deciders if approval is not None else [])


def _report(tx: Tx, command: do.Split | do.CorrectTranscript) -> Report:
    report = tx.get(Report, command.report_id)
    if report is None or report.ticket_id != _ticket(tx, command).ticket_id:
        raise Refused("unknown_button")
    return report


def _said_by(tx: Tx, command: do.Split | do.CorrectTranscript) -> Subject:
    return Subject(_ticket(tx, command), reporters=[_report(tx, command).reporter])


def _question(tx: Tx, command: do.AnswerQuestion) -> Question:
    question = tx.get(Question, command.question_id)
    if question is None:
        raise Refused("unknown_button")
    return question


def _put_to(tx: Tx, command: do.AnswerQuestion) -> Subject:
    question = _question(tx, command)
    return Subject(find_ticket(tx, question.ticket_id), asked=question.person_id)


def _offer(tx: Tx, command: do.OnOffer) -> Offer:
    offer = tx.get(Offer, command.offer_id)
    if offer is None:
        raise Refused("unknown_button")
    return offer


def _offered(tx: Tx, command: do.OnOffer) -> Subject:
    return Subject(asked=_offer(tx, command).vendor_id)


def _correction(tx: Tx, command: do.UndoCorrection | do.ReviewCorrection) -> CorrectionRow:
    row = tx.get(CorrectionRow, command.correction_id)
    if row is None:
        raise Refused("unknown_option")
    return row


def _places(tx: Tx, command: do.SetOnCall | do.TakeOver) -> list[Subject]:
    return [Subject(property_id=one) for one in command.property_ids]


def _covered(tx: Tx, command: do.EndOnCall) -> list[Subject]:
    return [Subject(property_id=one) for one in command.property_ids if tx.get(Cover, one) is not None]


def _waits_for(tx: Tx, command: do.AllowSignIn | do.DenySignIn) -> Subject:
    row = sign_in.waiting(tx, command.subject)
    if row is None:
        raise Refused("unknown_button")
    return Subject(asked=row.person_id)


def _asked_to_allow(tx: Tx, command: do.AllowProgram | do.DenyProgram) -> Subject:
    person_id = oauth.for_whom(tx, command.request)
    if person_id is None:
        raise Refused("gone")
    return Subject(asked=person_id)


# --- the table


def _ticket_act(handler: Callable[[Tx, Ticket, Actor], Any]) -> Callable[[Tx, Actor, do.OnTicket], Any]:
    return lambda tx, actor, command: handler(tx, _ticket(tx, command), actor)


_EVERY: Final[tuple[Act[Any], ...]] = (
    # deciding about money
    Act(
        do.Approve,
        Right.DECIDE,
        lambda tx, actor, it: approvals.approve(
            tx, _decided(tx, it), _approval(tx, it), it.digest, actor, it.escalate_after
        ),
        _asked_for_decision,
    ),
    Act(
        do.Reject,
        Right.DECIDE,
        lambda tx, actor, it: approvals.reject(
            tx, _decided(tx, it), _approval(tx, it), it.digest, actor, it.why
        ),
        _asked_for_decision,
    ),
    Act(
        do.ChangeAmount,
        Right.DECIDE,
        lambda tx, actor, it: draft_changes.change_amount(
            tx, _decided(tx, it), _approval(tx, it), it.digest, actor, it.amount
        ),
        _asked_for_decision,
    ),
    Act(
        do.ChangeVendor,
        Right.DECIDE,
        lambda tx, actor, it: draft_changes.change_vendor(
            tx, _decided(tx, it), _approval(tx, it), it.digest, actor, it.vendor_id
        ),
        _asked_for_decision,
    ),
    Act(
        do.AskReporter,
        Right.ASK,
        lambda tx, actor, it: questions.ask_reporter(tx, _ticket(tx, it), it.text, actor),
        _asking,
    ),
    # a job that was given out
    Act(
        do.Acknowledge,
        Right.ACKNOWLEDGE,
        lambda tx, actor, it: dispatching.acknowledge(tx, _ticket(tx, it), actor, it.eta),
        _under_way,
    ),
    Act(do.GiveBack, Right.GIVE_BACK, _ticket_act(dispatching.give_back), _given_back),
    Act(do.AskLater, Right.ASK_LATER, _ticket_act(dispatching.ask_later), _under_way),
    Act(
        do.Resolve,
        _right_to_resolve,
        lambda tx, actor, it: closing.resolve(
            tx,
            _ticket(tx, it),
            actor,
            it.amount,
            outcome=it.outcome,
            rating=it.rating,
            charge_to=it.charge_to,
            guest_credit=it.guest_credit,
            staff_minutes=it.staff_minutes,
            card=it.card,
            sure=it.sure,
        ),
        _resolved,
    ),
    Act(
        do.CorrectBill,
        _right_to_resolve,
        lambda tx, actor, it: bills.correct(
            tx, _ticket(tx, it), actor, it.amount, it.why, card=it.card, sure=it.sure, was=it.was
        ),
        _resolved,
    ),
    Act(
        do.LeaveBill,
        _right_to_resolve,
        lambda tx, actor, it: bills.leave(tx, it.card),
        _resolved,
    ),
    Act(
        do.ConfirmBill,
        Right.CONFIRM_BILL,
        lambda tx, actor, it: bills.confirm(tx, _ticket(tx, it), it.dispatch_id, actor),
    ),
    Act(
        do.CallOff,
        Right.CALL_OFF,
        lambda tx, actor, it: dispatching.call_off(tx, _ticket(tx, it), it.dispatch_id, actor),
        _resolved,
    ),
    # a report
    Act(
        do.AnswerQuestion,
        Right.ANSWER,
        lambda tx, actor, it: questions.answer(
            tx, find_ticket(tx, _question(tx, it).ticket_id), _question(tx, it), it.option, actor
        ),
        _put_to,
    ),
    Act(do.Cancel, Right.CANCEL, _ticket_act(closing.cancel), _reported),
    Act(do.Reopen, Right.REOPEN, _ticket_act(closing.reopen), _reported_by_all),
    Act(
        do.Merge,
        Right.MERGE,
        lambda tx, actor, it: closing.merge_by_hand(tx, _ticket(tx, it), find_ticket(tx, it.into), actor),
        _reported,
    ),
    Act(do.Unmerge, Right.UNMERGE, _ticket_act(closing.unmerge), _reported),
    Act(
        do.Split,
        Right.SPLIT,
        lambda tx, actor, it: closing.split(tx, _ticket(tx, it), _report(tx, it), actor),
        _said_by,
    ),
    Act(
        do.Correct,
        Right.CORRECT,
        lambda tx, actor, it: corrections.correct(
            tx,
            _ticket(tx, it),
            actor,
            {
                "category": it.category,
                "severity": it.severity,
                "property": it.property,
                "language": it.language,
            },
        ),
        _reported_by_all,
    ),
    Act(
        do.CorrectTranscript,
        Right.CORRECT,
        lambda tx, actor, it: transcript_fixes.misheard(
            tx, _ticket(tx, it), _report(tx, it), actor, it.words
        ),
        _said_by,
    ),
    Act(
        do.ReviewCorrection,
        Right.CORRECTIONS,
        lambda tx, actor, it: corrections.review(tx, _correction(tx, it), actor),
    ),
    Act(
        do.UndoCorrection,
        Right.CORRECTIONS,
        lambda tx, actor, it: corrections.undo(tx, _correction(tx, it)),
    ),
    Act(do.JudgeAgain, Right.CORRECT, _ticket_act(corrections.judge_again), _reported_by_all),
    Act(
        do.ProposeRule,
        Right.PROPOSE,
        lambda tx, actor, it: rules.propose_words(tx, actor, it.text, it.ticket_id, it.property_id),
    ),
    # the control loop
    _bid(do.LookAtGoals, "goal list", lambda it: {}),
    _bid(do.LookAtGoal, "goal show", lambda it: {"id": it.goal_id}),
    _bid(do.WriteGoal, "goal write", lambda it: {"id": it.goal_id, "body": it.body}),
    _bid(do.SwitchOnJob, "goal on", lambda it: {"id": it.job}),
    _bid(do.ArchiveGoal, "goal archive", lambda it: {"id": it.goal_id}),
    _bid(do.RunGoal, "run", lambda it: {"goal": it.goal_id}),
    _bid(do.Beat, "tick", lambda it: {"force": True}),
    _bid(do.LookAtPlaybook, "playbook show", lambda it: {}),
    _bid(do.WritePlaybook, "playbook write", lambda it: {"body": it.body}),
    _bid(do.RestorePlaybook, "playbook undo", lambda it: {}),
    _bid(do.StartLoop, "up", lambda it: {}),
    _bid(do.StopLoop, "down", lambda it: {}),
    _bid(do.LookAtWorkers, "ls", lambda it: {"shown": True}),
    _bid(do.TellWorker, "tell", lambda it: {"id": it.worker, "text": it.text}),
    _bid(do.AskAbout, "ask", lambda it: {"worker": it.name, "prompt": it.text}),
    _bid(do.KillWorker, "kill", lambda it: {"id": it.worker, "run": it.run}),
    _bid(do.FlagWorker, "flag", lambda it: {"id": it.worker, "note": it.note}),
    # the steps of a skill
    Act(
        do.TellReporter,
        Right.ROUTINE,
        lambda tx, actor, it: skill_steps.tell_reporter(tx, _ticket(tx, it), it.said),
    ),
    Act(
        do.AskInWords,
        Right.ROUTINE,
        lambda tx, actor, it: skill_steps.ask_in_words(tx, _ticket(tx, it), it.said),
    ),
    Act(
        do.ProposeDispatch,
        Right.PROPOSE_DISPATCH,
        lambda tx, actor, it: proposing.propose(
            tx, _ticket(tx, it), actor, it.vendor_id, it.amount_usd, it.message
        ),
    ),
    Act(
        do.SendVendor,
        Right.ROUTINE,
        lambda tx, actor, it: skill_steps.send_vendor(tx, _ticket(tx, it), it.vendor_id),
    ),
    Act(
        do.TellGuest,
        Right.ROUTINE,
        lambda tx, actor, it: skill_steps.tell_guest(tx, _ticket(tx, it), it.said),
    ),
    Act(
        do.OfferCompensation,
        Right.ROUTINE,
        lambda tx, actor, it: skill_steps.offer_compensation(tx, _ticket(tx, it), it.up_to_usd, it.said),
    ),
    Act(
        do.NoteAcknowledgement,
        Right.ROUTINE,
        lambda tx, actor, it: skill_steps.note_acknowledgement(tx, _ticket(tx, it)),
    ),
    Act(
        do.PlanFollowUp, Right.ROUTINE, lambda tx, actor, it: skill_steps.plan_follow_up(tx, _ticket(tx, it))
    ),
    Act(
        do.AskWhetherDone,
        Right.ROUTINE,
        lambda tx, actor, it: skill_steps.ask_whether_done(tx, _ticket(tx, it)),
    ),
    Act(
        do.AskWhetherItHolds,
        Right.ROUTINE,
        lambda tx, actor, it: skill_steps.ask_whether_it_holds(tx, _ticket(tx, it), it.said),
    ),
    Act(do.Escalate, Right.ROUTINE, lambda tx, actor, it: skill_steps.escalate(tx, _ticket(tx, it), it.to)),
    # what the company learns
    Act(
        do.AdoptSkill,
        Right.ADOPT,
        lambda tx, actor, it: skill_versions.adopt(
            tx, skill_versions.proposal(tx, it.skill_id, it.version), actor
        ),
    ),
    Act(
        do.DismissSkill,
        Right.ADOPT,
        lambda tx, actor, it: skill_versions.dismiss(
            tx, skill_versions.proposal(tx, it.skill_id, it.version), actor
        ),
    ),
    Act(
        do.RollBackSkill,
        Right.ADOPT,
        lambda tx, actor, it: skill_versions.roll_back(tx, it.skill_id, actor, version=it.version),
    ),
    Act(
        do.TrySkill,
        Right.ADOPT,
        lambda tx, actor, it: skill_trials.show(tx, skill_versions.find(tx, it.skill_id, it.version), actor),
    ),
    Act(do.ProposeMemo, Right.PROPOSE, _propose_memo),
    Act(
        do.ConfirmMemo,
        Right.ADOPT,
        lambda tx, actor, it: memos.confirm(tx, memos.waiting(tx, it.memo_id), actor),
    ),
    Act(
        do.ChangeMemo,
        Right.ADOPT,
        lambda tx, actor, it: memos.change(
            tx, memos.waiting(tx, it.memo_id), actor, it.property_id, it.category, it.words
        ),
    ),
    Act(do.DropMemo, Right.ADOPT, lambda tx, actor, it: memos.drop(tx, memos.waiting(tx, it.memo_id), actor)),
    Act(do.RetireMemo, Right.ADOPT, lambda tx, actor, it: memos.retire(tx, it.memo_id, actor)),
    Act(
        do.AnswerAsk,
        _right_to_answer,
        _answer_ask,
        lambda tx, it: Subject(deciders=asks.find(tx, it.ask_id).to),
    ),
    Act(
        do.DropAsk,
        Right.ANSWER_ASK,
        _drop_ask,
        lambda tx, it: Subject(deciders=asks.find(tx, it.ask_id).to),
    ),
    Act(
        do.WriteProcedure,
        Right.ADOPT,
        lambda tx, actor, it: procedures.write(tx, actor, it.sop_id, it.text, it.base),
    ),
    Act(do.RemoveProcedure, Right.ADOPT, lambda tx, actor, it: procedures.remove(tx, actor, it.sop_id)),
    Act(
        do.AdoptRule, Right.ADOPT, lambda tx, actor, it: rules.adopt(tx, rules.waiting(tx, it.rule_id), actor)
    ),
    Act(
        do.DismissRule,
        Right.ADOPT,
        lambda tx, actor, it: rules.dismiss(tx, rules.waiting(tx, it.rule_id), actor),
    ),
    Act(
        do.RollBackRule,
        Right.ADOPT,
        lambda tx, actor, it: rules.roll_back(tx, rules.find(tx, it.rule_id), actor),
    ),
    Act(
        do.EditRule,
        Right.ADOPT,
        lambda tx, actor, it: rules.edit(tx, rules.waiting(tx, it.rule_id), dict(it.changes), actor),
    ),
    Act(
        do.DraftStandingOrder,
        Right.ADOPT,
        lambda tx, actor, it: standing_orders.draft(
            tx, _open_approval(tx, it), actor, it.amount, it.days, it.uses, it.severity_max
        ),
    ),
    Act(do.KeepStandingOrder, Right.ADOPT, _keep_order),
    Act(
        do.DropStandingOrder,
        Right.ADOPT,
        lambda tx, actor, it: rules.dismiss(tx, rules.waiting(tx, it.rule_id), actor),
    ),
    # vendors
    Act(do.OpenOffer, Right.OPEN_OFFER, lambda tx, actor, it: offers.opened(tx, it.offer_id)),
    Act(
        do.AcceptOffer,
        Right.ANSWER_OFFER,
        lambda tx, actor, it: offer_answers.accept(tx, _offer(tx, it), actor, timedelta(minutes=it.minutes)),
        _offered,
    ),
    Act(
        do.CounterOffer,
        Right.ANSWER_OFFER,
        lambda tx, actor, it: offer_answers.counter(
            tx, _offer(tx, it), actor, it.amount, timedelta(minutes=it.minutes)
        ),
        _offered,
    ),
    Act(
        do.DeclineOffer,
        Right.ANSWER_OFFER,
        lambda tx, actor, it: offer_answers.decline(tx, _offer(tx, it), actor),
        _offered,
    ),
    Act(
        do.ConfirmOrder,
        Right.SETTLE,
        lambda tx, actor, it: offer_answers.confirm(tx, _offer(tx, it), actor),
    ),
    Act(
        do.RepeatOrder,
        Right.SETTLE,
        lambda tx, actor, it: offer_answers.repeat(tx, _offer(tx, it), actor),
    ),
    # people
    Act(
        do.AdmitStranger,
        Right.ADMIT,
        lambda tx, actor, it: joining.admit(tx, it.visitor, actor, it.name, it.property_id, it.language),
    ),
    Act(
        do.RecognizeStranger,
        Right.ADMIT,
        lambda tx, actor, it: joining.recognize(tx, it.visitor, actor, it.person_id),
    ),
    Act(
        do.BlockStranger,
        Right.ADMIT,
        lambda tx, actor, it: joining.block(tx, it.visitor, actor),
    ),
    Act(do.Join, Right.JOIN, lambda tx, actor, it: joining.use_code(tx, it.code, it.channel, it.account)),
    Act(
        do.MakeLinkCode,
        Right.LINK,
        lambda tx, actor, it: joining.new_code(
            tx, actor.person_id, timedelta(minutes=it.minutes), person_id=actor.person_id
        ),
    ),
    Act(do.RestorePerson, Right.TEAM, lambda tx, actor, it: leaving.restore(tx, it.person_id)),
    Act(do.RemovePerson, Right.TEAM, lambda tx, actor, it: leaving.remove(tx, it.person_id, actor)),
    Act(
        do.UnlinkAccount, Right.TEAM, lambda tx, actor, it: leaving.unlink(tx, it.channel, it.account, actor)
    ),
    Act(do.ApproveCompany, Right.ADOPT, _approve_company),
    Act(
        do.EditCompany,
        Right.COMPANY,
        lambda tx, actor, it: company_changes.operators_word(tx, it.before, it.after, actor.person_id),
    ),
    Act(do.KeepMember, Right.TEAM, lambda tx, actor, it: leaving.keep(tx, it.person_id)),
    Act(
        do.Invite,
        # Whoever is a lead may let in whom they like; only the founder makes leads.
        lambda tx, it: Right.MAKE_LEAD if it.role != Role.OPS else Right.INVITE,
        lambda tx, actor, it: joining.new_code(
            tx,
            actor.person_id,
            joining.INVITE_LASTS,
            person={
                "name": it.name,
                "role": it.role,
                "languages": [*it.languages],
                "properties": [*it.properties],
                "timezone": it.timezone,
            },
        ),
    ),
    Act(
        do.SetOnCall,
        Right.ON_CALL,
        lambda tx, actor, it: handover.cover(tx, actor, it.property_ids, it.person_id, it.until),
        _places,
    ),
    Act(
        do.EndOnCall,
        Right.ON_CALL,
        lambda tx, actor, it: handover.end(tx, it.property_ids),
        _covered,
    ),
    Act(
        do.TakeOver,
        Right.TAKE_OVER,
        lambda tx, actor, it: handover.take_over(tx, it.subject, it.property_ids, actor),
        _places,
    ),
    Act(
        do.ChooseLanguage,
        Right.LANGUAGE,
        lambda tx, actor, it: set_language(tx, actor.person_id, it.language),
    ),
    # programs and browsers
    Act(
        do.MakeToken,
        Right.TOKENS,
        lambda tx, actor, it: credentials.make_token(
            tx, it.person_id, it.name, it.scope, it.audience, it.days, told=it.told
        ),
    ),
    Act(
        do.RevokeClient,
        Right.REVOKE,
        lambda tx, actor, it: clients.revoke(tx, it.client_id, it.person_id, actor),
        lambda tx, it: Subject(asked=it.person_id or None),
    ),
    Act(do.AddWebhook, Right.TOKENS, lambda tx, actor, it: webhooks.add(tx, it.url, actor)),
    Act(do.RemoveWebhook, Right.TOKENS, lambda tx, actor, it: webhooks.remove(tx, it.webhook_id)),
    Act(do.MakeSignInCode, Right.DASHBOARD, lambda tx, actor, it: sign_in.new_code(tx, actor.person_id)),
    Act(
        do.AllowSignIn,
        Right.SIGN_IN,
        lambda tx, actor, it: sign_in.answer(tx, it.subject, "allowed", actor),
        _waits_for,
    ),
    Act(
        do.DenySignIn,
        Right.SIGN_IN,
        lambda tx, actor, it: sign_in.answer(tx, it.subject, "denied", actor),
        _waits_for,
    ),
    Act(
        do.AllowProgram,
        Right.CONSENT,
        lambda tx, actor, it: oauth.answer(tx, it.request, actor.person_id, it.scope, it.host),
        _asked_to_allow,
    ),
    Act(
        do.DenyProgram,
        Right.CONSENT,
        lambda tx, actor, it: oauth.answer(tx, it.request, actor.person_id, None),
        _asked_to_allow,
    ),
    # the house
    Act(
        do.RetryMessage,
        Right.QUARANTINE,
        lambda tx, actor, it: quarantine.retry(tx, it.inbox_id),
    ),
    Act(
        do.DiscardMessage,
        Right.QUARANTINE,
        lambda tx, actor, it: quarantine.discard(tx, it.inbox_id),
    ),
    Act(
        do.BindGroup,
        Right.BIND,
        lambda tx, actor, it: groups.bind(tx, it.channel, it.room, it.property_id, actor),
    ),
    Act(do.UnbindGroup, Right.BIND, lambda tx, actor, it: groups.unbind(tx, it.channel, it.room)),
    Act(
        do.ConfirmTestButton,
        Right.TEST,
        lambda tx, actor, it: check_button.confirm(tx, it.subject),
    ),
)

ACTS: Final[dict[type[Command], Act[Any]]] = {act.command: act for act in _EVERY}
