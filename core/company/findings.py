"""What is wrong with a company's files, each with its file, line and key."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.errors import StartupError

Path_ = tuple[int | str, ...]


@dataclass(frozen=True)
class Finding:
    file: str
    line: int
    key: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key + ': ' if self.key else ''}{self.problem}"


class CompanyDataError(StartupError):
    def __init__(self, findings: list[Finding]) -> None:
        lines = "\n".join(f"  {finding}" for finding in findings)
        super().__init__(f"The company data has mistakes:\n{lines}\n", "Correct them and start again.")
        self.findings = findings


@lru_cache(maxsize=4)
def _tree(text: str) -> Any:
    """Of all the mistakes of a file the text is parsed once."""
    import yaml

    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def line_of(text: str, path: Path_) -> int:
    """The line on which the value at `path` stands. JSON is YAML, and PyYAML knows its lines."""
    import yaml

    node = _tree(text)
    if node is None:
        return 1
    line = 1
    for key in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
        elif isinstance(node, yaml.MappingNode):
            found = [(k, v) for k, v in node.value if k.value == str(key)]
            if not found:
                break
            line = found[0][0].start_mark.line + 1
            node = found[0][1]
            continue
        else:
            break
        line = node.start_mark.line + 1
    return line
