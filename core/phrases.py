"""Sentences for codes and closed sets. Keys are what the code speaks; the English here is what the catalogues
translate."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from core.errors import Refused
from core.i18n import N_, Words, catalogue
from core.model import LANGUAGES, Category, RiskTag
from core.stored_values import Reason

CATEGORY: Final = {
    "hvac_leak": N_("AC or heating leak"),
    "hvac_failure": N_("AC or heating fault"),
    "plumbing_leak": N_("Water leak"),
    "plumbing_blockage": N_("Blocked drain or no water"),
    "electrical": N_("Electrical problem"),
    "lockout": N_("Locked out"),
    "wifi_internet": N_("Wi-Fi or internet"),
    "appliance": N_("Appliance fault"),
    "cleaning": N_("Cleaning"),
    "linen_supplies": N_("Linen and supplies"),
    "pest": N_("Pests"),
    "noise_complaint": N_("Noise complaint"),
    "safety_security": N_("Safety or security"),
    "gas_fire": N_("Gas or fire"),
    "guest_request": N_("Guest request"),
    "booking_payment": N_("Booking or payment"),
    "damage_report": N_("Damage"),
    "other": N_("Something else"),
}

TRADE: Final = {
    "hvac": N_("AC and heating"),
    "plumbing": N_("plumbing"),
    "electrical": N_("electricity"),
    "lockout": N_("locks"),
    "on_site": N_("on site"),
}
"""A company may name others, which are shown as they are written."""
KIND: Final = {
    "ticket": N_("Ticket"),
    "person": N_("Person"),
    "property": N_("Property"),
    "vendor": N_("Vendor"),
    "memo": N_("Memo"),
    "sop": N_("Procedure"),
    "playbook": N_("What worked before"),
    "history": N_("Past repair"),
    "skill": N_("Routine"),
    "rule": N_("Rule"),
}
"""What a hit of a search is, and the layer of a source."""
RULE: Final = {
    "prefer_vendor": N_("{what}, {where}: {vendor} is sent first."),
    "avoid_vendor": N_("{what}, {where}: {vendor} is not sent."),
    "lower_cap": N_("{what}, {where}{by}: at most {amount} without asking."),
    "raise_cap": N_("{what}, {where}: {vendor} may take up to {amount} without asking, until {date}."),
    "estimate": N_("{what}, {where}{by}: expect {amount}."),
    "escalation_wait": N_("{what}, {where}: the next person is told after {seconds} seconds."),
    "sop_step": N_("{what}, {where}: one step more: {step}"),
    "retire_memo": N_("The memo {memo} does not hold any more."),
    "recurring_fault": N_("{what}, {where}: it keeps coming back, so look for the cause."),
    "standing_order": N_(
        "{what}, {where}: {vendor} may be sent for up to {amount} without asking, at most {uses} times, until {date}, up to severity {severity}."
    ),
}
"""What a rule says."""
LEARNT_STATUS: Final = {
    "proposed": N_("proposed"),
    "approved": N_("in force"),
    "rejected": N_("not wanted"),
    "replaced": N_("replaced"),
    "rolled_back": N_("taken back"),
    "demoted": N_("stopped"),
    "expired": N_("over"),
}
SKILL_LEFT: Final = {
    "condition": N_("it does not fit here"),
    "vendor_unavailable": N_("its vendor cannot be sent here any more"),
    "vendor_declined": N_("its vendor does not come"),
    "over_cap": N_("it would cost more than it may"),
    "no_acknowledgement": N_("nobody took the job in time"),
    "corrected": N_("somebody decided otherwise"),
}
"""Why a routine does not go on; its ticket goes on as without it."""
SKILL_KEY: Final = {
    "severity": N_("Severity"),
    "risk_tags.any": N_("Risks"),
    "risk_tags.none": N_("Risks"),
    "over_usd": N_("Estimate"),
    "when.hours": N_("the time of day"),
    "when.guest_inside": N_("whether a guest is inside"),
    "inputs_required.guest_inside": N_("whether a guest is inside"),
    "inputs_required.near_power": N_("whether it is near power"),
    "vendor": N_("Vendor"),
    "estimate": N_("Estimate"),
    "category": N_("Kind"),
    "property_id": N_("Property"),
}
"""What did not fit."""
SKILL_STEP: Final = {
    "notify_reporter": N_("Tell who reported it"),
    "ask_reporter": N_("Ask who reported it"),
    "dispatch_vendor": N_("Send the vendor"),
    "notify_guest": N_("Words for the guest"),
    "offer_compensation": N_("Something for the guest's trouble"),
    "wait_acknowledgement": N_("Wait until somebody has it"),
    "follow_up": N_("Ask when the vendor should have been there"),
    "check": N_("Ask whether it holds"),
    "escalate": N_("Tell somebody more"),
    "close": N_("Ask whether it is done"),
}
SKILL_TEXT: Final = {
    "sorry": N_("We are sorry about this. It is being seen to."),
    "holds": N_("Is it still all right? If not, please reopen it with the button on its card."),
}
"""What a routine says without words of its own; `meanwhile` is that of the ticket's kind."""
YES_NO: Final = {"yes": N_("Yes"), "no": N_("No")}
FACTS: Final = {
    "near_power": YES_NO,
    "guest_inside": YES_NO,
    "danger": YES_NO,
    "door": {"reporter": N_("I do"), "staff": N_("Reception or caretaker"), "key": N_("Key box or code")},
}
"""What is asked with one tap each (N5), and what can be tapped."""
CHARGE: Final = {"owner": N_("The owner"), "guest": N_("The guest"), "us": N_("We do")}
CHOICES: Final = {
    **FACTS,
    "charge_to": CHARGE,
    "reopen": {"reopen": N_("Yes, reopen it"), "new": N_("No, a new problem")},
}

