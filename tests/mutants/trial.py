"""Try one mutation: copy the project, change it there, and run the tests that should notice.

Each trial has a copy of its own, so several run at a time. The tests run without the C extension, which
is no Python to change: connections have the socket of :mod:`zmqbridge.socket.lean` then, and ``tests/sockets`` tries
that of :mod:`zmqbridge.socket.plain` as well. Whatever processes they start end with them.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutation import ROOT, Mutation
from tests.mutants.source import ChangeError
from tests.size import walk_whole_ways

__all__ = ["SECONDS", "Verdict", "end_all", "try_one"]

SECONDS = 300
TESTS_FAILED = 1  # pytest's exit code
# To load all that are installed takes longer than many of the tests do.
PLUGINS = ("-p", "pytest_timeout", "-p", "no:cacheprovider")

_running: set[subprocess.Popen[bytes]] = set()


class _NoVerdictError(Exception):
    """The tests tell nothing of the mutation."""


@dataclass(frozen=True)
class Verdict:
    """What became of a mutation.

    Attributes:
        noticed: a test failed for it.
        told: which one, or why that cannot be told.
    """

    noticed: bool
    told: str


def try_one(mutation: Mutation, seconds: float = SECONDS, root: Path = ROOT) -> Verdict:
    """Run the tests on the mutated project, and the one that fails once more where nothing is changed."""
    try:
        with _copy_of_the_project(root) as project:
            changed = mutation.changed(project)
            originals = {path: path.read_text() for path in changed}
            _write(changed)
            noticed = _first_to_notice(project, mutation, seconds)
            if noticed is None:
                return Verdict(False, "by nobody")
            _write(originals)
            if "::" in noticed and _run(project, [noticed, *mutation.options], seconds)[0]:
                raise _NoVerdictError(f"{noticed} fails without a mutation as well")
            return Verdict(True, noticed)
    except (ChangeError, _NoVerdictError) as error:
        return Verdict(False, f"no verdict: {error}")


def end_all() -> None:
    """End the tests that run at this moment."""
    for process in list(_running):
        _kill(process)


@contextmanager
def _copy_of_the_project(root: Path) -> Iterator[Path]:
    """Make a copy of all that belongs to the project, uncommitted changes included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as folder:
        project = Path(folder)
        for name in listed.stdout.splitlines():
            if (root / name).is_file():
                (project / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, project / name)
        yield project


def _write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.write_text(text)
        # What is compiled is known by the second of its source's writing, and by its length.
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)


def _first_to_notice(project: Path, mutation: Mutation, seconds: float) -> str | None:
    code, output = _run(project, mutation.tests, seconds)
    if not code:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (tests/\S+?::.*?)(?: - .*)?$", output, re.MULTILINE)
    if code == TESTS_FAILED and failed:
        return failed.group(1)
    if code < 0:
        return f"the end of the process, by signal {-code}"
    hung = re.search(r"Timeout.*\n(?:.*\n)*?.*tests/(\S+)", output)
    if hung:
        return f"a time limit: {hung.group(1)}"
    raise _NoVerdictError(f"pytest ended with {code}:\n{output[-1000:]}")


def _run(project: Path, tests: Sequence[str], seconds: float) -> tuple[int, str]:
    """Run tests until one fails; return pytest's exit code and what it printed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", *PLUGINS, "--timeout", "20", *tests]
    # Processes that the tests start are to find the copy as well, and none the extension, which an editable install
    # would find beside the original.
    environment = {
        **os.environ,
        "PYTHONPATH": str(project),
        "ZMQBRIDGE_NO_SPEEDUPS": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    walk_whole_ways(environment)
    # To a file: a process that outlives pytest would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=project, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        _running.add(process)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise _NoVerdictError(f"no test failed or hung in {seconds:g} s; choose fewer tests") from None
        finally:
            _kill(process)
            _running.discard(process)
        output.seek(0)
        return code, output.read().decode(errors="replace")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
