"""The forty phrases that the tiny model of these tests knows: eight topics in five languages, said by espeak-ng."""

from __future__ import annotations

from typing import Final

# By Whisper's code: what is written, and what espeak-ng is given to say where it cannot read that.
TOPICS: Final[list[dict[str, tuple[str, ...]]]] = [
    {
        "en": (
            "The AC in the main bedroom is leaking, water is dripping next to the outlet, the guest is angry, who do I call?",
        ),
        "zh": ("主臥冷氣在漏水,水滴到插座旁邊,客人在生氣,要找誰?",),
        "ja": (
            "主寝室のエアコンが水漏れして、コンセントのそばに水が落ちています。お客様が怒っています。誰に連絡しますか?",
            "しゅしんしつの エアコンが みずもれ して、コンセントの そばに みずが おちて います。おきゃくさまが おこって います。だれに れんらく しますか？",
        ),
        "id": (
            "AC kamar utama bocor, airnya menetes di dekat stopkontak, tamunya marah, siapa yang harus dihubungi?",
        ),
        "es": (
            "El aire del dormitorio principal gotea, cae agua junto al enchufe, el huésped está enojado, ¿a quién llamo?",
        ),
    },
    {
        "en": ("The guest cannot open the door, the code does not work.",),
        "zh": ("客人打不開門,密碼沒有用。",),
        "ja": (
            "お客様がドアを開けられません。暗証番号が使えません。",
            "おきゃくさまが ドアを あけられません。あんしょう ばんごうが つかえません。",
        ),
        "id": ("Tamu tidak bisa membuka pintu, kodenya tidak berfungsi.",),
        "es": ("El huésped no puede abrir la puerta, el código no funciona.",),
    },
    {
        "en": ("There is no hot water in the shower.",),
        "zh": ("浴室沒有熱水。",),
        "ja": ("シャワーのお湯が出ません。", "シャワーの おゆが でません。"),
        "id": ("Tidak ada air panas di kamar mandi.",),
        "es": ("No hay agua caliente en la ducha.",),
    },
    {
        "en": ("The wifi is down, please restart the router.",),
        "zh": ("網路斷線了,請重開路由器。",),
        "ja": (
            "ワイファイがつながりません。ルーターを再起動してください。",
            "ワイファイが つながりません。ルーターを さいきどう して ください。",
        ),
        "id": ("Wifi mati, tolong nyalakan ulang routernya.",),
        "es": ("El wifi no funciona, por favor reinicia el router.",),
    },
    {
        "en": ("The cleaner has not arrived yet, check-in is at three.",),
        "zh": ("清潔人員還沒到,三點要入住。",),
        "ja": (
            "清掃スタッフがまだ来ていません。チェックインは三時です。",
            "せいそう スタッフが まだ きて いません。チェックインは さんじ です。",
        ),
        "id": ("Petugas kebersihan belum datang, check-in jam tiga.",),
        "es": ("La persona de limpieza no ha llegado, la entrada es a las tres.",),
    },
    {
        "en": ("The toilet is blocked, please send a plumber.",),
        "zh": ("馬桶堵住了,請派水電師傅來。",),
        "ja": (
            "トイレが詰まりました。業者を呼んでください。",
            "トイレが つまりました。ぎょうしゃを よんで ください。",
        ),
        "id": ("Toilet mampet, tolong kirim tukang ledeng.",),
        "es": ("El inodoro está atascado, envía un fontanero por favor.",),
    },
    {
        "en": ("We need more towels and toilet paper.",),
        "zh": ("毛巾和衛生紙不夠了。",),
        "ja": ("タオルとトイレットペーパーが足りません。", "タオルと トイレット ペーパーが たりません。"),
        "id": ("Handuk dan tisu toilet kurang.",),
        "es": ("Faltan toallas y papel higiénico.",),
    },
    {
        "en": ("Yes, approve it and send the vendor now.",),
        "zh": ("可以,批准,現在就派人去。",),
        "ja": (
            "はい、承認します。今すぐ業者を送ってください。",
            "はい、しょうにん します。いますぐ ぎょうしゃを おくって ください。",
        ),
        "id": ("Ya, setuju, kirim teknisinya sekarang.",),
        "es": ("Sí, aprobado, manda al técnico ahora.",),
    },
]
LANGUAGES: Final = ("zh", "ja", "id", "es", "en")
SPACED: Final = {"id", "es", "en"}


def written(topic: int, language: str) -> str:
    return TOPICS[topic][language][0]


def spoken(topic: int, language: str) -> str:
    return TOPICS[topic][language][-1]
