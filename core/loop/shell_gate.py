"""What may be done to a machine without asking: shell text is reversible only where every command in it only looks, with
arguments that are allowed one by one. All else is asked about; a few things are refused, whoever says yes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from core.loop.shell_text import ShellText, SimpleCommand, Word, read
from core.workers.fetching import may_fetch

Kind = Literal["reversible", "ask", "refused"]


@dataclass(frozen=True, slots=True)
class Verdict:
    kind: Kind
    why: str = ""
    """What about it cannot be undone or judged; of what is refused the rule."""


def judge(text: str, allow: Sequence[str] = (), fetch: Sequence[str] = ()) -> Verdict:
    """`allow`: further commands, by their first words ("make status"); `fetch`: addresses that `curl` may get. Pure."""
    if not text.strip():
        return Verdict("ask", "it says nothing")
    try:
        shell = read(text)
        rule = forbidden(shell)
    except RecursionError:
        return Verdict("ask", "deeper than anybody reads")
    if rule:
        return Verdict("refused", rule)
    if shell.odd:
        return Verdict("ask", shell.odd)
    if not shell.commands:
        return Verdict("ask", "there is no command in it")
    for command in shell.commands:
        if why := _not_reversible(command, allow, fetch):
            return Verdict("ask", why)
    for word in shell.reads:
        if _is_outside(word.text):
            return Verdict("ask", f"{word.text[:80]}: outside of the loop's folder")
    return Verdict("reversible")


READING: Final = frozenset(
    ["cat", "head", "tail", "wc", "grep", "cut", "sort", "uniq", "tr", "jq", "date", "git"]
)
"""What shows the contents of files. Beside the loop's folder lie secrets, the database, the machine's own files: whoever wants
those asks, and /dev/zero has no end."""
_ABSOLUTE: Final = re.compile(r"(?:\A|=|\A-[A-Za-z])[/~]")


def _is_outside(text: str) -> bool:
    """A path that leads out of the folder it is read in. Our own names are inside."""
    named = re.match(r"\$\{?(?:LOOPOS|LOOOP)_[A-Z_]+\}?", text)
    rest = text[named.end() :] if named else text
    if ".." in re.split(r"[/=]", rest.lstrip("-")):
        return True
    return not named and text != "/dev/null" and _ABSOLUTE.search(text) is not None


# --- what only looks

Args = Sequence[Word]
Check = Callable[[Args], str]
"""Why these arguments are not known to be harmless; "": they are."""


def _not_reversible(command: SimpleCommand, allow: Sequence[str], fetch: Sequence[str]) -> str:
    if not command.name:
        return "a command whose name is computed"
    literal = [word.text for word in command.words if word.literal]
    if len(literal) == len(command.words) and any(
        one.split() and literal[: len(one.split())] == one.split() for one in allow
    ):
        return ""
    if command.name == "curl":
        return _curl(command.arguments, fetch)
    if command.name in READING:
        filters = {".."} if command.name == "jq" else set()  # as a filter it is no path
        for word in command.arguments:
            if word.text not in filters and _is_outside(word.text):
                return f"{word.text[:80]}: outside of the loop's folder"
    check = LOOKING.get(command.name)
    return f"{command.name}: not known to be harmless" if check is None else check(command.arguments)


def _any(_args: Args) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Options:
    """Which options a command may be given, and how many operands."""

    short: str = ""
    """Letters that stand alone."""
    valued: str = ""
    """Letters with a value, glued or in the next word."""
    long: frozenset[str] = frozenset()
    """Exact names; with "=" at the end where they have a value."""
    operands: int | None = None
    """At most; None: any number."""
    digits: bool = False
    """-5 is a number of lines."""

    def __call__(self, args: Args) -> str:
        operands, skip, ended = 0, False, False
        for word in args:
            # What looks like an option is looked at as one: --pretty takes a value only behind "=".
            if skip and not word.text.startswith("-"):
                skip = False
                continue
            skip = False
            if not word.literal and not word.path:
                return f"{word.text}: what it becomes is not known before it runs"
            if ended or word.text == "-" or not word.text.startswith("-") or word.path:
                operands += 1
            elif word.text == "--":
                ended = True
            elif word.text.startswith("--"):
                name, equals, _ = word.text.partition("=")
                if name + equals not in self.long and not (not equals and name + "=" in self.long):
                    return f"{name}: not an option that only looks"
                skip = not equals and name not in self.long
            elif self.digits and word.text[1:].isdecimal():
                continue
            else:
                bad, skip = self._letters(word.text[1:])
                if bad:
                    return f"-{bad}: not an option that only looks"
        if self.operands is not None and operands > self.operands:
            return f"more than {self.operands} operands: one of them may be written to"
        return ""

    def _letters(self, letters: str) -> tuple[str, bool]:
        """(the first letter that is not allowed, whether the next word is a value)"""
        for at, letter in enumerate(letters):
            if letter in self.valued:
                return "", at == len(letters) - 1
            if letter not in self.short:
                return letter, False
        return "", False


def _long(names: str) -> frozenset[str]:
    return frozenset(f"--{one}" for one in names.split())


_TEST_OPERATORS: Final = frozenset(
    [
        "!",
        "=",
        "==",
        "!=",
        "-e",
        "-f",
        "-d",
        "-s",
        "-r",
        "-w",
        "-x",
        "-L",
        "-h",
        "-z",
        "-n",
        "-eq",
        "-ne",
        "-lt",
        "-le",
        "-gt",
        "-ge",
        "-nt",
        "-ot",
        "-ef",
    ]
)
_NUMBER: Final = re.compile(r"-?\d{1,9}(\.\d{1,3})?[smh]?")


def _test(args: Args) -> str:
    """`test -v 'a[$(rm x)]'` runs what stands in the brackets."""
    for word in args:
        if not word.literal and not word.path:
            return f"{word.text}: what it becomes is not known before it runs"
        if (
            word.text.startswith("-")
            and word.text not in _TEST_OPERATORS
            and not _NUMBER.fullmatch(word.text)
        ):
            return f"test {word.text}: not a question that only looks"
    return ""


def _printf(args: Args) -> str:
    """`printf -v PATH x` is an assignment."""
    if not args:
        return ""
    if not args[0].literal or args[0].text.startswith("-"):
        return "printf: its format is not plain"
    return ""


def _date(args: Args) -> str:
    """`date 01010000` sets the clock."""
    options = Options("uR", "d", _long("utc universal iso-8601 iso-8601= rfc-3339= date= rfc-email"))
    operands = [word for word in args if not word.text.startswith("-")]
    skipped = {id(args[at + 1]) for at, word in enumerate(args[:-1]) if word.text in {"-d", "--date"}}
    for word in operands:
        if id(word) not in skipped and not (word.literal and word.text.startswith("+")):
            return f"date {word.text}: it may set the clock"
    letters = [word for word in args if not re.fullmatch(r"-I(date|hours|minutes|seconds|ns)?", word.text)]
    return options(letters)


def _sleep(args: Args) -> str:
    return "" if all(one.literal and _NUMBER.fullmatch(one.text) for one in args) else "sleep: not a number"


_LOG: Final = Options(
    "psuz",
    "nSGL",
    _long(
        "oneline stat name-only name-status numstat shortstat graph all cached staged no-color no-ext-diff no-textconv "
        "reverse merges no-merges first-parent follow decorate abbrev-commit patch no-patch since= until= after= "
        "before= author= grep= format= pretty= date= max-count= skip= diff-filter= unified= summary raw word-diff "
        "ignore-all-space left-right cherry-pick exit-code quiet short porcelain branch untracked-files="
    ),
    digits=True,
)
_GIT: Final[Mapping[str, Options]] = {
    "status": Options("sbuz", "", _long("short branch porcelain porcelain= long untracked-files= show-stash no-renames")),
    "log": _LOG,
    "diff": _LOG,
    "show": _LOG,
    "shortlog": Options("sne", "", _long("summary numbered email all no-merges since= until=")),
    "rev-list": Options("", "n", _long("all count max-count= since= until= author= no-merges merges reverse left-right")),
    "rev-parse": Options("", "", _long("show-toplevel abbrev-ref short verify is-inside-work-tree git-dir symbolic-full-name")),
    "ls-files": Options("cdmosz", "", _long("cached deleted modified others exclude-standard")),
    "ls-tree": Options("rdtlz", "", _long("name-only full-tree")),
    "cat-file": Options("tspe"),
    "describe": Options("", "", _long("tags all always long abbrev= match=")),
    "blame": Options("slwe", "L", _long("line-porcelain porcelain since=")),
    "merge-base": Options("a", "", _long("all is-ancestor")),
    "name-rev": Options("", "", _long("name-only tags all")),
    "for-each-ref": Options("", "", _long("format= sort= count= contains=")),
    "show-ref": Options("", "", _long("heads tags head verify")),
    "branch": Options("arv", "", _long("list all remotes verbose show-current sort= merged no-merged"), operands=0),
    "tag": Options("ln", "", _long("list sort="), operands=0),
    "remote": Options("v", "", _long("verbose"), operands=0),
    "count-objects": Options("vH"),
}  # fmt: skip
"""Subcommands that read. An operand of branch, tag or remote would make one."""


def _git(args: Args) -> str:
    rest = list(args)
    while rest and rest[0].literal and rest[0].text == "--no-pager":
        rest = rest[1:]
    if not rest or not rest[0].literal or rest[0].text not in _GIT:
        return f"git {rest[0].text if rest else ''}: not a subcommand that only reads".replace(" :", ":")
    return _GIT[rest[0].text](rest[1:])


_GH_OPTIONS: Final = Options(
    "",
    "RLsqlAB",
    _long("repo= limit= state= json= jq= author= label= assignee= base= search= comments name-only"),
)
_GH: Final = frozenset(
    [
        "pr list",
        "pr view",
        "pr status",
        "pr diff",
        "pr checks",
        "issue list",
        "issue view",
        "issue status",
        "run list",
        "run view",
        "repo view",
        "release list",
        "release view",
    ]
)


def _gh(args: Args) -> str:
    named = " ".join(word.text for word in args[:2])
    if len(args) < 2 or not all(word.literal for word in args[:2]) or named not in _GH:
        return f"gh {named}: not a subcommand that only reads"
    if any("://" in word.text or word.text.count("/") > 1 for word in args[2:]):
        return "gh: an address of its own"
    return _GH_OPTIONS(args[2:])


_CURL: Final = Options("sSfi", "mAH", _long("silent show-error fail max-time= compressed get head include http1.1 header= user-agent="))  # fmt: skip


def _curl(args: Args, fetch: Sequence[str]) -> str:
    if any(not word.literal for word in args):
        return "curl: an address or a header that is computed"
    if why := _CURL(args):
        return f"curl {why}"
    if any(re.match(r"(-[A-Za-z]*H|--header=)@", word.text) for word in args):
        return "curl: a header out of a file"
    addresses, values = [], {"-m", "-A", "-H", "--max-time", "--header", "--user-agent"}
    for at, word in enumerate(args):
        if at and args[at - 1].text in values:
            if word.text.startswith("@"):
                return "curl: a header out of a file"
        elif not word.text.startswith("-"):
            addresses.append(word.text)
    if len(addresses) != 1:
        return "curl: not one address"
    return "" if may_fetch(addresses[0], fetch) else f"curl: {addresses[0][:80]} is not in fetch_allow"


LOOKING: Final[Mapping[str, Check]] = {
    "echo": _any,
    "printf": _printf,
    "date": _date,
    "cat": Options("nbAeEstTuv", "", _long("number show-all")),
    "head": Options("qvz", "nc", _long("lines= bytes= quiet"), digits=True),
    "tail": Options("qvz", "nc", _long("lines= bytes= quiet"), digits=True),
    "wc": Options("lwcmL", "", _long("lines words bytes chars")),
    "ls": Options("aAlhtrRSd1iFsnpogcuUXZ", "", _long("all almost-all human-readable color= full-time reverse recursive")),
    "stat": Options("fLt", "c", _long("format= printf= terse dereference")),
    "grep": Options("ivnclLoqswxEFGPrRhHaz", "emABCf", _long("color= include= exclude= exclude-dir= count ignore-case quiet")),
    "cut": Options("sz", "dfcb", _long("delimiter= fields= characters= bytes= output-delimiter= complement")),
    "sort": Options("bdfghiMnRrVcCmsuz", "kt", _long("reverse numeric-sort unique key= field-separator= version-sort check stable")),
    "uniq": Options("cdDuiz", "fsw", _long("count repeated unique ignore-case"), operands=1),
    "tr": Options("cCdst", "", _long("complement delete squeeze-repeats")),
    "jq": Options("cnrsSejaRM", "", _long("compact-output raw-output null-input slurp sort-keys exit-status arg argjson raw-input")),
    "true": _any,
    "false": _any,
    "test": _test,
    "sleep": _sleep,
    "basename": Options("az", "s", _long("multiple suffix=")),
    "dirname": Options("z"),
    "pwd": Options("LP", operands=0),
    "git": _git,
    "gh": _gh,
}  # fmt: skip


# --- what is refused, whoever says yes

_WRAPPERS: Final = frozenset(
    [
        "env",
        "nice",
        "nohup",
        "time",
        "command",
        "exec",
        "xargs",
        "timeout",
        "setsid",
        "stdbuf",
        "ionice",
        "builtin",
        "doas",
        "busybox",
        "unshare",
        "chroot",
    ]
)
_SHELLS: Final = frozenset(["sh", "bash", "dash", "zsh", "ksh", "eval", "ash", "source", "."])
_OFF: Final = frozenset(["shutdown", "reboot", "halt", "poweroff"])
_DISK: Final = re.compile(r"/dev/(sd|hd|vd|xvd|nvme|mmcblk|disk|mapper/)\w*")
_HOME: Final = re.compile(
    r"""["']?(/|/\*|~|~/|~/\*|\$HOME|\$\{HOME\}|\$HOME/|\$\{HOME\}/|/root|/root/|/home|/home/)\*?["']?"""
)
_DEPTH: Final = 4