RISK: Final = {
    "electrical_risk": N_("risk of electric shock"),
    "water_damage": N_("water damage"),
    "fire_risk": N_("fire risk"),
    "gas_risk": N_("gas risk"),
    "injury": N_("somebody is hurt"),
    "child_or_vulnerable": N_("child or vulnerable person"),
    "guest_angry": N_("guest is angry"),
    "checkin_imminent": N_("check-in today"),
    "security_risk": N_("security risk"),
    "recurrence": N_("it came back"),
    "vip_or_review_threat": N_("threat of a bad review"),
}

STATUS: Final = {
    "NEW": N_("new"),
    "TRIAGED": N_("triaged"),
    "AWAITING_HUMAN": N_("waiting for a decision"),
    "DISPATCHED": N_("dispatched"),
    "RESOLVED": N_("resolved"),
    "REJECTED": N_("rejected"),
    "LAPSED": N_("lapsed: nobody decided"),
    "CANCELLED": N_("cancelled"),
    "MERGED": N_("merged"),
}

SEVERITY: Final = {
    1: N_("1: information"),
    2: N_("2: routine"),
    3: N_("3: today"),
    4: N_("4: urgent"),
    5: N_("5: danger"),
}

LANGUAGE: Final = {
    "en": "English",
    "zh-TW": "繁體中文",
    "ja": "日本語",
    "id": "Bahasa Indonesia",
    "es": "Español",
}
"""Each in itself: whoever looks for theirs must be able to read it."""

