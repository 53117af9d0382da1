"""What a fault run counts, and which of it must be nought."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields


@dataclass
class Result:
    """Everything but the first block must be nought; `shown_twice` at most `cannot_tell`."""

    mode: str
    messages: int = 0
    taps: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    cannot_tell: int = 0
    """Messages that were sent without our being told, where nobody can find out: each may stand there twice."""
    dead: int = 0
    seconds: float = 0.0
    why: list[str] = field(default_factory=list)

    lost: int = 0
    doubled: int = 0
    shown_twice: int = 0
    cards_shown_twice: int = 0
    not_shown: int = 0
    out_of_order: int = 0
    taps_lost: int = 0
    done_twice: int = 0
    edits_lost: int = 0
    not_erased: int = 0
    late_and_dispatched: int = 0
    dead_untold: int = 0
    dead_nowhere_else: int = 0
    outage_untold: int = 0
    others_held_up: int = 0
    replays_not_200: int = 0
    quarantined: int = 0
    still_owed: int = 0
    kinds_missing: int = 0

    @property
    def broken(self) -> list[str]:
        """The names of the promises that were broken."""
        names = [one.name for one in fields(self)]
        promised = names[names.index("lost") :]
        allowed = {"shown_twice": self.cannot_tell}
        return [name for name in promised if getattr(self, name) > allowed.get(name, 0)]

    def line(self) -> str:
        counted = ", ".join(
            f"{getattr(self, name)} {name.replace('_', ' ')}"
            for name in (one.name for one in fields(self))
            if name in self.broken or name in SHOWN_ALWAYS
        )
        unknown = f" ({self.cannot_tell} sent where nobody can know)" if self.cannot_tell else ""
        return (
            f"{self.mode}: {self.messages} messages, {self.taps} taps, {sum(self.faults.values())} faults of "
            f"{len(self.faults)} kinds: {counted}{unknown}, {self.dead} undeliverable, {self.seconds:.0f} s"
            + "".join(f"\n  {one}" for one in self.why)
        )

    def blame(self, name: str, what: object) -> None:
        setattr(self, name, getattr(self, name) + 1)
        self.explain(name, what)

    def explain(self, name: str, what: object) -> None:
        """Words behind a figure that is counted elsewhere."""
        if sum(one.startswith(name) for one in self.why) < 5:
            self.why.append(f"{name}: {str(what)[:200]}")


SHOWN_ALWAYS = {
    *(
        "lost",
        "doubled",
        "shown_twice",
        "cards_shown_twice",
        "out_of_order",
        "taps_lost",
        "done_twice",
        "dead_untold",
    ),
    "still_owed",
}
