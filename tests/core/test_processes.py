"""What the system says of processes, and what they keep to themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.processes import began, parent

ROOT = Path(__file__).parents[2]
NOBODY = 65534
PRIVATE = """
import ctypes, os, sys
sys.path.insert(0, sys.argv[1])
from core.processes import keep_private
keep_private()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), os.getpid(), flush=True)
sys.stdin.read()
"""


def test_a_process_is_named_by_its_number_and_its_beginning() -> None:
    assert began(os.getpid()) is not None
    assert parent(os.getpid()) == os.getppid()
    with subprocess.Popen(["sleep", "100"]) as other:
        since = began(other.pid)
        assert since is not None
        assert parent(other.pid) == os.getpid()
        other.kill()
        other.wait()
    assert began(other.pid) is None


def test_one_that_has_ended_and_was_not_looked_after_is_gone() -> None:
    with subprocess.Popen(["true"]) as other:
        while Path(f"/proc/{other.pid}/stat").read_text().split()[2] != "Z":
            pass
        assert began(other.pid) is None


def test_nobody_of_the_same_user_looks_into_the_service() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PRIVATE, str(ROOT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None and service.stdin is not None
        dumpable, _ = service.stdout.readline().split()
        assert dumpable == "0", "its environment is the system's alone"
        service.stdin.close()


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/usr/bin/python3").exists(), reason="it takes another user"
)
def test_another_program_of_that_user_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "private.py"
    text = (ROOT / "core" / "processes.py").read_text()
    program.write_text(
        f"{text}\nkeep_private()\nimport os, sys\nprint(os.getpid(), flush=True)\nsys.stdin.read()\n"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    program.chmod(0o644)
    with subprocess.Popen(
        ["/usr/bin/python3", str(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        user=NOBODY,
        group=NOBODY,
        env={"SECRET": "x"},
    ) as service:
        assert service.stdout is not None and service.stdin is not None
        pid = service.stdout.readline().strip()
        spy = subprocess.run(
            ["cat", f"/proc/{pid}/environ"], user=NOBODY, group=NOBODY, capture_output=True, check=False
        )
        assert (spy.returncode, spy.stdout) == (1, b"")
        service.stdin.close()
