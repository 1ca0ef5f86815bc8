"""txZMQ's interface on each reactor: :mod:`tests.trial`, run by trial in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.timeout(180)
@pytest.mark.parametrize("reactor", ["epoll", "poll", "select", "asyncio"])
def test_trial(reactor: str, tmp_path: Path) -> None:
    """Every case passes, and leaves no dirty reactor, no unhandled Deferred and no open descriptor."""
    command = [sys.executable, "-m", "twisted.trial", "--reactor", reactor, "--temp-directory", str(tmp_path / "trial")]
    done = subprocess.run([*command, "tests.trial"], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED" in done.stdout
