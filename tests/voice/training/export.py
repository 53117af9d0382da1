"""A Whisper-architecture model in CTranslate2's format, with a vocabulary of its own, from plain arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

# Whisper's own 99 languages in Whisper's own order.
_CODES: Final = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su"
)
LANGUAGES: Final = _CODES.split()
SOUND_POSITIONS, TEXT_POSITIONS, TIMESTAMPS = 1500, 448, 1501
"""Fixed: faster-whisper always pads to 3000 frames."""
_FEATURES: Final = {
    "feature_size": 80,
    "sampling_rate": 16_000,
    "hop_length": 160,
    "chunk_length": 30,
    "n_fft": 400,
}


def build_tokenizer(texts: Iterable[str], size: int) -> tuple[Any, list[str]]:
    """(tokenizers.Tokenizer, every token in the order of its id).

    Byte-level BPE, then the special tokens in Whisper's order: faster-whisper takes every id below <|endoftext|> for text
    and every id above <|notimestamps|> for a time, CTranslate2 (4.8) reads the empty token as "multilingual"."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=size, initial_alphabet=alphabet, show_progress=False, special_tokens=[]
        ),
    )
    learnt = json.loads(learner.to_str())["model"]
    known: dict[str, int] = learnt["vocab"]
    # faster-whisper suppresses the first token of " -", " '", "♪" and " ♪". With a vocabulary this small that would be the
    # bare space, or a byte that many signs share, unless these pairs are tokens of their own, as they are in Whisper's.
    pairs = [("Ġ", "-"), ("Ġ", "'"), ("â", "Ļ"), ("Ġ", "âĻ")]
    forced = [pair for pair in pairs if "".join(pair) not in known]
    merges = forced + [
        tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in learnt["merges"]
    ]
    tokens = [*sorted(known, key=known.__getitem__), *("".join(pair) for pair in forced), ""]
    special = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        *(f"<|{code}|>" for code in LANGUAGES),
        "<|translate|>",
        "<|transcribe|>",
        "<|startoflm|>",
        "<|startofprev|>",
        "<|nospeech|>",
        "<|notimestamps|>",
    ]
    tokenizer = Tokenizer(
        models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokens += special
    assert all(tokenizer.token_to_id(token) == number for number, token in enumerate(tokens))
    # Times are reached by their number alone: the tokenizer can do without them, the model cannot.
    return tokenizer, [*tokens, *(f"<|{step * 0.02:.2f}|>" for step in range(TIMESTAMPS))]


def sinusoids(length: int, channels: int) -> np.ndarray:
    step = np.log(10_000) / (channels // 2 - 1)
    angles = np.arange(length)[:, None] * np.exp(-step * np.arange(channels // 2))[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], 1).astype("float32")


def write_model(
    folder: Path, weights: Mapping[str, np.ndarray], heads: int, tokenizer: Any, tokens: list[str]
) -> None:
    """`weights` under OpenAI's names -> a folder that faster_whisper.WhisperModel loads without any hub."""
    from ctranslate2.specs.whisper_spec import WhisperSpec

    def layers(side: str) -> int:
        return 1 + max(int(name.split(".")[2]) for name in weights if name.startswith(f"{side}.blocks."))

    def norm(spec: Any, name: str) -> None:
        spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def fuse(spec: Any, names: list[str]) -> None:
        spec.weight = np.concatenate([weights[f"{name}.weight"] for name in names])
        # Whisper's key projection has no bias.
        biases = [
            weights.get(f"{name}.bias", np.zeros(len(weights[f"{name}.weight"]), "f4")) for name in names
        ]
        spec.bias = np.concatenate(biases)

    def attention(spec: Any, name: str, *, cross: bool) -> None:
        norm(spec.layer_norm, f"{name}_ln")
        query, key, value, out = (f"{name}.{part}" for part in ("query", "key", "value", "out"))
        groups = [[query], [key, value], [out]] if cross else [[query, key, value], [out]]
        for linear, group in zip(spec.linear, groups, strict=True):
            fuse(linear, group)

    def block(spec: Any, name: str) -> None:
        attention(spec.self_attention, f"{name}.attn", cross=False)
        norm(spec.ffn.layer_norm, f"{name}.mlp_ln")
        fuse(spec.ffn.linear_0, [f"{name}.mlp.0"])
        fuse(spec.ffn.linear_1, [f"{name}.mlp.2"])

    deep = layers("decoder")
    spec = WhisperSpec(layers("encoder"), heads, deep, heads)
    for name in ("conv1", "conv2"):
        convolution = getattr(spec.encoder, name)
        convolution.weight, convolution.bias = (
            weights[f"encoder.{name}.weight"],
            weights[f"encoder.{name}.bias"],
        )
    spec.encoder.position_encodings.encodings = weights["encoder.positional_embedding"]
    norm(spec.encoder.layer_norm, "encoder.ln_post")
    for number, layer in enumerate(spec.encoder.layer):
        block(layer, f"encoder.blocks.{number}")
    # Tied: stored once.
    spec.decoder.embeddings.weight = weights["decoder.token_embedding.weight"]
    spec.decoder.projection.weight = weights["decoder.token_embedding.weight"]
    spec.decoder.position_encodings.encodings = weights["decoder.positional_embedding"]
    norm(spec.decoder.layer_norm, "decoder.ln")
    for number, layer in enumerate(spec.decoder.layer):
        block(layer, f"decoder.blocks.{number}")
        attention(layer.attention, f"decoder.blocks.{number}.cross_attn", cross=True)

    ids = {token: number for number, token in enumerate(tokens)}
    spec.config.suppress_ids = []  # faster-whisper passes its own list
    spec.config.suppress_ids_begin = [tokenizer.encode(" ").ids[0], ids["<|endoftext|>"]]
    spec.config.lang_ids = [ids[f"<|{code}|>"] for code in LANGUAGES]
    spec.config.alignment_heads = [[layer, head] for layer in range(deep // 2, deep) for head in range(heads)]
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    (folder / "vocabulary.json").write_text(
        json.dumps(tokens, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
    )
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "preprocessor_config.json").write_text(json.dumps(_FEATURES))
