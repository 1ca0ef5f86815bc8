"""A program in a fresh process, with a time limit: whatever it starts and leaves is ended with it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes:
        status: its status; ``None`` if its time was over.
        line: the last line that it printed.
        errors: what it wrote to standard error.
    """

    status: int | None
    line: str
    errors: str


def run_fresh(command: Sequence[str], environment: Mapping[str, str], limit: float) -> Ended:
    """Run a program, for the time limit at most."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment, start_new_session=True)
        status: int | None = None
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            pass
        finally:
            end_group(process)
        output.seek(0)
        errors.seek(0)
        lines = output.read().decode(errors="replace").splitlines()
        return Ended(status, lines[-1] if lines else "", errors.read().decode(errors="replace"))


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process, and whatever it has started and left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