REASON: Final = {
    "late": N_("It arrived a day or more after it was written"),
    "not_understood": N_("Nothing could be read from it: a person has to listen or look"),
    "severity": N_("Severity {severity}: always asked"),
    "sop_asks": N_("The procedure asks from this severity on ({severity})"),
    "risk": N_("Risk: {tag}"),
    "vendor_unknown": N_("No vendor is known for this"),
    "vendor_not_approved": N_("The vendor is not approved for this property"),
    "price_absurd": N_("The estimate is not a usable amount"),
    "over_cap": N_("{total} USD is over the cap of {cap} USD"),
    "vendor_day": N_("{total} USD for this vendor today is over their {cap} USD a day"),
    "over_budget": N_("The month's budget of {budget} USD would be exceeded ({spent} USD spent)"),
    "sender_unknown": N_("The sender is not a known member of the team"),
    "steering": N_("The message tries to give orders: “{words}”"),
    "model_output": N_("What a model suggested cannot be believed ({what}), so it was drafted by rule"),
    "order_used_up": N_("Your standing order {rule} is used up"),
    "order_expired": N_("Your standing order {rule} has run out"),
    "order_revoked": N_("Your standing order {rule} was taken back"),
    "skill_asks": N_("The routine “{skill}” asks you here"),
    "property_unknown": N_("Nobody said which property it is"),
    "vendor_by_skill": N_("The approved routine “{skill}” names them"),
    "vendor_by_rule": N_("A rule of yours names them ({rule})"),
    "price_by_rule": N_("The price that a rule of yours names ({rule})"),
    "vendor_by_history": N_("They fixed the same here on {date}, rated {rating} of 5"),
    "vendor_by_trade": N_("The cheapest approved vendor for this trade here ({trade})"),
    "vendor_on_site": N_("Our own person on site"),
    "vendor_none": N_("No approved vendor fits"),
    "vendor_by_person": N_("Chosen by {who}"),
    "vendor_by_model": N_("A model suggests them. {why}"),
    "price_by_model": N_("A model's estimate, within what they usually take"),
    "price_unknown": N_("No price is known"),
    "price_by_history": N_("The dearest of their last bills for this here: {amount} USD on {date}"),
    "price_by_usual": N_("The middle of what they usually take: {low} to {high} USD"),
    "price_by_person": N_("Set by {who}"),
}

DOUBT: Final = {
    "over_cap": N_("It is above the cap of {cap} USD."),
    "over_estimate": N_("It is more than twice the estimate of {estimate} USD."),
    "over_credit": N_("A credit of {credit} USD to the guest is above {cap} USD."),
    "over_minutes": N_("{minutes} minutes of our own work are more than {cap}."),
}

ROLE: Final = {
    "founder": N_("founder"),
    "lead": N_("lead"),
    "ops": N_("team"),
}

