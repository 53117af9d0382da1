"""Amounts of money in what people write: "done, 132 usd", "修好了 4,600元", "selesai 450 ribu".

A wrong guess here is somebody's money. A number is an amount only beside a currency, or where a sentence says nothing else
than that it is done ("done 132"). Hours, rooms, times, counts, codes, telephone numbers and percentages are none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from core.errors import Refused
from core.money import MAX_AMOUNT, NO_CENTS, USD, Money, rounded, usd
from core.text import normal

DOT_FOR_THOUSANDS: Final = frozenset({"id", "es"})
"""Languages that write 1.200,50; the others write 1,200.50."""

_OWN: Final = {
    "USD": "us$|u$s|usd|美元|美金|美刀|米ドル|dolar as|dolar amerika",
    "TWD": "nt$|ntd|twd|新台幣|新臺幣|台幣|臺幣|台币|台湾ドル",
    "HKD": "hk$|hkd|港幣|港币|港元|港紙|香港ドル|dolar hong kong|dólar de hong kong",
    "SGD": "s$|sgd|新加坡幣|新加坡元|新幣|坡幣|シンガポールドル|dolar singapura|dólar de singapur",
    "AUD": "au$|a$|aud|澳幣|澳币|澳元|豪ドル|オーストラリアドル|dolar australia|dólar australiano",
    "CAD": "ca$|c$|cad",
    "NZD": "nz$|nzd",
    "MXN": "mx$|mxn",
    "BRL": "r$|brl|reais",
    "JPY": "jpy|円|日圓|日元|日幣|日币|日円|yen",
    "CNY": "cny|rmb|人民幣|人民币|人民元",
    "IDR": "idr|rp|rupiah",
    "EUR": "€|eur|euro|euros|歐元|ユーロ",
    "GBP": "£|gbp|英鎊",
    "THB": "฿|thb|baht|泰銖|泰铢|泰幣|バーツ",
    "KRW": "₩|krw|韓元|韓圜|韓幣|韩币|ウォン|won",
    "INR": "₹|inr|rupee|rupees",
    "PHP": "₱|php",
    "VND": "₫|vnd",
    "CHF": "chf",
    "MYR": "myr|ringgit|馬幣|令吉",
}
_SHARED: Final = {
    "$": ("USD", "TWD", "HKD", "SGD", "AUD", "CAD", "NZD", "MXN"),
    "dollar|dollars|buck|bucks": ("USD", "HKD", "SGD", "AUD", "CAD", "NZD"),
    "dolar|dólar|dolares|dólares|ドル": ("USD",),
    "元|塊錢|块钱|塊|块": ("TWD", "CNY", "HKD"),
    "圓": ("JPY", "TWD", "HKD"),
    "¥": ("JPY", "CNY"),
    "peso|pesos": ("MXN", "PHP"),
}
"""What several moneys share."""
_TIMES: Final = {"萬|万": 10_000, "千|k|mil|ribu|rb": 1_000, "juta|jt": 1_000_000}
_SHORTENED: Final = frozenset({"rp"})
"""Names of moneys that are written with a full stop."""
MAX_IN_A_ROW: Final = 3
_RUPIAH: Final = frozenset({"ribu", "rb", "juta", "jt"})
"""Nobody counts other money in these."""
_FACTORS: Final = {word: by for words, by in _TIMES.items() for word in words.split("|")} | {"": 1}

_FINISHED: Final = (
    "complete|completed|done|finished|fixed|repaired|resolved|solved|sorted|"
    "beres|diperbaiki|kelar|rampung|selesai|arreglado|arreglada|hecho|listo|lista|reparado|reparada|resuelto|terminado|"
    "修好|弄好|換好|好了|完成|搞定|處理完|處理好|解決|解决|做完|結案|"
    "直りました|直った|直しました|修理完了|完了|終わりました|終わった|終了|済みました|対応済み|できました"
)
"""Words that say that it is done."""
_ABOUT_IT: Final = (
    "all|already|and it|bill|charge|closed|cost|costs|everything|for|free of charge|in all|in total|is|it|job|just|now|only|"
    "paid|price|ready|that|the|total|was|working|works|"
    "biaya|biayanya|bayar|habis|kena|oke|ok|okay|sdh|semua|sudah|totalnya|udah|udh|"
    "costo|costó|cuesta|esta|está|en total|fue|fueron|por|quedo|quedó|son|todo|ya|"
    "好|處理|处理|完|已經|已|都|全部|花|花費|費用|收費|付|總共|一共|共|合計|是|了|"
    "修理|済み|済|対応|しました|費用|代金|全部で|は|で"
)
"""What stands beside them and beside a bill."""
_DONE: Final = f"{_FINISHED}|{_ABOUT_IT}"
_THANKS: Final = (
    "thanks|thank you|thx|please|makasih|terima kasih|ya|kak|pak|bu|gracias|謝謝|谢谢|感謝|です|でした|ね|よ|"
    "ありがとうございます|ありがとうございました|ありがとう"
)

Kind = Literal["number", "odd", "sign", "times", "done", "thanks", "word", "space", "point"]


def _one_of(expressions: str) -> str:
    """Any of the words, longest first; what is written in letters stands alone, what is written in signs need not."""
    words = sorted(set(expressions.split("|")), key=len, reverse=True)
    return "|".join(
        rf"(?<![^\W\d_]){re.escape(one)}(?![^\W\d_])" if one.isascii() and one[0].isalpha() and one[-1].isalpha()
        else rf"(?<![a-z]){re.escape(one)}" if one.isascii()
        else re.escape(one)
        for one in words
    )  # fmt: skip


_TOKEN: Final = re.compile(
    "|".join(
        (
            r"(?P<odd>\d+(?:[.,:/-]\d+)*[:/-]\d+(?:[.,:/-]\d+)*|[#@+-]\d+(?:[.,:/-]\d+)*|(?<!\S)[.,]\d+)",
            r"(?P<number>\d+(?:[.,]\d+)*)",
            rf"(?P<sign>{_one_of('|'.join((*_OWN.values(), *_SHARED)))})",
            rf"(?P<times>(?<=[\d\s])(?:{_one_of('|'.join(_TIMES))}|(?<=\d)(?:k|rb|jt|mil)(?![^\W\d_])))",
            rf"(?P<thanks>{_one_of(_THANKS)})",
            rf"(?P<done>{_one_of(_DONE)})",
            r"(?P<space>\s+)",
            r"(?P<point>[.,;:!()~、。…\"'“”✅👍👌🙏]+)",
            r"(?P<word>[a-zà-ÿ']+|.)",
        )
    ),
    re.DOTALL,
)
_MORE_TO_IT: Final = re.compile(
    r"\d\s*[~×*+]|[~×*+]\s*\d|\bx\s*\d|\d\s*x\b|\+|\bus\s+\d|"
    r"每|時薪|小時|時給|毎時|訂金|定金|尾款|頭款|頭期|手付|残金|前金|內金|稅|税|運費|送料|客人付|房客付|お客様が払|ゲストが払|"
    r"\b(?:per|each|hourly|deposit|down payment|balance|tax|vat|shipping|guest paid|tenant paid|"
    r"per jam|sejam|uang muka|dp|sisa|pajak|ppn|ongkir|tamu bayar|tamu sudah bayar|"
    r"por hora|cada|anticipo|seña|resto|iva|impuesto|envío|el huésped pagó|la huésped pagó)\b"
)
"""What says that a number is not the whole bill, or somebody else's: by the hour, times, plus, a part, what a guest paid."""
_DOLLARS: Final = re.compile(
    r"\A(?:us\$|usd|\$)? ?(?P<digits>\d{1,7}(?:\.\d{1,2})?|\d{1,3}(?:,\d{3})+\.\d{2}) ?(?:us\$|usd|\$)?"
)
_TICKET: Final = re.compile(r"(?<![a-z0-9])t[- ]?\d{3,9}(?!\d)")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: Kind
    text: str


