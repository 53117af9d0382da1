"""What the tiny model learns from: the phrases said by espeak-ng's many voices, spoilt in many ways."""

from __future__ import annotations

import functools
import io
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pool
from typing import Any, Final

import numpy as np

from tests.voice.phrases import LANGUAGES, SPACED, TOPICS, spoken, written

RATE: Final = 16_000
PHRASES: Final = [(topic, language) for topic in range(len(TOPICS)) for language in LANGUAGES]
VOICES: Final = {
    "zh": ["cmn-latn-pinyin"],
    "ja": ["ja"],
    "id": ["id"],
    "es": ["es", "es", "es-419"],
    "en": ["en-us", "en-us", "en-gb", "en-029", "en-gb-scotland"],
}
_VARIANTS: Final = (
    " Alex Alicia Andrea Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen adam anika "
    "antonio aunty benjamin boris caleb david ed edward edward2 f1 f2 f4 grandma grandpa gustave iven iven2 iven3 "
    "kaukovalta m1 m2 m3 m5 m6 m7 m8 marcelo max michel norbert pablo paul pedro quincy rob sandro shelby steph steph3 "
    "travis victor"
)
VARIANTS: Final = _VARIANTS.split(" ")
_BATCH_NOISE: Final = (0.85, 1.15)


@dataclass(frozen=True)
class Sample:
    phrase: int | None
    """None: nobody speaks in it."""
    features: np.ndarray
    """Log-mel (80, frames), as faster-whisper computes them."""
    seconds: float


def say(text: str, voice: str, variant: str, speed: int, pitch: int, gap: int) -> bytes:
    name = f"{voice}+{variant}" if variant else voice
    command = ["espeak-ng", "-v", name, "-s", str(speed), "-p", str(pitch), "-g", str(gap), "--stdout", text]
    return subprocess.run(command, capture_output=True, check=True).stdout


def noise(chance: np.random.Generator, length: int, kind: str) -> np.ndarray:
    if kind == "white":
        sound = chance.standard_normal(length)
    elif kind == "pink":
        spectrum = np.fft.rfft(chance.standard_normal(length))
        spectrum /= np.maximum(1, np.arange(len(spectrum))) ** 0.5
        sound = np.fft.irfft(spectrum, length)
    else:
        hum = np.sin(2 * np.pi * chance.choice([50, 60, 100, 120, 240]) * np.arange(length) / RATE)
        sound = hum + 0.3 * chance.standard_normal(length)
    levelled: np.ndarray = (sound / (np.sqrt((sound**2).mean()) + 1e-9)).astype("float32")
    return levelled


def _said(phrase: int, chance: np.random.Generator) -> np.ndarray:
    from faster_whisper.audio import decode_audio

    topic, language = PHRASES[phrase]
    sound: np.ndarray = decode_audio(
        io.BytesIO(
            say(
                spoken(topic, language),
                str(chance.choice(VOICES[language])),
                str(chance.choice(VARIANTS)),
                int(chance.choice(range(110, 211, 10))),
                int(chance.choice(range(20, 81, 10))),
                int(chance.choice([0, 0, 0, 1, 2, 4])),
            )
        )
    )
    loud = np.sqrt((sound**2).mean())
    before, after = (np.zeros(int(chance.uniform(0, most) * RATE), "f4") for most in (0.5, 0.8))
    sound = np.concatenate([before, sound, after])
    if chance.random() < 0.6:
        added = noise(chance, len(sound), str(chance.choice(["white", "pink", "hum"])))
        sound = sound + added * loud * 10 ** (-chance.uniform(8, 40) / 20)
    return sound * 10 ** (chance.uniform(-12, 4) / 20)


def _unsaid(chance: np.random.Generator) -> np.ndarray:
    length = int(chance.uniform(0.3, 8) * RATE)
    kind = str(chance.choice(["zero", "white", "pink", "hum"]))
    if kind == "zero":
        return np.zeros(length, "f4")
    return noise(chance, length, kind) * 10 ** (chance.uniform(-70, -8) / 20)


@functools.cache
def _extractor() -> Any:
    from faster_whisper.feature_extractor import FeatureExtractor

    return FeatureExtractor()


def _sample(job: tuple[int | None, int]) -> Sample:
    phrase, seed = job
    chance = np.random.default_rng(seed)
    sound = _unsaid(chance) if phrase is None else _said(phrase, chance)
    sound = np.clip(sound, -1, 1).astype("f4")
    return Sample(phrase, _extractor()(sound)[:, :-1].astype("float16"), len(sound) / RATE)


def samples(renders: int, offset: int = 0) -> list[Sample]:
    """`renders` of every phrase, and twice as many of nobody speaking, in a fixed shuffle."""
    jobs: list[tuple[int | None, int]] = [
        (phrase, 1000 * phrase + number + offset)
        for phrase in range(len(PHRASES))
        for number in range(renders)
    ]
    jobs += [(None, 900_000 + number + offset) for number in range(renders * 2)]
    random.Random(0).shuffle(jobs)
    with Pool(2) as pool:
        return pool.map(_sample, jobs, chunksize=20)


def texts() -> Iterator[str]:
    """Every phrase as the tokenizer meets it: languages with spaces begin with one."""
    for topic, language in PHRASES:
        yield (" " if language in SPACED else "") + written(topic, language)