REFUSED: Final = {
    "team_how": N_(
        "/team shows who is of the team; /team remove NAME and /team unlink CHANNEL ACCOUNT take somebody or an account out."
    ),
    "not_founder": N_("The founder cannot be removed."),
    "unknown_account": N_("There is no account {account} on {channel} that was let in here."),
    "really": N_(
        "That is above the cap or far above the estimate. Please book it in a chat, where it can be confirmed."
    ),
    "amount_unclear": N_(
        "I could not read “{text}” as an amount. Please write it in US dollars, like 132 or 132.50."
    ),
    "amount_unclear_local": N_(
        "I could not read “{text}” as an amount. Please write it in {currency}, like 4600, or in US dollars, like 132 USD."
    ),
    "no_rate": N_(
        "I have no exchange rate for {currency}. Please write the amount in US dollars, like 132 USD."
    ),
    "minutes_unclear": N_(
        "I could not read “{text}” as minutes. Please write a whole number from 0 to {most}, like 45."
    ),
    "wrong_state": N_("That is not possible any more: the ticket is {status}."),
    "not_yours": N_("This is not yours to decide. Please ask {who}."),
    "not_for_you": N_("Only {who} can do that."),
    "already_decided": N_("Already {verdict} by {who}, {at}, on {channel}."),
    "superseded": N_("This card is out of date: the newest one shows what is asked now."),
    "already_acknowledged": N_("{who} already has it, since {at}."),
    "not_acknowledged": N_("Nobody has it yet, so it cannot be given back."),
    "unknown_ticket": N_("There is no ticket {ticket}. /tickets shows the open ones."),
    "unknown_command": N_("I do not know {name}. /help shows what I can do."),
    "unknown_button": N_("That button is not valid."),
    "old_button": N_("That button is no longer in use. The card now says: {lead}"),
    "unknown_vendor": N_("That vendor is not approved for this property any more. Please pick another."),
    "already_answered": N_("{who} already answered: {answer}."),
    "unknown_option": N_("That is not one of the choices."),
    "bad_time": N_("That time is years away. Is it what you mean?"),
    "cost_needed": N_("What did it cost? Please write /resolve {ticket} 132 with the amount in US dollars."),
    "text_needed": N_("Please add a few words."),
    "nothing_said": N_("Nothing was changed: please pick what is right."),
    "deputy_cap": N_("As deputy you can decide up to the cap of {cap} USD. Above it, only {who} can."),
    "same_ticket": N_("A ticket cannot be merged into itself."),
    "unknown_person": N_("I do not know {name}. /oncall shows who is there."),
    "which_property": N_("Which property? Please name one of them."),
    "known_already": N_("I know you already. For a code for your other account write just /link."),
    "only_in_group": N_("That only works in a group."),
    "gone": N_("That was already taken care of."),
    "unknown_memo": N_("There is no memo {memo}."),
    "tap_needed": N_("That takes a tap on its card: words alone decide nothing here."),
    "unknown_ask": N_("There is no question {ask}."),
    "too_many_options": N_("At most {most} choices."),
    "unknown_goal": N_("There is no goal {goal}."),
    "unknown_job": N_("There is no job {job}. There are: {jobs}."),
    "unknown_sensor": N_("There is no sensor {sensor}."),
    "no_former": N_("There is no former PLAYBOOK."),
    "unknown_worker": N_("There is no worker {worker} at work. /workers shows who is."),
    "worker_not_live": N_("{worker} does not work any more, so nobody would read it."),
    "worker_lives": N_("{worker} works already. Another name, or end it first."),
    "worker_not_started": N_("{worker} could not be started: {why}"),
    "let_work": N_("{worker} works on."),
    "worker_reserved": N_("No worker can be called {worker}."),
    "too_many_workers": N_("{most} workers are at work already: {names}. One of them has to end first."),
    "unknown_runner": N_("There is no runner {runner} in config.json."),
    "no_runner": N_(
        "Nobody can do the work: a language model (ANTHROPIC_API_KEY or OPENAI_API_KEY) or worker_command in loop/config.json is missing."
    ),
    "claimed": N_("{name} is taken by {holder}."),
    "not_fetched": N_("I could not read that page: {why}"),
    "claim_whose": N_("Please say for whom, with --session."),
    "unknown_schedule": N_("There is no schedule {schedule}."),
    "bad_schedule": N_("A schedule is either once or every so often, and at most once a minute."),
    "bad_id": N_(
        "“{name}” cannot be a name here: no blanks, slashes or leading dots, at most 80 characters."
    ),
    "unknown_procedure": N_("There is no procedure {procedure}. /sops lists them."),
    "changed_meanwhile": N_("It was changed meanwhile, and I changed nothing. Please look at it again."),
    "unfit_procedure": N_("I cannot take that as a procedure: {why}"),
    "too_long": N_("That is too long: {most} characters at most. Nothing was changed."),
    "unknown_rule": N_("There is no rule {rule}."),
    "rule_unfit": N_("That does not fit: {why}"),
    "unknown_skill": N_("There is no routine {skill}."),
    "unknown_client": N_("There is no such program, token or browser."),
    "no_web_address": N_("That is no web address (https://…)."),
    "told_already": N_("That address is told already."),
    "bad_days": N_("A token lasts from 1 to {most} days."),
}

