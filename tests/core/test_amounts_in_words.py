"""What "done 132" says, and what is too unsure to be money."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.amounts import amount_in, guess_in, parse_amount, readings_in, says_done
from core.errors import Refused
from core.money import Money


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("Done 132", "132"),
        ("T-1001 done, 132.50 USD", "132.50"),
        ("修好了132美元", "132"),
        ("修好了 132", "132"),
        ("selesai, 30 dolar", "30"),
        ("listo, costó $145", "145"),
        ("直りました。145ドルでした", "145"),
        ("fixed, 2 filters, $80", "80"),
        ("done for 1,200.50", "1200.50"),
        ("fixed, $1,200.50 with parts", "1200.50"),
        ("it was USD 132", "132"),
        ("it was US$132.5", "132.50"),
        ("usd132", "132"),
        ("132usd", "132"),
        ("132 $", "132"),
        ("132 us$", "132"),
        ("one dollar: 1 dollar", "1"),
        ("(132)", "132"),
        ("all done: 132!", "132"),
        ("done, 132.", "132"),
        ("done, 132, thanks", "132"),
        ("free of charge, 0", "0"),
        ("room 204: a new lock for $132", "132"),
        ("3 hoses, 2 filters: 132 usd in all", "132"),
        ("2 filters, US$132", "132"),
        ("2 filters, USD 132", "132"),
        ("132 us$ for 2 filters", "132"),
        ("132$ for 2 filters", "132"),
        ("132 dollars for 2 filters", "132"),
        ("1 dollar for 2 filters", "1"),
        ("132美元,濾網2個", "132"),
        ("132美金,濾網2個", "132"),
        ("フィルター2個で132ドル", "132"),
        ("132 dolar untuk 2 filter", "132"),
        ("2 filtros, 132 dólares", "132"),
        ("2 filtros, 132 dolares", "132"),
        ("132 dollars, back at 14:30", "132"),
        ("T-1001$132, 2 filters", "132"),
        ("t1001 132", "132"),
        ("修好了,花了132美金", "132"),
        ("修好了 132 美 元", "132"),
        ("２００ドルで直りました", "200"),
        ("直りました 145.50 ドル", "145.50"),
        ("beres, $30", "30"),
        ("selesai 45.5 dolar", "45.50"),
        ("listo, 132 dólares", "132"),
        ("listo, fueron 132 dolares", "132"),
        ("done 99999.99", "99999.99"),
        ("done 100000", "100000"),
        ("thanks, done 132", "132"),
        ("done, 132 usd. 2 filters replaced", "132"),
        ("done, 132 $. 2 filters replaced", "132"),
    ],
)
def test_the_one_amount_is_found(text: str, amount: str) -> None:
    assert amount_in(text) == Money(Decimal(amount).quantize(Decimal("0.01")), "USD")


@pytest.mark.parametrize(
    "text",
    [
        "Done",
        "done at 14:30",
        "done, 2 filters, 132",
        "修好了 4200元",
        "done 1.200,50",
        "call 0912-345-678",
        "T-1001",
        "done 132 and 20",
        "fixed 2026-11-20",
        "",
        "修好了",
        "直りました",
        "selesai",
        "listo",
        "done $132 and $20",
        "done, $132 or 120 usd",
        "done 1,200",
        "done $1,200",
        "done 12,00",
        "done 1.2.3",
        "done .50",
        "done -132",
        "done 132-140",
        "done 132/140",
        "done 132.505",
        "done 132x",
        "v2",
        "done 12345678",
        "done 100000.01",
        "done 1,000,000.00",
        "¥132",
        "￥132",
        "132元",
        "2 juta",
        "450 ribu",
        "$132 or nt$4200",
        "132 usd (4200 twd)",
        # Hours, times, rooms, counts, codes, shares: each beside words that say it is done.
        "T-1001 修好了,花了20分鐘",
        "Done, it took 2 hours",
        "guest in room 3 is happy",
        "he left at 10",
        "done at 10",
        "done by 10",
        "done in 20",
        "call 0912-345-678, it was 132",
        "call 0912345678, done",
        "done 80%",
        "done, 22°C now",
        "fixed #4521",
        "door code 4521, done",
        "204 完成",
        "132, done",
        "3 towels delivered",
        "listo a las 10",
        "listo, son las 10",
        "quedó listo en 2 horas",
        "cambié 3 focos",
        "habitación 12 lista",
        "selesai jam 10",
        "sudah selesai 2 kamar",
        "kamar 5 beres",
        "ganti 3 lampu, beres",
        "3階の電球を交換しました",
        "10時に終わりました",
        "2個交換、完了",
        "直りました 1万5000円",
        "3樓修好了",
        "修好了,換了2個",
        "10點完成",
        "密碼 4521",
        # Money that several countries share the name of, and none is ours.
        "3000塊",
        "修好了 4600元",
        "132 pesos",
        "selesai 450 ribu",
        "beres 3jt",
    ],
)
def test_what_is_not_sure_is_asked(text: str) -> None:
    assert amount_in(text) is None


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("修好了 NT$4200", "4200", "TWD"),
        ("完成,NT$4,600", "4600", "TWD"),
        ("132 台幣", "132", "TWD"),
        ("twd 132", "132", "TWD"),
        ("nt$ 132", "132", "TWD"),
        ("換好了 1.2萬台幣", "12000", "TWD"),
        ("selesai Rp 450.000", "450000", "IDR"),
        ("selesai Rp. 450.000", "450000", "IDR"),
        ("rp 132", "132", "IDR"),
        ("idr 132", "132", "IDR"),
        ("132 rupiah", "132", "IDR"),
        ("450rb rupiah", "450000", "IDR"),
        ("直りました 8000円", "8000", "JPY"),
        ("145円でした", "145", "JPY"),
        ("１５,０００円でした", "15000", "JPY"),
        ("jpy 132", "132", "JPY"),
        ("132 yen", "132", "JPY"),
        ("132 日圓", "132", "JPY"),
        ("€132", "132.00", "EUR"),
        ("132 eur", "132.00", "EUR"),
        ("132 euros", "132.00", "EUR"),
        ("HK$132", "132.00", "HKD"),
        ("HKD $500", "500.00", "HKD"),
        ("done, TWD $4,200", "4200", "TWD"),
        ("NTD. $4,200 all in", "4200", "TWD"),
        ("TWD: $4,200, 2 filters", "4200", "TWD"),
        ("2 filters, 500 $ HKD", "500.00", "HKD"),
        ("500$. HKD", "500.00", "HKD"),
        ("£132", "132.00", "GBP"),
        ("S$132", "132.00", "SGD"),
        ("132 baht", "132.00", "THB"),
        ("NT$ 1.2 萬", "12000", "TWD"),
        ("NT$1.2萬 修好了", "12000", "TWD"),
        ("Rp. 450 ribu, selesai", "450000", "IDR"),
        ("Paid in HKD. 800 dollars total", "800.00", "HKD"),
        ("done, CAD. 80 dollars", "80.00", "CAD"),
        ("修好了 NT$. 4600元", "4600", "TWD"),
        ("done. US$. 132", "132.00", "USD"),
        ("idr 2000000000", "2000000000", "IDR"),
    ],
)
def test_money_of_another_kind_is_told_from_dollars(text: str, amount: str, currency: str) -> None:
    found = amount_in(text)
    assert found is not None and (str(found.amount), found.currency) == (amount, currency)


@pytest.mark.parametrize(
    ("text", "local", "language", "amount"),
    [
        ("修好了 4600元", "TWD", "zh-TW", "4600"),
        ("3000塊", "TWD", "zh-TW", "3000"),
        ("修好了 1.2萬", "TWD", "zh-TW", "12000"),
        ("修好了,花了 4,600", "TWD", "zh-TW", "4600"),
        ("直りました 15,000", "JPY", "ja", "15000"),
        ("¥15,000 でした", "JPY", "ja", "15000"),
        ("selesai 450 ribu", "IDR", "id", "450000"),
        ("selesai 2,5 juta", "IDR", "id", "2500000"),
        ("beres 75rb", "IDR", "id", "75000"),
        ("selesai 450.000", "IDR", "id", "450000"),
        ("listo 1.200,50", "EUR", "es", "1200.50"),
        ("listo, 350 pesos", "MXN", "es", "350.00"),
        ("listo 3 mil", "MXN", "es", "3000.00"),
        ("done 1,200", "USD", "en", "1200.00"),
        ("done 3k", "USD", "en", "3000.00"),
        ("listo 132.50", "USD", "es", "132.50"),
    ],
)
def test_a_bare_number_is_money_of_the_place(text: str, local: str, language: str, amount: str) -> None:
    assert amount_in(text, local=local, language=language) == Money(Decimal(amount), local)


@pytest.mark.parametrize(
    ("text", "local", "language"),
    [
        ("done $4,600", "TWD", "en"),  # 4,600 of ours, or of the other dollars?
        ("done 1.200", "USD", "en"),
        ("listo 1,200", "USD", "es"),
        ("done 1.200,50", "USD", "en"),
        ("selesai 4.500,5", "IDR", "id"),
        ("done 1.200,300", "USD", "en"),
        ("done $1,200,50", "USD", "en"),
        ("done 132,50", "USD", "en"),
        ("$ done 132", "USD", "en"),
        ("$80 filter, 20", "USD", "en"),
        ("20 done guest, $80", "USD", "en"),
        ("浴室 4 600元", "TWD", "zh-TW"),
        ("kamar 2 juta rupiah, 20", "IDR", "id"),
        ("kamar 2 Rp. 450.000 lunas", "IDR", "id"),
        ("450 ribu, bayar cash rp. 2 filter", "IDR", "id"),
        ("sudah dibayar dengan rp. 2 filter baru 450rb", "IDR", "id"),
        ("idr 2000000001", "IDR", "id"),
        ("done 1234567890123", "IDR", "id"),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked(text: str, local: str, language: str) -> None:
    assert amount_in(text, local=local, language=language) is None


@pytest.mark.parametrize(
    ("text", "local", "readings"),
    [
        ("beres, $30", "IDR", ["30.00 USD"]),
        *((f"selesai 450 {many}", "TWD", list[str]()) for many in ("ribu", "rb", "juta", "jt")),
        ("done $4,200.00", "TWD", ["4200 TWD", "4200.00 USD"]),
        ("done $1,200", "TWD", []),  # twelve hundred of ours; of the others, without a language, who knows
        ("hk$132 usd", "USD", []),
        ("$132 and $20", "USD", []),
    ],
)
def test_each_way_in_which_a_sum_can_be_meant(text: str, local: str, readings: list[str]) -> None:
    assert [f"{one.amount} {one.currency}" for one in readings_in(text, local=local)] == readings


@pytest.mark.parametrize(
    ("typed", "local", "language", "amount", "currency"),
    [
        ("4,600", "TWD", "zh-TW", "4600", "TWD"),
        ("4600", "TWD", "zh-TW", "4600", "TWD"),
        ("4600元", "TWD", "zh-TW", "4600", "TWD"),
        (" 4 600 元", "TWD", "zh-TW", None, ""),
        ("1.2 萬", "TWD", "zh-TW", "12000", "TWD"),
        ("us$ 132", "TWD", "zh-TW", "132.00", "USD"),
        ("USD 132.5", "TWD", "zh-TW", "132.50", "USD"),
        ("$132", "TWD", "zh-TW", None, ""),
        ("132 dollars", "TWD", "zh-TW", None, ""),
        ("us$ 100000.01", "TWD", "zh-TW", None, ""),
        ("450 ribu", "IDR", "id", "450000", "IDR"),
        ("450.000", "IDR", "id", "450000", "IDR"),
        ("1.200,50", "EUR", "es", "1200.50", "EUR"),
        ("1.200,50 €", "EUR", "es", "1200.50", "EUR"),
        ("1,200", "EUR", "es", None, ""),
        ("done 4600", "TWD", "zh-TW", None, ""),
        ("-4600", "TWD", "zh-TW", None, ""),
        ("", "TWD", "zh-TW", None, ""),
        ("4600" + " " * 40, "TWD", "zh-TW", "4600", "TWD"),
        ("about four thousand six hundred of them, I think", "TWD", "en", None, ""),
        ("4600元", "USD", "zh-TW", None, ""),
        ("4600 twd", "USD", "en", "4600", "TWD"),
        ("€ 1,200", "USD", "en", None, ""),  # whose thousands are they?
    ],
)
def test_a_field_for_an_amount_where_another_money_is_used(
    typed: str, local: str, language: str, amount: str | None, currency: str
) -> None:
    if amount is not None:
        found = parse_amount(typed, local, language)
        assert (str(found.amount), found.currency) == (amount, currency)
        return
    with pytest.raises(Refused) as refused:
        parse_amount(typed, local, language)
    code, more = ("amount_unclear", {}) if local == "USD" else ("amount_unclear_local", {"currency": local})
    assert (refused.value.code, refused.value.params) == (code, {"text": typed[:40]} | more)


@pytest.mark.parametrize(
    ("text", "language", "guess"),
    [
        ("1,200, done", "en", "1200.00"),
        ("1.200, listo", "es", "1200.00"),
        ("1,200, done", "", None),
        ("1.200,50 done", "en", None),
        ("100000, done", "en", "100000.00"),
        ("100001, done", "en", None),
    ],
)
def test_a_guess_is_read_as_the_language_writes_it(text: str, language: str, guess: str | None) -> None:
    assert guess_in(text, language=language) == (None if guess is None else Decimal(guess))


@pytest.mark.parametrize(
    ("text", "guess"),
    [
        ("132, done", "132.00"),
        ("204 完成", "204.00"),
        ("done 132", "132.00"),
        ("done in 20 min", None),
        ("left at 10", None),
        ("done 3000塊", None),
        ("done 14:30", None),
        ("done, 2 filters, 132", None),
        ("done", None),
        ("left 10", None),
        ("left: 10", None),
        ("10 left", None),
        ("guest done 132", "132.00"),
        ("132 done guest", "132.00"),
        ("132, 14:30", None),
        ("132 and 20", None),
        ("132 usd", None),
        ("done 3k", None),
        ("done 0912", None),
    ],
)
def test_a_number_alone_is_put_into_the_form_for_a_person_to_look_at(text: str, guess: str | None) -> None:
    assert guess_in(text) == (None if guess is None else Decimal(guess))


@pytest.mark.parametrize(
    "text", ["done " + " " * 40_000, "1" * 40_000, "1," * 20_000, "$" * 40_000, "千" * 40_000]
)
def test_long_texts_are_read_in_one_go(text: str) -> None:
    assert amount_in(text) is None


@pytest.mark.parametrize(
    "text",
    ["done", "Done 132", "T-1001 done, thanks!", "all done now", "listo, costó 132", "selesai kak", "sudah beres",
     "修好了", "T-1001 完成 132 usd", "都處理好了,謝謝", "直りました", "対応済みです", "完了しました", "✅ done"],
)  # fmt: skip
def test_these_say_that_it_is_done_and_nothing_else(text: str) -> None:
    assert says_done(text)


@pytest.mark.parametrize(
    "text",
    ["", "132", "ok", "thanks", "好", "it is", "not done", "done?", "is it done yet", "the towels are done and the AC leaks",
     "done at 14:30", "done 20 and 30", "done 20, 30", "done 14:30", "還沒好", "修好了又漏了", "belum selesai", "no está listo", "まだ直りません", "guest is done"],
)  # fmt: skip
def test_these_do_not(text: str) -> None:
    assert not says_done(text)


# --- of places with another money

TAIPEI, ITO, BALI, MADRID = ("TWD", "zh-TW"), ("JPY", "ja"), ("IDR", "id"), ("EUR", "es")


@pytest.mark.parametrize(
    ("at", "text", "amount", "currency"),
    [
        (TAIPEI, "修好了 日幣5,000元", "5000", "JPY"),
        (TAIPEI, "韓幣15000元", "15000", "KRW"),
        (TAIPEI, "泰銖500元", "500.00", "THB"),
        (TAIPEI, "新加坡幣 60元", "60.00", "SGD"),
        (TAIPEI, "$4200 hkd", "4200.00", "HKD"),
        (TAIPEI, "修好了,4600元", "4600", "TWD"),
        (TAIPEI, "0.46萬塊修好了", "4600", "TWD"),
        (ITO, "台湾ドル 4600", "4600", "TWD"),
        (ITO, "1.5万円で終わりました", "15000", "JPY"),
        (BALI, "30 dolar australia", "30.00", "AUD"),
        (BALI, "selesai 1,5 juta", "1500000", "IDR"),
        (BALI, "selesai Rp 500.000", "500000", "IDR"),
        (MADRID, "listo 1.200,50 euros", "1200.50", "EUR"),
    ],
)
def test_each_place_names_money_in_its_own_way(
    at: tuple[str, str], text: str, amount: str, currency: str
) -> None:
    assert amount_in(text, local=at[0], language=at[1]) == Money(Decimal(amount), currency)


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (TAIPEI, "修好了 1萬 5千元"),
        (TAIPEI, "修好了 每小時 800元 共4小時"),
        (TAIPEI, "修好了 訂金1000元 尾款3600"),
        (TAIPEI, "修好了 4600元 x 2台"),
        (TAIPEI, "修好了 客人付了500元"),
        (TAIPEI, "US 132元"),
        (TAIPEI, "4600~5000元"),
        (TAIPEI, "4 600元"),
        (TAIPEI, "NT$1萬 5千"),
        (TAIPEI, "修好了 0912345678"),
        (ITO, "1万 5000円"),
        (ITO, "8000円×2"),
        (ITO, "15,000円+税"),
        (BALI, "Rp1jt 250rb"),
        (BALI, "3 juta 500 ribu rupiah"),
        (BALI, "Rp450.000 + ongkir 20.000"),
        (BALI, "selesai 0812345678"),
        (MADRID, "1 mil 200 euros"),
        (MADRID, "85€50"),
        (MADRID, "85'50 euros"),
        (MADRID, "1 200,50 €"),
        (MADRID, "85 eur + iva 21%"),
        (("USD", "en"), "done, 60 usd per hour, 3 hours"),
        (("USD", "en"), "done, $80 deposit"),
    ],
)
def test_what_is_not_the_whole_bill_for_certain_is_asked(at: tuple[str, str], text: str) -> None:
    assert amount_in(text, local=at[0], language=at[1]) is None
