"""The peer programs themselves: they end when they should, and say why when they should not."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.conformance.harnesses.base import Harness
from tests.interop.processes import ROOT, SECONDS, Peer

PARENT = """
import json, sys, time
from tests.interop.processes import Peer
peers = [Peer(*command) for command in (["plain"], ["proxies"], ["with_txzmq"], ["on_loop", "trio"])]
peers[-1].itself.wait_for_addresses()
print(json.dumps([peer.process.pid for peer in peers]), flush=True)
time.sleep(600)
"""


def _runs(process: psutil.Process) -> bool:
    try:
        status: str = process.status()
    except psutil.NoSuchProcess:
        return False
    return bool(status != psutil.STATUS_ZOMBIE)


def test_no_orphans() -> None:
    """Every program ends by itself when the process that started it is killed."""
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        try:
            children = [psutil.Process(pid) for pid in json.loads(parent.stdout.readline())]
        finally:
            parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while running := [child for child in children if _runs(child)]:
        assert time.monotonic() < deadline, f"still running: {running}"
        time.sleep(0.01)


@pytest.mark.any_loop
async def test_a_failing_job(loop: Harness, plain: Peer) -> None:
    """A case that waits for a job which failed in its program fails at once, with the program's traceback."""
    expected = pytest.raises(AssertionError, match=r"(?s)plain failed.*Traceback.*Invalid argument")
    with plain.open(loop, "PUSH", bind="tcp://nowhere") as job, expected:
        await job.address()


def test_a_failing_program() -> None:
    """A case that waits for a program which ended fails at once, with what the program wrote to its stderr."""
    peer = Peer("on_loop", "no-such-loop")
    with pytest.raises(AssertionError, match=r"(?s)on_loop no-such-loop ended with 2.*invalid choice"):
        peer.itself.wait_for_addresses()
    with pytest.raises(AssertionError, match=r"ended with 2"):
        peer.close()
