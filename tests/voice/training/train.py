"""Trains the tiny model: `OMP_NUM_THREADS=2 python -m tests.voice.training.train FOLDER [--minutes 19] [--renders 130]`.

It needs espeak-ng and torch (2.13, the CPU build). The result knows the phrases and nothing else."""

from __future__ import annotations

import argparse
import math
import random
import time
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from tests.voice.training.export import (
    SOUND_POSITIONS,
    TEXT_POSITIONS,
    build_tokenizer,
    sinusoids,
    write_model,
)
from tests.voice.training.speech import Batch, batches, phonemes, samples, texts

WIDTH, HEADS, LAYERS, VOCABULARY, BATCH = 96, 4, 2, 1100, 16
RATE: Final = 1.5e-3
CORRUPT: Final = 0.3
SHORT, SHORT_SHARE = 5.0, 0.2
"""Clips under 5 s come first, for a fifth of the time: they are cheap."""
HIDE_UNTIL, HIDE_FADES, HIDDEN = 0.4, 0.25, 10.0
TAIL: Final = 48


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH, bias=False)
        self.value, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(
        self, x: Tensor, source: Tensor | None = None, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        source = x if source is None else source
        parts = (self.query(x), self.key(source), self.value(source))
        split = [part.view(*part.shape[:2], HEADS, -1).transpose(1, 2) for part in parts]
        seen = functional.scaled_dot_product_attention(*split, attn_mask=mask, is_causal=causal)
        return self.out(seen.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Named as OpenAI names the parts: the export reads them by these names."""

    def __init__(self, cross: bool) -> None:
        super().__init__()
        self.attn, self.attn_ln = Attention(), nn.LayerNorm(WIDTH)
        if cross:
            self.cross_attn, self.cross_attn_ln = Attention(), nn.LayerNorm(WIDTH)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.mlp_ln = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor, sound: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        causal = sound is not None
        x = x + self.attn(self.attn_ln(x), mask=None if causal else mask, causal=causal)
        if sound is not None:
            x = x + self.cross_attn(self.cross_attn_ln(x), sound, mask)
        return x + self.mlp(self.mlp_ln(x))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(80, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.register_buffer("positional_embedding", torch.from_numpy(sinusoids(SOUND_POSITIONS, WIDTH)))
        self.blocks = nn.ModuleList(Block(cross=False) for _ in range(LAYERS))
        self.ln_post = nn.LayerNorm(WIDTH)
        with torch.no_grad():
            # Content as loud as the code of its position.
            self.conv1.weight *= 2.5
            self.conv2.weight *= 4
        self.hide = 0.0
        """How far the silence after the speech is hidden from attention."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """faster-whisper always gives 3000 frames, mostly silence. Learning on all of them is slow: a few of the silent
        positions stand for the rest, with the logarithm of their share on their logits. In expectation it is the same."""
        x = functional.gelu(self.conv2(functional.gelu(self.conv1(x)))).transpose(1, 2)
        spoken = x.shape[1] - 2
        if self.hide >= HIDDEN:
            x, bias = x[:, :spoken] + self.positional_embedding[:spoken], None
        else:
            rest = SOUND_POSITIONS - spoken
            chosen = torch.cat([torch.arange(spoken), spoken + torch.randperm(rest)[:TAIL].sort()[0]])
            silence = x[:, spoken : spoken + 1].expand(-1, TAIL, -1)
            x = torch.cat([x[:, :spoken], silence], 1) + self.positional_embedding[chosen]
            bias = torch.zeros(spoken + TAIL)
            bias[spoken:] = math.log(rest / TAIL) - self.hide
            bias = bias[None, None, None]
        for block in self.blocks:
            x = block(x, mask=bias)
        return self.ln_post(x), bias


class Decoder(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, WIDTH)
        nn.init.normal_(self.token_embedding.weight, std=WIDTH**-0.5)
        self.positional_embedding = nn.Parameter(torch.randn(TEXT_POSITIONS, WIDTH) * 0.02)
        self.blocks = nn.ModuleList(Block(cross=True) for _ in range(LAYERS))
        self.ln = nn.LayerNorm(WIDTH)

    def forward(self, tokens: Tensor, sound: Tensor, bias: Tensor | None) -> Tensor:
        x = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, sound, bias)
        return self.ln(x) @ self.token_embedding.weight.T


class Whisper(nn.Module):
    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder(vocabulary)

    def forward(self, sound: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        heard, bias = self.encoder(sound)
        return self.decoder(tokens, heard, bias), heard


class Teacher:
    def __init__(self) -> None:
        self.tokenizer, self.tokens = build_tokenizer(texts(), VOCABULARY)
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self.sounds, count = phonemes()
        self.model = Whisper(len(self.tokens))
        self.ear = nn.Linear(WIDTH, count)
        """Names the sounds that the encoder hears, so that it hears anything at all; thrown away afterwards."""

    def weights(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """With the right words before it every token but the first few is easy; those that need the ear count more."""
        zero = self.ids["<|notimestamps|>"] + 1
        before, learnt = tokens[:, :-1], mask[:, 1:]
        start = before == self.ids["<|startoftranscript|>"]
        first = ((before == zero - 1) | (before == zero)) & learnt.bool()
        near = first.clone()
        near[:, 1:] |= first[:, :-1]
        near[:, 2:] |= first[:, :-2]
        weight = learnt.float() * (1 + 4 * start + 4 * near)
        return torch.where(tokens[:, 1:] > zero, weight * 0.2, weight)

    def loss(self, batch: Batch) -> Tensor:
        tokens, target, mask = (torch.from_numpy(part) for part in (batch.tokens, batch.target, batch.mask))
        given = tokens[:, :-1].clone()
        # Wrong words before it: it has to listen.
        text = self.ids["<|endoftext|>"]
        wrong = (given < text) & (torch.rand(given.shape) < CORRUPT * random.random() * 2)
        given[wrong] = torch.randint(0, text, (int(wrong.sum()),))
        logits, heard = self.model(torch.from_numpy(batch.sound), given)
        weight = self.weights(tokens, mask)
        words = functional.cross_entropy(logits.transpose(1, 2), target[:, 1:], reduction="none")
        return (words * weight).sum() / weight.sum() + self._heard(heard, batch)

    def _heard(self, heard: Tensor, batch: Batch) -> Tensor:
        rows = [row for row, phrase in enumerate(batch.phrases) if phrase is not None]
        if not rows:
            return torch.zeros(())
        shares = functional.log_softmax(self.ear(heard[rows]), -1).transpose(0, 1)
        wanted = [self.sounds[phrase] for phrase in batch.phrases if phrase is not None]
        return functional.ctc_loss(
            shares,
            torch.tensor([sound for one in wanted for sound in one]),
            torch.tensor([min(batch.lengths[row], shares.shape[0]) for row in rows]),
            torch.tensor([len(one) for one in wanted]),
            zero_infinity=True,
        )

    def teach(self, data: list[Any], seconds: float) -> None:
        chance = random.Random(0)
        learnt = [*self.model.parameters(), *self.ear.parameters()]
        optimizer = torch.optim.AdamW(learnt, lr=RATE, betas=(0.9, 0.98), weight_decay=0.02)
        begun, step, told = time.monotonic(), 0, 60.0
        while True:
            short = time.monotonic() - begun < seconds * SHORT_SHARE
            lesson = [one for one in data if one.seconds < SHORT] if short else data
            for batch in batches(lesson, self.tokenizer, self.ids, BATCH, chance):
                spent = time.monotonic() - begun
                share = spent / seconds
                if share >= 1:
                    return
                if short and share >= SHORT_SHARE:
                    break
                slope = 0.5 * (1 + math.cos(math.pi * share)) + 0.01
                for group in optimizer.param_groups:
                    group["lr"] = RATE * min(1, (step + 1) / 150) * slope
                fading = max(0.0, 8 * (1 - (share - HIDE_UNTIL) / HIDE_FADES))
                self.model.encoder.hide = HIDDEN if share < HIDE_UNTIL else fading
                loss = self.loss(batch)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(learnt, 1.0)
                optimizer.step()
                step += 1
                if spent > told:
                    told += 60
                    print(f"{spent:5.0f} s, step {step}, loss {loss.item():.3f}", flush=True)


def main() -> None:
    wishes = argparse.ArgumentParser(description=__doc__)
    wishes.add_argument("folder", type=Path)
    wishes.add_argument("--minutes", type=float, default=19)
    wishes.add_argument("--renders", type=int, default=130)
    wish = wishes.parse_args()
    torch.manual_seed(0)
    learning_sync = Teacher()
    learning_sync.teach(samples(wish.renders), wish.minutes * 60)
    weights = {name: value.detach().numpy() for name, value in learning_sync.model.state_dict().items()}
    write_model(wish.folder, weights, HEADS, learning_sync.tokenizer, learning_sync.tokens)


if __name__ == "__main__":
    main()