def parse_amount(text: str, local: str = USD, language: str = "") -> Money:
    """The amount that was put into a field for one: "132", "$132", "US$ 132", "1,200.50"; where `local` money is asked for
    also "4,600", "4600元", "450 ribu".

    Whatever can be read in two ways ("1.200,50", and of dollars "1,200"), carries a sign or an exponent or a money that is
    not known is refused and asked again: a wrong guess here is money.

    Raises: Refused("amount_unclear" | "amount_unclear_local")."""
    match = _DOLLARS.fullmatch(normal(text))
    found: Money | None = None
    if match is not None and (local == USD or "us" in match[0]):
        found = Money(usd(match["digits"].replace(",", "")), USD)
    elif all(one.kind in {"number", "sign", "times"} for one in _tokens(text)):
        found = amount_in(text, local=local, language=language if local != USD else "")
        found = None if found is not None and found.currency == USD else found
    if found is None or (found.currency == USD and found.amount > MAX_AMOUNT):
        if local != USD:
            raise Refused("amount_unclear_local", text=text[:40], currency=local)
        raise Refused("amount_unclear", text=text[:40])
    return found


def amount_in(text: str, *, local: str = "USD", language: str = "") -> Money | None:
    """The one amount that a sentence names for certain; None where it is not. As readings_in."""
    found = readings_in(text, local=local, language=language)
    return found[0] if len(found) == 1 else None


