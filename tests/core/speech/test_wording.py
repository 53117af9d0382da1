"""What becomes of an engine's words, and which language they are taken to be in. Pure."""

from __future__ import annotations

import re

import pytest

from core.model import LANGUAGES
from core.speech.spoken import hint, house_code, prompt_for, whisper_code
from core.speech.wording import invented, kept, traditional
from core.speech.worker import likeliest
from tests.voice.phrases import LANGUAGES as WHISPERED
from tests.voice.phrases import TOPICS, written

INVENTED = [
    "Thanks for watching!",
    "Thank you for watching and see you next time.",
    "Please subscribe to my channel.",
    "Subtitles by the Amara.org community",
    "[Music]",
    "(applause)",
    "♪♪♪",
    "...",
    "字幕由Amara.org社区提供",
    "謝謝大家的觀看",
    "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
    "中文字幕志願者 李宗盛",
    "ご視聴ありがとうございました",
    "最後までご視聴いただきありがとうございます。",
    "チャンネル登録をお願いいたします",
    "Terima kasih telah menonton!",
    "Terima kasih karena telah menonton.",
    "Jangan lupa like, share dan subscribe",
    "Subtítulos realizados por la comunidad de Amara.org",
    "¡Suscríbete al canal!",
    "Gracias por ver el video.",
]
POLITE = ["Thank you.", "謝謝", "ありがとうございました", "Terima kasih", "Gracias", "Bye bye", "you"]
SAID = [
    "Thank you, the plumber has come.",
    "The guest is watching TV and thanks us for it",
    "謝謝你,水電師傅到了",
    "見てください、水が漏れています",
    "高評価のお客様が怒っています",
    "Terima kasih, tukangnya sudah datang",
    "Gracias, ya llegó el técnico",
    "Subtitles on the TV do not work",
    "The code is 00 00 00 00",
]


@pytest.mark.parametrize("text", INVENTED)
def test_what_whisper_learnt_under_films_is_dropped_however_sure_it_is(text: str) -> None:
    assert invented(text, 0.0, 0.0)
    assert kept([(text, 0.0, -0.1)]) == ""


@pytest.mark.parametrize("text", POLITE)
def test_politeness_stays_unless_the_model_doubts_that_anybody_spoke(text: str) -> None:
    assert kept([(text, 0.05, -0.2)]) == text
    assert kept([(text, 0.5, -0.2)]) == ""
    assert kept([(text, 0.05, -0.9)]) == ""


@pytest.mark.parametrize("text", [*SAID, *(written(n, one) for n in range(len(TOPICS)) for one in WHISPERED)])
def test_what_people_say_stays_as_it_is(text: str) -> None:
    assert kept([(text, 0.4, -0.6)]) == text


def test_words_that_the_model_does_not_believe_are_dropped() -> None:
    assert kept([("The AC is leaking.", 0.7, -1.2)]) == ""
    assert kept([("The AC is leaking.", 0.7, -0.4)]) == "The AC is leaking."


def test_a_stock_phrase_at_the_end_goes_and_the_rest_stays() -> None:
    segments = [(" The wifi is down.", 0.1, -0.2), (" Thanks for watching!", 0.2, -0.3)]
    assert kept(segments) == "The wifi is down."


def test_a_loop_is_said_once() -> None:
    assert kept([(" Water is dripping." * 30, 0.1, -0.2)]) == "Water is dripping."
    assert kept([("水が落ちています。" * 9, 0.1, -0.2)]) == "水が落ちています。"
    assert kept([(" you" * 40, 0.1, -0.2)]) == ""
    assert kept([(" Thanks", 0.0, 0.0), (" for", 0.0, 0.0), (" watching", 0.0, 0.0)]) == ""


def test_chinese_is_written_as_in_taiwan() -> None:
    assert (
        traditional("台北的冷气坏了,水滴到插座旁边,这里没有热水")
        == "台北的冷氣壞了,水滴到插座旁邊,這裡沒有熱水"
    )
    assert traditional("卫生间在漏水") == "衛生間在漏水"


@pytest.mark.parametrize(
    "text", ["台北兩房的冷氣干擾到隔壁", "廁所的磁磚裂了", *(topic["zh"][0] for topic in TOPICS)]
)
def test_what_is_in_traditional_script_already_is_left_alone(text: str) -> None:
    assert traditional(text) == text


def test_the_speakers_languages_bound_what_may_have_been_spoken() -> None:
    assert hint(("zh-TW", "en"), 8.0) == (("zh-TW", "en"), False)
    assert hint(("zh-TW", "en"), 2.9) == (("zh-TW", "en"), True)
    assert hint(("ja",), 8.0) == (("ja",), True)
    assert hint(("fr",), 8.0) == (LANGUAGES, False)
    assert hint((), 1.0) == (LANGUAGES, False)


def test_the_most_probable_of_the_possible_languages_is_taken() -> None:
    shares = [("ko", 0.6), ("ja", 0.25), ("zh", 0.1), ("en", 0.05)]
    assert likeliest(shares, ["zh", "en"]) == "zh"
    assert likeliest(shares, ["ja", "en"]) == "ja"
    assert likeliest([], ["id", "en"]) == "id"


@pytest.mark.parametrize(
    ("told", "text", "language"),
    [
        ("zh", "", "zh-TW"),
        ("zh-CN", "", "zh-TW"),
        ("chinese", "", "zh-TW"),
        ("ms", "", "id"),
        ("Indonesian", "", "id"),
        ("ko", "冷氣在漏水,客人在生氣", "zh-TW"),
        (None, "お湯が出ません", "ja"),
        (None, "the wifi is down", "es"),
    ],
)
def test_what_engines_call_a_language_gets_the_houses_name(
    told: str | None, text: str, language: str
) -> None:
    assert house_code(told, text, ("es", "zh-TW")) == language


def test_only_who_surely_speaks_chinese_gets_the_chinese_prompt() -> None:
    prompt = prompt_for(("zh-TW",), True)
    assert prompt is not None
    assert re.fullmatch(r"[\u4e00-\u9fff。]{1,10}", prompt)
    assert prompt_for(("zh-TW", "en"), False) is None
    assert prompt_for(("en", "zh-TW"), True) is None
    assert [whisper_code(one) for one in LANGUAGES] == ["en", "zh", "ja", "id", "es"]
