"""txZMQ's interface on each reactor: :mod:`tests.trial`, run by trial in a process of its own.

The reactor that stands for the others runs all of it. On the others a case says something new where the reactor itself
takes part: where descriptors are registered and fall silent, and where they flood it; and on asyncio's, which stops and
forks in a way of its own, there as well. What a handler does with a message is the same on all of them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

EVERYTHING = ["tests.trial"]
OF_DESCRIPTORS = [
    *(f"tests.trial.test_connection.{case}" for case in ("ReactorTests", "EndTests", "HandlerTests")),
    "tests.trial.test_flood.FloodCase.test_two",
]
OF_THE_REACTOR = [
    *OF_DESCRIPTORS,
    "tests.trial.test_flood.FloodCase.test_one",
    "tests.trial.test_factory.ShutdownTests",
    "tests.trial.test_factory.RegisterForShutdownTests",
    "tests.trial.test_service.TwistdTests.test_daemonised",
]
CASES = {"epoll": EVERYTHING, "poll": OF_DESCRIPTORS, "select": OF_DESCRIPTORS, "asyncio": OF_THE_REACTOR}


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", CASES)
def test_trial(name: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Every case passes, and leaves no dirty reactor, no unhandled Deferred and no open descriptor."""
    cases = EVERYTHING if pytestconfig.getoption("everywhere") else CASES[name]
    # "-m twisted.trial" of old releases looks for what they require under names that it does not have any more.
    command = [sys.executable, "-c", "from twisted.scripts import trial; trial.run()", "--reactor", name]
    command += ["--temp-directory", str(tmp_path / "trial")]
    done = subprocess.run([*command, *cases], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASSED" in done.stdout
