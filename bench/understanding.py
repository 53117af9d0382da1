"""The offline engine per message, its load time and its memory. The bare minimum: a look-up of each word in a
dictionary."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable

from bot.settings import DATA
from core.company.loader import load_company
from core.triage import training
from core.triage.offline import OfflineEngine
from core.triage.port import Speaker

MESSAGES = 1000
LOADER = """
import json, time
def rss():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1024
from pathlib import Path
from core.company.loader import load_company
from bot.settings import DATA
company = load_company(DATA / "company")
import numpy
before, begun = rss(), time.perf_counter()
from core.triage.offline import OfflineEngine
OfflineEngine(company)
print(json.dumps({"load ms": (time.perf_counter() - begun) * 1000, "memory MB": rss() - before}))
"""


def _texts() -> list[str]:
    return [one.text for one in random.Random(1).sample(training.read_corpus(), MESSAGES)]


def _figures(judge: Callable[[str], object]) -> dict[str, float]:
    spent = []
    for text in _texts():
        begun = time.perf_counter()
        judge(text)
        spent.append((time.perf_counter() - begun) * 1000)
    spent.sort()
    return {"p50 ms": spent[MESSAGES // 2], "p99 ms": spent[int(MESSAGES * 0.99)]}


def loopos() -> dict[str, float]:
    engine = OfflineEngine(load_company(DATA / "company"))
    nobody = Speaker((), ())
    loaded = subprocess.run([sys.executable, "-c", LOADER], capture_output=True, text=True, check=True)
    return {**_figures(lambda text: engine.judge(text, nobody)), **json.loads(loaded.stdout.splitlines()[-1])}


def bare() -> dict[str, float]:
    words = {word: 1 for text in _texts() for word in text.split()}
    return _figures(lambda text: sum(words.get(word, 0) for word in text.split()))


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": loopos, "bare": bare}