def forbidden(shell: ShellText, depth: int = 0) -> str:
    """The rule that is broken; "": none. A tripwire, not the gate: what passes here is still asked about."""
    for command in shell.commands:
        if rule := _forbidden(command, depth):
            return rule
    for pipe in shell.pipes:
        names = [_base(_unwrapped(one)) for one in pipe]
        if any(a in {"curl", "wget"} for a in names[:-1]) and any(
            b in _SHELLS or b.startswith(("python", "perl", "ruby", "node")) for b in names[1:]
        ):
            return "what is fetched is not handed to a shell"
    if any(_DISK.match(one) for one in shell.writes):
        return "nothing is written to a disk itself"
    return ""


def _unwrapped(command: SimpleCommand) -> tuple[str, ...]:
    """Its words behind what only starts it: `env A=1 nice sudo x` -> sudo x."""
    words = [word.text for word in command.words]
    while words and (words[0].rpartition("/")[2] in _WRAPPERS):
        words = words[1:]
        while words and (words[0].startswith("-") or "=" in words[0] or words[0][:1].isdecimal()):
            words = words[1:]
    return tuple(words)


def _base(words: Sequence[str]) -> str:
    return words[0].rpartition("/")[2] if words else ""


def _forbidden(command: SimpleCommand, depth: int) -> str:
    words = _unwrapped(command)
    name, rest = _base(words), list(words[1:])
    options = [one for one in rest if one.startswith("-")]
    letters = "".join(one[1:] for one in options if not one.startswith("--"))
    if name in {"sudo", "doas", "su"} and (name != "su" or rest):
        return "nothing is done as another user"
    if name == "rm":
        recursive = "r" in letters or "R" in letters or "--recursive" in options
        forced = "f" in letters or "--force" in options
        if recursive and forced and any(_HOME.fullmatch(one) for one in rest):
            return "neither the root nor a home is removed"
    if name == "git" and "push" in rest:
        forced = "f" in letters or any(one.startswith("--force") for one in options)
        named = [one for one in rest if re.search(r"(^\+?|[:/+])(main|master)$", one)]
        if any((forced or one.startswith("+")) for one in named):
            return "main is never pushed by force"
    if name.startswith("mkfs"):
        return "no disk is formatted"
    if name == "dd" and any(_DISK.match(one.removeprefix("of=")) for one in rest if one.startswith("of=")):
        return "nothing is written to a disk itself"
    if (
        name in _OFF
        or (name in {"init", "telinit"} and rest[:1] in (["0"], ["6"]))
        or (name == "systemctl" and any(one in _OFF for one in rest))
    ):
        return "the machine is not switched off"
    if name in _SHELLS and depth < _DEPTH:
        for one in rest:
            if rule := forbidden(read(one), depth + 1):
                return rule
    return ""
