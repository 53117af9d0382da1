"""Shell text, parsed: which simple commands stand in it, and what about it cannot be judged.

Nothing is matched in the text itself. Bash and a grammar may differ at the edges, so that only a small, plain part of the
language counts as understood; all else is named in `odd`, and whoever asks treats it as not understood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

EXPORTED: Final = frozenset({"BIN", "DATA_DIR", "CONFIG", "CLAIMS_DIR", "REPORTS_DIR", "COST_LEDGER"})
"""Of ours, with LOOPOS_ or LOOOP_ before them: paths that we set ourselves."""
_PLAIN: Final = frozenset(
    {"program", "list", "pipeline", "negated_command", "redirected_statement", "command", "comment", "\n"}
)
_BETWEEN: Final = frozenset({"&&", "||", ";", "|", "|&", "!", "\n", ";;"})


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command as bash would hand it on."""

    text: str
    literal: bool
    """Its value is known; else it is computed when it runs."""
    path: bool = False
    """Computed, but surely no option: it begins with a slash."""


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    words: tuple[Word, ...]

    @property
    def name(self) -> str:
        """ "": computed."""
        return self.words[0].text if self.words and self.words[0].literal else ""

    @property
    def arguments(self) -> tuple[Word, ...]:
        return self.words[1:]


@dataclass(frozen=True, slots=True)
class ShellText:
    commands: tuple[SimpleCommand, ...]
    """Every simple command in it, also those inside of substitutions, functions and conditions."""
    odd: str
    """The first thing in it that this reader does not follow; "": it follows all of it."""
    pipes: tuple[tuple[SimpleCommand, ...], ...]
    """The commands of each pipeline, in order."""
    writes: tuple[str, ...]
    """Where redirections write to."""
    reads: tuple[Word, ...] = ()
    """What redirections read from."""


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def read(text: str) -> ShellText:
    """Pure, and no longer than the text: the grammar is a table."""
    root = _parser().parse(text.encode("utf-8", "surrogatepass")).root_node
    commands = tuple(_command(node) for node in _every(root) if node.type == "command")
    pipes = tuple(
        tuple(_command(one) for one in _every(node) if one.type == "command")
        for node in _every(root)
        if node.type == "pipeline"
    )
    writes = tuple(_written(node) for node in _every(root) if node.type == "file_redirect")
    sources = tuple(_source(node) for node in _every(root) if node.type == "file_redirect")
    return ShellText(
        commands,
        _odd(text, root),
        pipes,
        tuple(one for one in writes if one),
        tuple(one for one in sources if one is not None),
    )


