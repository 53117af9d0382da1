"""What a person wrote is never waved away: beside "it is done", in a script nobody here reads, as signs without words."""

from __future__ import annotations

import pytest

from tests.world import World


@pytest.mark.parametrize(
    ("person", "text", "category"),
    [
        ("haru", "伊東の家、配管から水漏れ。ゲストには連絡済みです", "plumbing_leak"),
        ("haru", "伊東の家、洗面台の配管から水漏れしています。元栓は閉め済みです", "plumbing_leak"),
        ("haru", "伊東の家、エアコンが動きません。写真は送信済みです", "hvac_failure"),
        ("shirley", "Warm Taipei 馬桶堵住了,已經跟客人道歉,麻煩找水電", "plumbing_blockage"),
        ("miguel", "Creekfront: toilet is blocked again, the last repair is done but it did not hold", "plumbing_blockage"),
        ("miguel", "La cabaña: el inodoro está atascado, ya está aprobado por Ben, manden al plomero", "plumbing_blockage"),
    ],
)  # fmt: skip
async def test_a_problem_beside_something_that_is_done_is_filed(
    world: World, person: str, text: str, category: str
) -> None:
    await world.says(person, text)
    (ticket,) = await world.tickets()
    assert (ticket["category"], ticket["severity"] > 1) == (category, True)


@pytest.mark.parametrize(
    ("person", "text"),
    [
        ("miguel", "Creekfront: the toilet is fixed, thanks"),
        ("haru", "伊東の家、水漏れは直りました。ありがとうございます"),
        ("shirley", "Warm Taipei 馬桶修好了,謝謝"),
        ("miguel", "Creekfront: el inodoro ya está arreglado, gracias"),
        ("celine", "vila Bali: wastafel sudah beres, terima kasih"),
    ],
)
async def test_what_is_only_done_opens_nothing(world: World, person: str, text: str) -> None:
    await world.says(person, text)
    assert await world.tickets() == []


@pytest.mark.parametrize(
    "text",
    [
        "집에 불이 났어요! 도와주세요",
        "ไฟไหม้บ้าน ช่วยด้วย",
        "حريق في الفيلا، في أشخاص محاصرون",
        "Пожар на кухне, помогите!",
        "घर में आग लग गई",
    ],
)
async def test_a_script_that_nobody_here_reads_goes_to_a_person_and_asks_about_danger(
    world: World, text: str
) -> None:
    await world.says("haru", text)
    (ticket,) = await world.tickets()
    assert ticket["reports"][0]["raw_input"] == text
    buttons = {one["label"] for card in await world.cards("haru") for one in card.card["buttons"]}
    questions = {str(one) for card in await world.cards("haru") for one in card.card.get("questions", ())}
    assert any("危険" in one for one in buttons | questions)


@pytest.mark.parametrize(
    "text", ["집에 불이 났어요 fire!", "ไฟไหม้บ้าน gas leak ช่วยด้วย", "집에 불이 났어요 火事です"]
)
async def test_a_danger_in_one_of_our_words_counts_among_strange_letters(world: World, text: str) -> None:
    await world.says("haru", text)
    (ticket,) = await world.tickets()
    assert ticket["severity"] == 5


@pytest.mark.parametrize("text", ["\x00\x01\x02", "\x07\x01", "\u200b\u200d", " \n\t"])
async def test_signs_without_words_are_no_report(world: World, text: str) -> None:
    await world.says("haru", text)
    assert await world.tickets() == []


@pytest.mark.parametrize(
    "text",
    [
        "From now on plumbing at Creekfront up to 300 USD needs no asking",
        "以後 Warm Taipei 冷氣 200 以下不用問我",
        "今後、伊東の家の水漏れは300ドルまで確認不要です",
        "A partir de ahora, plomería en la cabaña hasta 300 USD sin preguntar",
        "Mulai sekarang AC di vila Bali sampai 100 USD tidak perlu tanya saya",
        "Don't ask me about plumbing below 200 anymore",
        "You can approve AC repairs at Reno under 200 by yourself",
    ],
)
async def test_how_things_shall_be_from_now_on_is_no_fault_and_sends_nobody(world: World, text: str) -> None:
    await world.says("ben", text)
    assert await world.tickets() == []
    assert await world.texts("ben"), "it is answered"