def readings_in(text: str, *, local: str = USD, language: str = "") -> tuple[Money, ...]:
    """The one amount that a sentence names, in each way in which it can be meant: "$4,200" may be dollars of the place or US
    dollars. Empty where there is none, more than one, or one of which the digits are not sure. `local`: the currency of a bare number and of a sign that several share; without a
    `language` a number counts only where every language reads it alike."""
    tokens = _tokens(text)
    if not _others_count_things(tokens) or _MORE_TO_IT.search(_plain(text)):
        return ()  # 1万5000, "800 an hour, 4 hours": which of them, and is it all?
    named = list(_named(tokens, local))
    if not named:
        number = _bare(tokens)
        named = [] if number is None else [(number, (local,))]
    if len(named) != 1:
        return ()
    (digits, many), currencies = named[0]
    if many in _RUPIAH:
        currencies = tuple(one for one in currencies if one == "IDR")
    found = [_money(digits, many, one, language) for one in currencies]
    return tuple(one for one in found if one is not None) if None not in found else ()


def says_done(text: str) -> bool:
    """Whether it says that something is done, what that cost perhaps, and nothing else."""
    said = _tokens(text)
    finished = any(one.text in _FINISHED.split("|") for one in said)
    numbers = sum(one.kind == "number" for one in said)
    return finished and numbers <= 1 and all(one.kind not in {"word", "odd"} for one in said)


def guess_in(text: str, *, language: str = "") -> Decimal | None:
    """A bare number that may well be the cost, to be shown in a form for a person to look at: never to be booked."""
    said = [one for one in _tokens(text) if one.kind != "point"]
    numbers = [at for at, one in enumerate(said) if one.kind == "number"]
    if len(numbers) != 1 or any(one.kind in {"odd", "sign"} for one in said):
        return None
    (at,) = numbers
    if any(one.kind in {"word", "times"} for one in said[max(0, at - 1) : at + 2]):
        return None
    found = _money(said[at].text, "", USD, language)
    return found.amount if found is not None else None


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"美\s*元", "美元", _TICKET.sub(" ", plain))


def _tokens(text: str) -> list[_Token]:
    found = _TOKEN.finditer(_plain(text))
    return [_Token(one.lastgroup, one[0]) for one in found if one.lastgroup != "space"]  # type: ignore[arg-type]


_Number = tuple[str, str]
"""Digits, and by what they are multiplied ("" for nothing)."""


def _others_count_things(said: Sequence[_Token]) -> bool:
    """Of several numbers all but one stand beside what they count or name: "2 filters, $80", "room 204: 132 usd"."""
    alone = 0
    for at, one in enumerate(said):
        if one.kind == "number":
            beside = {two.kind for two in (*said[max(0, at - 1) : at], *said[at + 1 : at + 2])}
            if at >= 2 and _has_dot(said, at - 2):
                beside.add("sign")
            alone += "word" not in beside or not beside.isdisjoint({"sign", "times", "number"})
    return alone <= 1


def _named(said: Sequence[_Token], local: str) -> Iterator[tuple[_Number, tuple[str, ...]]]:
    """The numbers beside a currency, and which currencies it may be. A sign between two numbers names neither."""
    signs: dict[int, list[str]] = {}
    for at, one in enumerate(said):
        if one.kind == "sign":
            beside = [
                where for where in (_number_before(said, at), _number_after(said, at)) if where is not None
            ]
            if len(beside) == 1:
                signs.setdefault(beside[0], []).append(one.text)
    for where, found in signs.items():
        many = said[where + 1].text if _kind(said, where + 1) == "times" else ""
        yield (said[where].text, many), _currencies(found, local)


