"""What becomes of an engine's words before anybody reads them: nothing invented stays, Chinese is in traditional script.

Whisper fills silence and noise with what it saw most often under films: thanks for watching, names of subtitlers."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opencc import OpenCC

DOUBTFUL_SILENCE: Final = 0.6
DOUBTFUL_WORDS: Final = -1.0
"""Whisper's own thresholds: more likely no speech, and words it hardly believes in itself (a mean log probability)."""
DOUBTED_POLITE: Final = (0.3, -0.7)
"""The same for what is mostly invented: a smaller doubt is enough."""

_LOOP: Final = re.compile(r"((?![\d\s]).{2,80}?)(?:[\s,.!?、。,!?]*\1){3,}", re.DOTALL)
"""The same words four times over: nobody reports a leak like that, and a model that is stuck always does."""
_ASIDE: Final = re.compile(r"\A\s*(\[.*\]|\(.*\)|（.*）|【.*】|♪.*|\*.*\*)\s*", re.DOTALL)
"""[Music], (applause): what a subtitler writes beside the words."""

# As they stand after `_bare`: small letters, digits and signs only.
_STOCK: Final = re.compile(
    "|".join(
        (
            # English
            r"(thank you|thanks)( (so|very) much)? for (watching|listening|your attention).{0,40}",
            r"(please )?(like and )?subscribe( to (my|our|the) channel)?.{0,30}",
            r"see you in the next video",
            r"(subtitles|captions|transcribed|transcription|translated)( by| provided by).{0,60}",
            # Chinese, both scripts
            r"(谢谢|謝謝|感谢|感謝)(大家|您|你|各位)?(的)?(观看|觀看|收看|收听|收聽|聆听|聆聽).{0,12}",
            r"(请|請)?不吝(点赞|點讚|點贊).{0,40}",
            r"(请|請)?(订阅|訂閱).{0,30}(频道|頻道|转发|轉發|打赏|打賞|点赞|點讚).{0,30}",
            r"(中文)?字幕(由|by|志愿者|志願者|製作|制作|提供).{0,40}",
            r"(本)?字幕.{0,30}(社群|社区|社區|提供|製作|制作|amara).{0,20}",
            r"(明镜|明鏡)(需要您的支持|与点点栏目|與點點欄目).{0,40}",
            r"(由)?amara(org)?社(群|区|區).{0,20}",
            # Japanese
            r"(最後まで)?(ご視聴|ご清聴|ご覧)(いただき|いただいて|頂き|くださり|くれて)?(本当に|誠に)?(ありがとう.{0,8})?",
            r"チャンネル登録.{0,40}|高評価.{0,20}お願い.{0,10}",
            r"(次|次回)の(動画|ビデオ)で(また)?お会いしましょう.{0,10}",
            r"字幕(作成|視聴|提供).{0,30}",
            # Indonesian
            r"terima kasih( banyak)?( (telah|sudah|atas|karena))* (menonton|menyaksikan|mendengarkan).{0,40}",
            r"jangan lupa (untuk )?(like|subscribe|berlangganan).{0,60}",
            r"sampai jumpa di video (berikutnya|selanjutnya).{0,20}",
            r"(teks|subtitle|terjemahan) (oleh|by).{0,60}",
            # Spanish
            r"(muchas )?gracias por (ver|mirar|escuchar|su atención|tu atención).{0,40}",
            r"subt[ií]tulos (realizados |hechos |creados )?por.{0,60}",
            r"subtitulado por.{0,60}|subt[ií]tulos de la comunidad.{0,40}",
            r"(no olvides )?(suscr[ií]bete|suscribirte|suscr[ií]banse).{0,60}",
            r"(nos vemos|hasta) en (el |la )?pr[oó]xim[oa] v[ií]deo",
            r"(www)?amaraorg.{0,30}",
        )
    )
)
"""Nobody says these to a colleague, however sure the model is."""
_POLITE: Final = re.compile(
    r"(thank you|thanks)( (so|very) much)?|(bye ?)+|you|okay|see you( later| next time)?|谢谢(大家)?|謝謝(大家)?|"
    r"下(期|次|集)(再见|再見|见|見)|ありがとうござい(ます|ました)|おやすみなさい|terima kasih( banyak)?|"
    r"sampai jumpa( lagi)?|(muchas )?gracias|hasta luego"
)
"""What people do say, and Whisper on noise too: dropped only where the model itself doubts."""


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w\s]|_", "", folded).split())


def invented(text: str, no_speech: float, logprob: float) -> bool:
    """Whether an engine's words are nobody's: a stock phrase, or words that it does not believe itself.

    `no_speech` is its probability that nobody spoke, `logprob` the mean log probability of its words; an engine that
    tells neither passes 0.0 and 0.0."""
    if no_speech > DOUBTFUL_SILENCE and logprob < DOUBTFUL_WORDS:
        return True
    bare = _bare(text)
    if not bare or _ASIDE.fullmatch(text) or _STOCK.fullmatch(bare):
        return True
    silence, words = DOUBTED_POLITE
    return _POLITE.fullmatch(bare) is not None and (no_speech > silence or logprob < words)


def kept(segments: Iterable[tuple[str, float, float]]) -> str:
    """The text of what was really said. Segments are (words, no_speech, logprob)."""
    text = " ".join("".join(words for words, *doubts in segments if not invented(words, *doubts)).split())
    once = _LOOP.sub(r"\1", text).strip()
    # Pieces can make a stock phrase only together; and what was said in a loop was hardly said at all.
    return "" if invented(once, 0.0 if once == text else 1.0, 0.0) else once


_MAX_USED: Final = (0xA4, 0xC6)
"""Lead bytes of Big5's first plane: the signs that traditional writing uses daily."""


def _daily(char: str) -> bool:
    code = char.encode("big5", "ignore")
    return len(code) == 2 and _MAX_USED[0] <= code[0] <= _MAX_USED[1]


@functools.cache
def converter() -> OpenCC:
    """Loading its dictionaries holds the interpreter for some 80 ms, in whatever thread: call this before there is
    anybody to wait."""
    from opencc import OpenCC

    # s2tw changes how a word is written, s2twp would change which word it is: what a person said stays theirs.
    return OpenCC("s2tw")


def traditional(text: str) -> str:
    """Chinese as it is written in Taiwan. A text that is so already is left alone: a converter reads 干擾 as
    simplified and spoils it."""
    convert = converter().convert
    if not any(not _daily(char) and convert(char) != char for char in set(text)):
        return text
    # OpenCC writes 臺北; people, addresses and our own aliases write 台北.
    written: str = convert(text)
    return written.replace("臺", "台")
