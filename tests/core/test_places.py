"""Which property a text names, in five languages, and which words only look like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.company.company import Company
from core.company.loader import load_company
from core.company.schema import CompanyFile, EscalationFile, Property, Step
from core.concepts import fold
from core.triage.places import Named, Places

HARBOUR = load_company(Path(__file__).parents[2] / "data" / "company")


def places(**names: list[str]) -> Places:
    """Properties by id, each with its name and then its aliases."""
    properties = [
        Property.model_validate(
            {
                "id": one, "name": name, "city": "c", "country": "US", "language": "en", "timezone": "UTC",
                "monthly_budget_usd": "1", "aliases": aliases,
            }
        )
        for one, (name, *aliases) in names.items()
    ]  # fmt: skip
    nothing = EscalationFile(default=[Step(who="founder", wait=30)])
    return Places(Company(CompanyFile(name="C"), properties, [], [], [], [], [], nothing))


def named(text: str, among: Places | None = None) -> str | None:
    found = (among or Places(HARBOUR)).find(fold(text))
    return found.property_id if found else None


@pytest.mark.parametrize(
    ("text", "property_id", "words"),
    [
        ("Warm Taipei 2BR: AC leaks", "warm_taipei_2br", "warm taipei 2br"),
        ("WARM TAIPEI", "warm_taipei_2br", "warm taipei"),
        ("溫暖台北主臥冷氣在漏水", "warm_taipei_2br", "溫暖台北"),
        ("温暖臺北の部屋", "warm_taipei_2br", "温暖臺北"),
        ("台北兩房沒有熱水", "warm_taipei_2br", "台北兩房"),
        ("台北 2房", "warm_taipei_2br", "台北 2房"),
        ("ウォームタイペイです", "warm_taipei_2br", "ウォームタイペイ"),
        ("Creekfront is dark", "creekfront_cabin", "creekfront"),
        ("クリークフロントで停電", "creekfront_cabin", "クリークフロント"),
        ("ヨセミテで停電", "creekfront_cabin", "ヨセミテ"),
        ("優勝美地停電了", "creekfront_cabin", "優勝美地"),
        ("se fue la luz en la cabaña", "creekfront_cabin", "la cabana"),
        ("the cabin is dark", "creekfront_cabin", "the cabin"),
        ("Reno, unit 5", "mtn_city_reno", "reno"),
        ("fuga en Reno", "mtn_city_reno", "reno"),
        ("リノで水漏れ", "mtn_city_reno", "リノ"),
        ("雷諾水管破了", "mtn_city_reno", "雷諾"),
        ("マウンテンシティで水漏れ", "mtn_city_reno", "マウンテンシティ"),
        ("伊東の家で水漏れ", "ito_stream_house", "伊東の家"),
        ("いとうです", "ito_stream_house", "いとう"),
        ("Ito Stream House", "ito_stream_house", "ito stream house"),
        ("vila Bali mampet", "bali_villa", "vila bali"),
        ("バリ島のトイレ", "bali_villa", "バリ島"),
        ("峇里島馬桶堵住", "bali_villa", "峇里島"),
        ("ＢＡＬＩ", "bali_villa", "bali"),
    ],
)
def test_a_property_is_named_by_alias_and_in_other_scripts(text: str, property_id: str, words: str) -> None:
    assert Places(HARBOUR).find(fold(text)) == Named(property_id, words)


@pytest.mark.parametrize(
    "text",
    [
        "", "the AC leaks", "冷氣漏水", "水漏れ", "AC bocor", "gotea el aire", "Taipei", "2BR", "mountain",
        "stream", "villa", "warm", "warm water in Taipei", "renovation", "prereno", "reno22", "itoh",
        "bitos", "Balikpapan", "リノベーション", "バリア", "メバリ",
    ],
)  # fmt: skip
def test_part_of_a_name_and_a_name_inside_a_word_name_nothing(text: str) -> None:
    assert named(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sea view garden house", "sea view garden house"),
        ("sea view", "sea view"),
        ("view garden", "view garden"),
        ("garden house", "garden house"),
        ("view garden house", "view garden house"),
        ("the annex", "annex"),
        ("sea house", None),
        ("sea garden", None),
        ("sea", None),
        ("house", None),
    ],
)
def test_a_property_is_named_by_words_of_its_name_that_stand_together(text: str, words: str | None) -> None:
    found = places(a=["Sea View Garden House", "Annex"]).find(fold(text))
    assert (found.words if found else None) == words


@pytest.mark.parametrize(
    "text",
    ["sea view", "Sea  View", "sea-view", "sea - view", "sea, view", "sea ,view", "seaview", "SEA\tVIEW"],
)
def test_between_the_words_of_a_name_may_stand_a_space_a_hyphen_a_comma_or_nothing(text: str) -> None:
    assert named(text, places(a=["Sea View"])) == "a"


@pytest.mark.parametrize("text", ["sea/view", "sea. view", "sea--view", "sea\u30fbview"])
def test_other_signs_between_them_are_passed_over_as_in_a_misspelling(text: str) -> None:
    assert places(a=["Sea View"]).find(text) == Named("a", "sea view")


@pytest.mark.parametrize("text", ["sea and view", "view sea", "sea", "seaviews", "seav iew"])
def test_another_word_between_them_and_another_order_end_the_name(text: str) -> None:
    assert named(text, places(a=["Sea View"])) is None


@pytest.mark.parametrize(
    ("text", "property_id"),
    [
        ("sea view", "a"),
        ("hill view", "b"),
        ("view house", None),
        ("view house, sea view house", "a"),
        ("annex", None),
        ("lodge", "b"),
    ],
)
def test_a_name_that_fits_two_properties_names_neither(text: str, property_id: str | None) -> None:
    two = places(a=["Sea View House", "Annex"], b=["Hill View House", "Annex", "Lodge"])
    assert named(text, two) == property_id


@pytest.mark.parametrize(
    ("text", "property_id"),
    [
        ("Reno and Bali", "mtn_city_reno"),
        ("Bali and Reno", "bali_villa"),
        ("Ito, Reno", "mtn_city_reno"),
        ("Reno or Warm Taipei", "warm_taipei_2br"),
        ("Bali, Yosemite, Reno", "creekfront_cabin"),
        ("not Reno but Ito", "ito_stream_house"),
        ("Mr. Ito is in Bali", "bali_villa"),
    ],
)
def test_of_several_names_the_longest_counts_and_of_equals_the_first(text: str, property_id: str) -> None:
    assert named(text) == property_id


@pytest.mark.parametrize(
    "text",
    [
        "not Reno", "it is not at Reno", "not in Reno", "not the Reno", "it isn't Reno", "it isn't at Reno",
        "it isn't in Reno", "no Reno", "no es Reno", "no es en Reno", "no en Reno", "no la Reno",
        "no es el Reno", "no era Reno", "no es de Reno", "bukan Bali", "bukan di Bali", "bukan yang Bali",
        "instead of Reno", "rather than Reno", "不是溫暖台北", "並非溫暖台北", "別是溫暖台北", "非溫暖台北",
        "不是 溫暖台北", "伊東じゃない", "伊東ではない", "伊東じゃありません", "伊東ではありません",
        "伊東でなく", "伊東じゃなく", "伊東 じゃない", "伊東のことではない", "not creekfront",
        "not creekfornt",
    ],
)  # fmt: skip
def test_a_property_that_the_writer_denies_is_not_it(text: str) -> None:
    assert named(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "Mr Ito", "Mr. Ito", "Mrs Ito", "Ms Ito", "Miss Ito", "Dr. Ito", "Sr. Ito", "Sra Ito", "Srta. Ito",
        "don Ito", "doña Ito", "señor Ito", "señora Ito", "Pak Ito", "Bu Ito", "Ibu Ito", "Bli Ito",
        "Kak Ito", "mas Ito", "Mbak Ito", "a man named Ito", "a man called Ito", "Jl. Bali", "jln Bali",
        "Jalan Bali", "calle Reno", "avenida Reno", "av. Reno", "mr creekfornt", "伊東さん", "伊東様",
        "いとうさま", "伊東くん", "伊東ちゃん", "伊東氏", "伊東先生", "伊東小姐", "伊東太太", "伊東桑",
        "伊東通り", "雷諾路", "雷諾街", "伊東水電", "伊東電機", "伊東設備", "伊東工業", "伊東水道",
        "伊東鎖店", "Reno the plumber", "Reno the electrician", "Reno the driver", "Reno the handyman",
        "Reno Plumbing", "Reno Hardware", "Reno Electric", "Reno Electrical", "Reno HVAC", "Reno Heating",
        "Reno Street", "Reno St", "Reno Ave", "Reno Avenue", "Reno Road", "Reno Rd", "Reno Blvd",
        "Reno Drive", "Reno Supply", "Reno Service", "Reno Services", "Reno Airport", "Reno Restaurant",
        "Bali Cafe", "Reno Brewery", "Reno Times", "Reno Casino", "creekfornt plumbing",
    ],
)  # fmt: skip
def test_a_person_a_street_and_a_firm_of_that_name_are_not_it(text: str) -> None:
    assert named(text) is None


@pytest.mark.parametrize(
    ("text", "property_id"),
    [
        ("not now. Reno leaks", "mtn_city_reno"),
        ("no, Reno", "mtn_city_reno"),
        ("knot Reno", "mtn_city_reno"),
        ("no hay agua en Reno", "mtn_city_reno"),
        ("不是漏水,溫暖台北停電", "warm_taipei_2br"),
        ("Mr. Wang, Ito", "ito_stream_house"),
        ("hammer Ito", "ito_stream_house"),
        ("Reno plumber needed", "mtn_city_reno"),
        ("Reno, street side", "mtn_city_reno"),
        ("Reno stairs", "mtn_city_reno"),
        ("Reno: plumbing", "mtn_city_reno"),
        ("伊東の水道", "ito_stream_house"),
        ("伊東 さん", "ito_stream_house"),
        ("台北兩房,不是漏水", "warm_taipei_2br"),
        ("伊東で水が出ない", "ito_stream_house"),
    ],
)
def test_such_words_elsewhere_in_the_text_do_not_take_a_name_away(text: str, property_id: str) -> None:
    assert named(text) == property_id


LOFT = {"a": ["Sea View", "the loft"], "b": ["Hill View", "Barn"]}


@pytest.mark.parametrize(
    ("text", "property_id"),
    [
        ("the loft is dark", "a"),
        ("loft is dark", None),
        ("loftで停電", "a"),
        ("loft停電了", "a"),
        ("不是loft", None),
        ("loftさん", None),
        ("lofts停電", None),
        ("barnとloft", "b"),
        ("loft loft, the loft 停電", "a"),
        ("cabinで停電", None),
    ],
)
def test_in_a_chinese_or_japanese_text_a_name_needs_no_article(text: str, property_id: str | None) -> None:
    assert named(text, places(**LOFT)) == property_id


@pytest.mark.parametrize("alias", ["the loft", "la loft", "el loft", "los loft", "las loft"])
def test_each_language_has_its_articles(alias: str) -> None:
    assert named("loft停電", places(a=["Sea View", alias])) == "a"
    assert named("loft dark", places(a=["Sea View", alias])) is None


def test_a_name_of_its_own_goes_before_one_without_its_article() -> None:
    two = places(a=["Sea View", "the loft"], b=["Hill View", "loft"])
    assert named("loft停電", two) == "b"
    assert named("the loft停電", two) == "a"


def test_of_several_bare_names_the_longest_counts() -> None:
    two = places(a=["Sea View", "the loft"], b=["Hill View", "the garden loft"])
    assert two.find("loftかgardenloft") == Named("b", "gardenloft")


SPELT = {
    "long": ["Name One", "Sunnyside"],
    "eight": ["Name Two", "Bridgend"],
    "four": ["Name Three", "Dune"],
    "two": ["Name Four", "Harbor Light"],
    "short": ["Name Five", "Fir Hut"],
    "half": ["Name Six", "Abe Lodge"],
}


@pytest.mark.parametrize(
    ("text", "property_id"),
    [
        ("sunnysid", "long"),
        ("sunyside", "long"),
        ("snunyside", "long"),
        ("snunysdie", "long"),
        ("sunysid", "long"),
        ("sunnysideab", "long"),
        ("sunnysideabc", None),
        ("sunys", None),
        ("sxnxyxide", None),
        ("bridgen", "eight"),
        ("brigdend", "eight"),
        ("bridgxnd", "eight"),
        ("bridge", None),
        ("bridgxnx", None),
        ("bridgendab", None),
        ("duned", "four"),
        ("dunxe", "four"),
        ("dun", None),
        ("duns", None),
        ("dunxex", None),
        ("harbour light", "two"),
        ("harbor lihgt", "two"),
        ("harbur ligth", "two"),
        ("harbor", None),
        ("harbur", None),
        ("harbor lit", None),
        ("harbxx light", None),
        ("light harbr", None),
        ("fir hutt", None),
        ("firr hut", None),
        ("fit hut", None),
        ("fri hut", None),
        ("abe lodgee", "half"),
        ("abe lodg", "half"),
        ("abel lodge", None),
        ("ab lodge", None),
        ("zunnyside", None),
        ("xsunnyside", None),
        ("s unnyside", None),
        ("there, sunnysid, is dark", "long"),
        ("bridgen or sunnysid", "eight"),
        ("sunnysid or bridgen", "long"),
        ("we are at harbr lihgt", "two"),
        ("sunnysid or dune", "four"),
    ],
)
def test_an_obvious_misspelling_is_understood_and_the_longer_the_word_the_more_of_it(
    text: str, property_id: str | None
) -> None:
    assert named(text, places(**SPELT)) == property_id


def test_of_two_names_that_a_misspelling_is_near_to_the_longer_counts() -> None:
    two = places(a=["Name One", "grant hill"], b=["Name Two", "grand hill lodge"])
    assert named("granx hill lodge", two) == "b"
    assert named("granx hill", two) == "a"


def test_a_longer_name_with_the_same_beginning_does_not_hide_a_misspelling() -> None:
    assert named("sunnysid", places(a=["Name One", "Summerhouses"], b=["Name Two", "Sunnyside"])) == "b"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("at Harbr-lihgt now", "harbr lihgt"),
        ("Sunnysid!", "sunnysid"),
    ],
)
def test_of_a_misspelling_the_words_are_kept_as_they_were_written(text: str, words: str) -> None:
    found = places(**SPELT).find(fold(text))
    assert found is not None
    assert found.words == words


@pytest.mark.parametrize(
    "word",
    [
        "rent", "rental", "rents", "balik", "balin", "balikin", "balon", "bales", "reino", "renta", "reniega",
        "remo", "banco", "cabana", "cabins", "balita", "basin", "their", "these", "there", "ballo", "bald",
        "bale", "balls",
    ],
)  # fmt: skip
def test_a_word_of_its_own_is_no_misspelling_of_a_name(word: str) -> None:
    one_letter_away = places(a=["Name One", f"{word[:-1]}x lodge"])
    assert named(f"{word} lodge", one_letter_away) is None
    assert named(f"{word[:-1]}y lodge", one_letter_away) == "a"
    assert named(f"{word} bocor") is None


@pytest.mark.parametrize("text", ["the cabins", "their cabin", "these cabin", "there cabin", "una cabana"])
def test_words_near_an_article_or_a_cabin_are_no_misspelling_either(text: str) -> None:
    assert named(text) is None


@pytest.mark.parametrize(("before", "property_id"), [(1993, "short"), (1994, None), (3000, None)])
def test_misspellings_are_looked_for_in_the_first_two_thousand_characters(
    before: int, property_id: str | None
) -> None:
    filler = ("ab " * 1000)[: before - 1] + " "
    assert named(f"{filler}fir/hut", places(**SPELT)) == property_id
    assert named(f"{filler}fir hut", places(**SPELT)) == "short"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("the AC at Reno leaks", "the ac at   leaks"),
        ("台北兩房主臥冷氣漏水", " 主臥冷氣漏水"),
        ("Reno and Bali", "  and  "),
        ("Mr. Ito", "mr.  "),
        ("Mountain City Reno 5", "  5"),
        ("Mountain City, door 5", " , door 5"),
        ("Warm Taipei leaks", "  leaks"),
        ("warm-taipei 2br leaks", "  leaks"),
        ("伊東で水漏れ", " で水漏れ"),
        ("伊東の家で水漏れ", " で水漏れ"),
        ("renovation", "renovation"),
        ("creekfornt", "creekfornt"),
        ("", ""),
    ],
)
def test_the_names_can_be_taken_out_of_a_text(text: str, masked: str) -> None:
    assert Places(HARBOUR).masked(fold(text)) == masked


def test_a_company_without_properties_finds_none_and_takes_nothing_out() -> None:
    assert places().find("reno 台北") is None
    assert places().masked("reno 台北") == "reno 台北"