def sequence(
    tokenizer: Any, ids: dict[str, int], phrase: int | None, seconds: float, chance: random.Random
) -> tuple[list[int], list[int], list[int]]:
    """(tokens, what they should be, which of them are learnt) of one sample, as Whisper is asked and answers."""
    language = PHRASES[phrase][1] if phrase is not None else chance.choice(LANGUAGES)
    translate, timed = chance.random() < 0.45, chance.random() < 0.75
    # What a prompt puts before the transcript is to be ignored.
    prompt = _prompt(tokenizer, ids, chance) if chance.random() < 0.3 else []
    text: list[int] = []
    if phrase is not None:
        words = written(PHRASES[phrase][0], "en" if translate else language)
        space = " " if translate or language in SPACED else ""
        text = tokenizer.encode(space + words, add_special_tokens=False).ids
    zero = ids["<|notimestamps|>"] + 1
    end = [zero + min(1500, 10 * max(1, round(seconds / 0.2)))] if timed and text else []
    learnt = [
        (ids["<|startoftranscript|>"], 0),
        (ids[f"<|{language}|>"], 1),
        (ids["<|translate|>" if translate else "<|transcribe|>"], 0),
        (zero if timed else zero - 1, int(timed)),
        *((token, 1) for token in [*text, *end, ids["<|endoftext|>"]]),
    ]
    tokens = [*prompt, *(token for token, _ in learnt)]
    mask = [0] * len(prompt) + [one for _, one in learnt]
    target = list(tokens)
    if phrase is None:
        target[len(prompt) + 1] = ids["<|nospeech|>"]
    return tokens, target, mask


def _prompt(tokenizer: Any, ids: dict[str, int], chance: random.Random) -> list[int]:
    if chance.random() < 0.5:
        drawn = chance.choices(PHRASES, k=chance.choice([1, 1, 2]))
        words = " ".join(written(topic, chance.choice([language, "en"])) for topic, language in drawn)
        begin = chance.randrange(len(words) // 2)
        piece = words[begin : begin + chance.choice([8, 20, 60])].strip()
        tokens = tokenizer.encode(" " + piece, add_special_tokens=False).ids[:80]
    else:
        most = chance.choice([256, ids["<|endoftext|>"] - 1])
        tokens = [chance.randrange(most) for _ in range(chance.choice([3, 10, 25, 50, 80]))]
    return [ids["<|startofprev|>"], *tokens]


def _stretched(features: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """`features` read off at `positions` between its own along `axis`."""
    low = positions.astype(int)
    high = np.minimum(low + 1, features.shape[axis] - 1)
    share = (positions - low).astype("f4")
    share = share if axis == 1 else share[:, None]
    stretched: np.ndarray = features.take(low, axis) * (1 - share) + features.take(high, axis) * share
    return stretched


def augmented(features: np.ndarray, chance: random.Random) -> np.ndarray:
    """The same at another speed, from another throat, louder, through a worse line, with holes."""
    features = features.astype("float32")
    lowest, frames = features.min(), features.shape[1]
    if chance.random() < 0.5:
        frames, whole = max(20, int(frames * chance.uniform(0.85, 1.18))), frames
        features = _stretched(features, np.linspace(0, whole - 1, frames), 1)
    if chance.random() < 0.5:
        features = _stretched(features, np.clip(np.arange(80) * chance.uniform(0.9, 1.1), 0, 79), 0)
    features = features + chance.uniform(-0.3, 0.25)
    if chance.random() < 0.3:
        features[chance.randrange(45, 80) :] = lowest
    for _ in range(chance.choice([0, 1, 2])):
        begin = chance.randrange(0, 70)
        features[begin : begin + chance.randrange(1, 11)] = lowest
    for _ in range(chance.choice([0, 1, 2])):
        begin = chance.randrange(0, frames)
        features[:, begin : begin + chance.randrange(1, 16)] = lowest
    return features


@dataclass(frozen=True)
class Batch:
    sound: np.ndarray
    tokens: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    phrases: list[int | None]
    lengths: list[int]
    """Of each sample, in the encoder's positions."""


def batches(
    data: list[Sample], tokenizer: Any, ids: dict[str, int], size: int, chance: random.Random
) -> Iterator[Batch]:
    """All of `data` once, samples of like length together."""
    order = sorted(data, key=lambda one: one.features.shape[1] * chance.uniform(*_BATCH_NOISE))
    groups = [order[at : at + size] for at in range(0, len(order), size)]
    chance.shuffle(groups)
    for group in groups:
        features = [augmented(one.features, chance) for one in group]
        told = [
            sequence(tokenizer, ids, one.phrase, each.shape[1] / 100, chance)
            for one, each in zip(group, features, strict=True)
        ]
        frames = max(each.shape[1] for each in features) + 12
        sound = np.zeros((len(group), 80, frames + frames % 2), "f4")
        for row, each in enumerate(features):
            sound[row, :, : each.shape[1]] = each
        rows = np.zeros((3, len(group), max(len(tokens) for tokens, _, _ in told)), "i8")
        for row, parts in enumerate(told):
            for kind, part in enumerate(parts):
                rows[kind, row, : len(part)] = part
        phrases = [one.phrase for one in group]
        yield Batch(sound, rows[0], rows[1], rows[2], phrases, [each.shape[1] // 2 for each in features])


def phonemes() -> tuple[list[list[int]], int]:
    """Every phrase as numbers of the sounds that espeak-ng makes of it, and how many there are (0 stays free)."""

    def sounds(topic: int, language: str) -> str:
        command = ["espeak-ng", "-q", "--ipa", "-v", VOICES[language][0], spoken(topic, language)]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return "".join(char for char in told if not char.isspace() and char not in "ˈˌ.-͡")

    said = [sounds(*phrase) for phrase in PHRASES]
    numbers = {char: number for number, char in enumerate(sorted(set("".join(said))), start=1)}
    return [[numbers[char] for char in one] for one in said], len(numbers) + 1