NO_FILE: Final = {
    "too_large": N_("That file is too large: the limit is 20 MB."),
    "too_many_pixels": N_("That picture is too large."),
    "damaged_picture": N_("I cannot open that picture. Please take it again, or send it smaller."),
    "not_media": N_("I can take photos and voice notes. That file is neither."),
    "empty": N_("That file was empty."),
    "gone": N_("That file is no longer there. Please send it again."),
    "": N_("I could not fetch that file. Please send it again."),
}
BY_RULE: Final = {
    "down": N_("by rule: no language model answered"),
    "invalid": N_("by rule: what the language model answered was not usable"),
    "over_budget": N_("by rule: this month's money for language models is spent"),
    "failed": N_("by rule: asking the language model failed"),
    "other_model": N_("by another language model: the first did not answer"),
    "cheaper_model": N_("by the cheaper language model: this month's money is nearly spent"),
}
"""Who worked it out, where it was not the model that should have."""

LATE_FILE: Final = N_("Your file is not here yet. I keep trying, and add it as soon as it comes.")

# Why nothing could be made of a voice note. The first four are told instead of a ticket, the rest beside it.
NOT_HEARD: Final = {
    "silent": N_("I heard nothing in that voice note. Please speak closer to the phone, or write."),
    "not_audio": N_("That is not a recording I can play. Please send it as a voice note, or write."),
    "too_long": N_(
        "That recording is too long: I listen to 15 minutes at most. Please send the gist, or write."
    ),
    "damaged": N_("That recording is damaged: I cannot play it. Please record it again, or write."),
    "failed": N_("I could not understand your voice note. A person will listen to it."),
    "off": N_("I cannot listen to voice notes here. A person will listen to it."),
    "busy": N_("Too many voice notes are waiting. A person will listen to yours."),
    "slow": N_("I am still listening to your voice note. A person has it meanwhile."),
}

VERDICT: Final = {"approved": N_("approved"), "rejected": N_("rejected"), "lapsed": N_("lapsed")}

CHANNEL: Final = {
    "web": N_("the web page"),
    "slack": "Slack",
    "telegram": "Telegram",
    "line": "LINE",
    "cli": N_("the shell"),
    "mcp": N_("an assistant"),
    "api": N_("a program"),
    "dashboard": N_("the dashboard"),
    "database": N_("the database"),
}

EVENT: Final = {
    "received": N_("received"),
    "filed": N_("filed"),
    "triaged": N_("triaged"),
    "gated": N_("checked by the rules"),
    "approved": N_("approved"),
    "changed": N_("changed"),
    "rejected": N_("rejected"),
    "lapsed": N_("lapsed"),
    "dispatched": N_("dispatched"),
    "notified": N_("told"),
    "escalated": N_("escalated"),
    "acknowledged": N_("acknowledged"),
    "unacknowledged": N_("given back"),
    "follow_up": N_("followed up"),
    "resolved": N_("resolved"),
    "reopened": N_("reopened"),
    "merged": N_("merged"),
    "split": N_("split"),
    "corrected": N_("corrected"),
    "cancelled": N_("cancelled"),
    "changed_bill": N_("bill corrected"),
    "skill_step": N_("routine step"),
    "fallback": N_("fallback"),
    "ruled": N_("by a rule"),
}

# What to do until somebody comes; the lines are the company's own rules of thumb, safe for every house.
MEANWHILE: Final = {
    "hvac_leak": N_(
        "Until then: switch the unit off at the breaker if you can reach it safely, keep everybody away from wet sockets, put a bucket and towels below."
    ),
    "plumbing_leak": N_(
        "Until then: close the nearest valve, keep everybody away from wet sockets, move things out of the water."
    ),
    "electrical": N_(
        "Until then: nobody touches the socket or switch; turn that circuit off at the breaker."
    ),
    "plumbing_blockage": N_("Until then: please do not use that drain."),
    "lockout": N_(
        "Until then: check the name against the booking, and let the guest wait somewhere dry and lit."
    ),
    "gas_fire": N_("Everybody stays outside until the fire brigade says otherwise."),
    "safety_security": N_("Do not go in alone. Stay where there is light and other people."),
}

