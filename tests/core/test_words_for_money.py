"""Each word by which people name a money, say that something is done, or that a number is not the whole bill. Written down
here once more, so that none is lost from the lists by a slip."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.amounts import amount_in, readings_in, says_done
from core.money import Money

MONEYS = {
    "USD": "us$ u$s usd 美元 美金 美刀 米ドル dolar_as dolar_amerika ドル dollar dollars buck bucks dolar dólar dolares dólares $",
    "TWD": "nt$ ntd twd 新台幣 新臺幣 台幣 臺幣 台币 台湾ドル",
    "HKD": "hk$ hkd 港幣 港币 港元 港紙 香港ドル dolar_hong_kong dólar_de_hong_kong",
    "SGD": "s$ sgd 新加坡幣 新加坡元 新幣 坡幣 シンガポールドル dolar_singapura dólar_de_singapur",
    "AUD": "au$ a$ aud 澳幣 澳币 澳元 豪ドル オーストラリアドル dolar_australia dólar_australiano",
    "CAD": "ca$ c$ cad",
    "NZD": "nz$ nzd",
    "MXN": "mx$ mxn",
    "BRL": "r$ brl reais",
    "JPY": "jpy 円 日圓 日元 日幣 日币 日円 yen",
    "CNY": "cny rmb 人民幣 人民币 人民元",
    "IDR": "idr rp rupiah",
    "EUR": "€ eur euro euros 歐元 ユーロ",
    "GBP": "£ gbp 英鎊",
    "THB": "฿ thb baht 泰銖 泰铢 泰幣 バーツ",
    "KRW": "₩ krw 韓元 韓圜 韓幣 韩币 ウォン won",
    "INR": "₹ inr rupee rupees",
    "PHP": "₱ php",
    "VND": "₫ vnd",
    "CHF": "chf",
    "MYR": "myr ringgit 馬幣 令吉",
}


def words(said: str) -> list[str]:
    return [one.replace("_", " ") for one in said.split()]


@pytest.mark.parametrize(
    ("word", "currency"), [(word, currency) for currency, said in MONEYS.items() for word in words(said)]
)
def test_a_money_by_its_name(word: str, currency: str) -> None:
    assert amount_in(f"3000 {word}", local="USD") == Money(Decimal(3000), currency)


@pytest.mark.parametrize(
    ("word", "local"),
    [
        *((word, local) for word in words("元 塊錢 块钱 塊 块") for local in ("TWD", "CNY", "HKD")),
        *(("圓", local) for local in ("JPY", "TWD", "HKD")),
        *(("¥", local) for local in ("JPY", "CNY")),
        *((word, local) for word in ("peso", "pesos") for local in ("MXN", "PHP")),
        *(("$", local) for local in ("USD", "TWD", "HKD", "SGD", "AUD", "CAD", "NZD", "MXN")),
        *(
            (word, local)
            for word in ("dollar", "dollars", "buck", "bucks")
            for local in ("USD", "HKD", "SGD", "AUD", "CAD", "NZD")
        ),
    ],
)
def test_a_sign_that_several_share_is_that_of_the_place(word: str, local: str) -> None:
    assert Money(Decimal(3000), local) in readings_in(f"3000 {word}", local=local)


@pytest.mark.parametrize(
    ("said", "local", "amount"),
    [
        ("3萬元", "TWD", 30_000),
        ("3万円", "JPY", 30_000),
        ("3千元", "TWD", 3_000),
        ("30k rupiah", "IDR", 30_000),
        ("30 ribu", "IDR", 30_000),
        ("30 rb", "IDR", 30_000),
        ("30rb", "IDR", 30_000),
        ("3 juta", "IDR", 3_000_000),
        ("3 jt", "IDR", 3_000_000),
        ("3jt", "IDR", 3_000_000),
        ("3 mil pesos", "MXN", 3_000),
    ],
)
def test_thousands_and_more_in_words(said: str, local: str, amount: int) -> None:
    assert amount_in(said, local=local) == Money(Decimal(amount), local)


@pytest.mark.parametrize(
    "word",
    words(
        "complete completed done finished fixed repaired resolved solved sorted beres diperbaiki kelar rampung selesai "
        "arreglado arreglada hecho listo lista reparado reparada resuelto terminado 修好 弄好 換好 好了 完成 搞定 處理完 處理好 "
        "解決 解决 做完 結案 直りました 直った 直しました 修理完了 完了 終わりました 終わった 終了 済みました 対応済み できました"
    ),
)
def test_a_word_that_says_that_it_is_done(word: str) -> None:
    assert says_done(word)
    assert amount_in(f"{word} 3000") == Money(Decimal(3000), "USD")


@pytest.mark.parametrize(
    "word",
    words(
        "all already and_it bill charge closed cost costs everything for free_of_charge in_all in_total is it job just now "
        "only paid price ready that the total was working works biaya biayanya bayar habis kena oke ok okay sdh semua sudah "
        "totalnya udah udh costo costó cuesta esta está en_total fue fueron por quedo quedó son todo ya 好 處理 处理 完 已經 已 "
        "都 全部 花 花費 費用 收費 付 總共 一共 共 合計 是 了 修理 済み 済 対応 しました 費用 代金 全部で は で "
        "thanks thank_you thx please makasih terima_kasih kak pak bu gracias 謝謝 谢谢 感謝 です でした ね よ "
        "ありがとうございます ありがとうございました ありがとう"
    ),
)
def test_a_word_that_may_stand_beside_it(word: str) -> None:
    assert says_done(f"done {word}")


@pytest.mark.parametrize(
    "more",
    [
        *words(
            "每 時薪 小時 時給 毎時 訂金 定金 尾款 頭款 頭期 手付 残金 前金 內金 稅 税 運費 送料 客人付 房客付 お客様が払 ゲストが払 "
            "per each hourly deposit down_payment balance tax vat shipping guest_paid tenant_paid per_jam sejam uang_muka dp "
            "sisa pajak ppn ongkir tamu_bayar tamu_sudah_bayar por_hora cada anticipo seña resto iva impuesto envío "
            "el_huésped_pagó la_huésped_pagó"
        ),
        "+",
        "x 2",
        "~ 2",
        "* 2",
        "× 2",
    ],
)
def test_what_says_that_it_is_not_the_whole_bill(more: str) -> None:
    assert readings_in("3000 usd") and readings_in(f"3000 usd {more}") == ()