def _every(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(reversed(one.children))


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


# --- what cannot be followed


def _odd(text: str, root: Node) -> str:
    if root.has_error:
        return "it does not parse"
    if any(ord(one) < 32 and one not in "\n\t" for one in text) or any(
        one.isspace() and one not in " \n\t" for one in text
    ):
        return "a character that is no plain text"
    return _structure(root)


def _structure(node: Node) -> str:
    """Down the statements; words are judged by `_word`."""
    match node.type:
        case "command":
            return _odd_command(node)
        case "comment" | "heredoc_body":
            return ""
        case "file_redirect":
            return _odd_redirect(node)
        case one if one in _PLAIN:
            for child in node.children:
                if not child.is_named:
                    if child.type not in _BETWEEN:
                        return f"{child.type!r}"
                    continue
                if odd := _structure(child):
                    return odd
            return ""
        case other:
            return other.replace("_", " ")


def _odd_command(node: Node) -> str:
    for child in node.children:
        match child.type:
            case "command_name":
                if len(child.children) != 1 or child.children[0].type != "word" or not _word(child).literal:
                    return "a command whose name is computed"
            case "file_redirect":
                if odd := _odd_redirect(child):
                    return odd
            case "variable_assignment":
                return "an assignment"
            case _:
                if odd := _odd_word(child):
                    return odd
    return ""


def _odd_word(node: Node) -> str:
    """What in a word is more than text, our own names, and commands whose output it takes."""
    text = _text(node)
    match node.type:
        case "raw_string" | "number" | "string_content":
            return ""
        case "word":
            if "\\" in text:
                return "a backslash outside of quotes"
            if _spreads(text):
                return "a pattern of file names"
            return ""
        case "simple_expansion":
            return "" if _ours(text) else f"the variable {text}"
        case "command_substitution":
            for child in node.children:
                if child.is_named and (odd := _structure(child)):
                    return odd
                if not child.is_named and child.type not in {"$(", ")", *_BETWEEN}:
                    return f"{child.type!r}"
            return ""
        case "string" | "concatenation":
            for child in node.children:
                if child.is_named and (odd := _odd_word(child)):
                    return odd
                if not child.is_named and child.type != '"':
                    return f"{child.type!r}"
            return "a pattern of file names" if node.type == "concatenation" and _spreads(text) else ""
        case other:
            return other.replace("_", " ")


def _spreads(text: str) -> bool:
    """Patterns and braces: they become file names, and a file may be called like an option."""
    return any(one in text for one in "*?[{") and not text.startswith(("./", "/", '"', "'"))


def _ours(text: str) -> bool:
    name = text.lstrip("$").strip("{}")
    prefix, _, rest = name.partition("_")
    return prefix in {"LOOPOS", "LOOOP"} and rest in EXPORTED


def _odd_redirect(node: Node) -> str:
    operator = next((child.type for child in node.children if not child.is_named), "")
    target = node.child_by_field_name("destination")
    if target is None:
        return "a redirection"
    said, word = _text(target), _word(target)
    if operator in {">&", "<&"} and said in {"1", "2"}:
        return ""
    if operator in {">", ">>", "&>", "&>>"} and said == "/dev/null":
        return ""
    network = word.text.startswith(("/dev/tcp", "/dev/udp"))  # bash opens a connection there
    if operator == "<" and word.literal and not network and not _odd_word(target):
        return ""
    return f"a redirection to {said[:60]}" if operator != "<" else "a redirection"


def _written(node: Node) -> str:
    operator = next((child.type for child in node.children if not child.is_named), "")
    target = node.child_by_field_name("destination")
    return _text(target) if target is not None and ">" in operator else ""


def _source(node: Node) -> Word | None:
    operator = next((child.type for child in node.children if not child.is_named), "")
    target = node.child_by_field_name("destination")
    return _word(target) if target is not None and operator == "<" else None


# --- commands and their words


def _command(node: Node) -> SimpleCommand:
    kept = [child for child in node.children if child.type not in {"variable_assignment", "file_redirect"}]
    return SimpleCommand(
        tuple(_word(child) for child in kept if child.is_named and "redirect" not in child.type)
    )


def _word(node: Node) -> Word:
    """A literal's value, without its quotes; of what is computed the text as it stands."""
    text = _text(node)
    match node.type:
        case "command_name" if len(node.children) == 1:
            return _word(node.children[0])
        case "word" | "number":
            literal = "\\" not in text and not any(one in text for one in "*?[{~")
            return Word(text.replace("\\", ""), literal, text.startswith(("/", "./", "~/")))
        case "raw_string":
            return Word(text[1:-1], True)
        case "string":
            if any(child.is_named and child.type != "string_content" for child in node.children):
                return Word(text, False, _is_path(node))
            return Word(_unquoted(text[1:-1]), True)
        case "concatenation":
            parts = [_word(child) for child in node.children if child.is_named]
            whole = "".join(part.text for part in parts)
            return Word(whole, all(part.literal for part in parts), bool(parts) and _is_path(node))
        case "simple_expansion":
            return Word(text, False, _ours(text))
        case _:
            return Word(text, False)


def _is_path(node: Node) -> bool:
    """It begins with one of our own paths, or with a slash."""
    inner = [child for child in node.children if child.is_named]
    first = inner[0] if inner else node
    return (first.type == "simple_expansion" and _ours(_text(first))) or _text(first).startswith(("/", "./"))


def _unquoted(text: str) -> str:
    """Inside of double quotes a backslash keeps only $ ` \" and itself."""
    for kept in ("\\\\", '\\"', "\\$", "\\`"):
        text = text.replace(kept, kept[1])
    return text