def _kind(said: Sequence[_Token], at: int) -> Kind | None:
    return said[at].kind if 0 <= at < len(said) else None


def _number_before(said: Sequence[_Token], sign: int) -> int | None:
    sign = _last_of_a_row(said, sign, -1)
    at = sign - 2 if _kind(said, sign - 1) == "times" else sign - 1
    return at if _kind(said, at) == "number" else None


def _number_after(said: Sequence[_Token], sign: int) -> int | None:
    sign = _last_of_a_row(said, sign, 1)
    at = sign + 2 if _has_dot(said, sign) else sign + 1
    return at if _kind(said, at) == "number" else None


def _last_of_a_row(said: Sequence[_Token], sign: int, step: Literal[-1, 1]) -> int:
    """The last of the signs that stand in a row with this one, to the left or the right: "HKD $500", "TWD. $4,200" name one
    money. Beyond MAX_IN_A_ROW nobody names anything: so each sign is looked at a few times, however many there are."""
    for _ in range(MAX_IN_A_ROW):
        near = 2 if [one.text for one in said[max(0, sign + step) : sign + step + 1]] in (["."], [":"]) else 1
        if _kind(said, sign + step * near) != "sign":
            break
        sign += step * near
    return sign


def _has_dot(said: Sequence[_Token], sign: int) -> bool:
    """Whether a full stop belongs to the sign there: "Rp. 450.000", "USD. 80"; but in "132 $. 2 filters" it ends what was said
    of the 132."""
    if _kind(said, sign) != "sign" or [one.text for one in said[sign + 1 : sign + 2]] != ["."]:
        return False
    return said[sign].text in _SHORTENED or _number_before(said, sign) is None


def _currencies(signs: Sequence[str], local: str) -> tuple[str, ...]:
    """What the signs beside one number may mean together: 日幣5,000元 are yen, $4200 hkd Hong Kong dollars."""
    own = {code for sign in signs for code, some in _OWN.items() if sign in some.split("|")}
    if own:
        return tuple(own) if len(own) == 1 else ()
    shared = [codes for sign in signs for some, codes in _SHARED.items() if sign in some.split("|")]
    common = [code for code in shared[0] if all(code in codes for codes in shared)]
    if local in common:
        # A dollar that is not ours as well: 4,200 of them may be 130 of the others.
        return (local,) if local == USD or USD not in common else (local, USD)
    return (USD,) if USD in common else ()


def _bare(tokens: Sequence[_Token]) -> _Number | None:
    """Of "done 132": the number that ends a sentence of nothing but words that say so."""
    said = [one for one in tokens if one.kind != "point"]
    while said and said[-1].kind == "thanks":
        said.pop()
    many = said.pop().text if said and said[-1].kind == "times" else ""
    if not said or said[-1].kind != "number" or any(one.kind not in {"done", "thanks"} for one in said[:-1]):
        return None
    return said[-1].text, many


def _money(digits: str, many: str, currency: str, language: str) -> Money | None:
    cents = currency not in NO_CENTS
    number = _number(digits, language, cents=cents or many != "")
    if number is None:
        return None
    amount = rounded(number * _FACTORS[many], currency)
    most = MAX_AMOUNT if currency == USD else MAX_AMOUNT * 20_000
    return Money(amount, currency) if amount <= most else None


def _number(digits: str, language: str, *, cents: bool) -> Decimal | None:
    """`digits` as a number. A mark before the last one or two digits is a decimal one, groups of three are thousands; what
    the language would write otherwise is not sure."""
    if re.match(r"0\d", digits):
        return None  # a telephone number
    whole, mark, tail = re.fullmatch(r"(.*?)(?:([.,])(\d{1,2}))?", digits).groups()  # type: ignore[union-attr]
    marks = set(re.findall(r"[.,]", whole))
    if len(whole.replace(",", "").replace(".", "")) > 12 or len(marks) > 1 or mark in marks:
        return None
    if marks and not re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", whole):
        return None
    thousands = "." if language in DOT_FOR_THOUSANDS else ","
    (group,) = marks or {""}
    if mark is not None:
        if (group and group != thousands) or (not group and mark == thousands == ","):
            return None  # 132,50 of somebody who writes 1,200.50
        if not cents and int(tail):
            return None
    elif group and cents and (group != thousands or not language):
        return None
    return Decimal(re.sub(r"[.,]", "", whole) + ("." + tail if mark else ""))