POWER_TOO: Final = N_(
    "Water near power: nobody touches anything electrical there. Turn that circuit off at the breaker if you can reach it with dry feet."
)
"""Besides what the kind of fault asks for."""


def meanwhile(category: str, risk_tags: Collection[str], words: Words) -> str:
    """What to do until somebody comes. Where it burns or smells of gas the one thing: who was told to get out goes to no breaker."""
    if {RiskTag.FIRE_RISK, RiskTag.GAS_RISK} & set(risk_tags):
        return words(MEANWHILE[Category.GAS_FIRE])
    lines = [MEANWHILE[category]] if category in MEANWHILE else []
    wet = {Category.PLUMBING_LEAK, Category.PLUMBING_BLOCKAGE, Category.APPLIANCE}
    if RiskTag.ELECTRICAL_RISK in risk_tags and category in wet:
        lines.insert(0, POWER_TOO)
    return "\n".join(words(one) for one in lines)


# Severity 5: said before anything else, chosen by risk; {number} comes from the country's table.
EMERGENCY: Final = {
    "gas_risk": N_(
        "⚠️ GAS: everybody out now. No switches, no flames, no lift; leave doors open. From outside call {fire}."
    ),
    "fire_risk": N_("⚠️ FIRE: everybody out now, close doors behind you, no lift. From outside call {fire}."),
    "injury": N_(
        "⚠️ Call {fire} for an ambulance now. Stay with the person, do not move them unless they are in danger."
    ),
    "security_risk": N_(
        "⚠️ Leave and stay away from the person. Call the police now: {police}. Do not go in."
    ),
    "electrical_risk": N_(
        "⚠️ Do not touch water, sockets or anybody in contact with them. Main breaker off if dry and safe. In danger call {fire}."
    ),
    "water_damage": N_(
        "⚠️ Close the main water valve. Keep away from sockets and cables in the water. In danger call {fire}."
    ),
    "": N_("⚠️ Danger: bring everybody to safety first. Emergency: {fire}, police: {police}."),
}


def categories_named(text: str) -> list[str]:
    """Those whose name in any language has `text` in it, from the beginning of a word on: "AC", "leak", "冷氣"."""
    wanted = text.strip().casefold()
    if len(wanted) < 2:
        return []
    found = []
    for key, name in CATEGORY.items():
        names = [name, *(catalogue(language).get(name, "") for language in LANGUAGES)]
        if any(_starts_a_word(wanted, one.casefold()) for one in names):
            found.append(key)
    return found


def _starts_a_word(wanted: str, name: str) -> bool:
    if not wanted.isascii():
        return wanted in name
    starts = (at for at in range(len(name)) if at == 0 or not name[at - 1].isalnum())
    return any(name.startswith(wanted, at) for at in starts)


def label(table: Mapping[Any, str], key: Any, words: Words) -> str:
    """The reader's word for `key`; the key itself where the table has none."""
    text = table.get(key)
    return words(text) if text else str(key)


def reason(given: Reason, words: Words) -> str:
    params = dict(given.params)
    if "tag" in params:
        params["tag"] = label(RISK, params["tag"], words)
    if "trade" in params:
        params["trade"] = label(TRADE, params["trade"], words)
    sentence = REASON[given.code]
    return words(sentence, **params)


def refusal(error: Refused, words: Words, now: datetime | None = None) -> str:
    """What a refused person reads; `now` (aware) where it may tell when something was."""
    params = {
        key: words.time(value, now or value) if isinstance(value, datetime) else value
        for key, value in error.params.items()
    }
    for name, table in (("status", STATUS), ("verdict", VERDICT), ("channel", CHANNEL)):
        if name in params:
            params[name] = label(table, params[name], words)
    return words(REFUSED[error.code], **params)
