"""locust's master and its workers run a load test."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = """
from locust import User, constant, task

class Caller(User):
    wait_time = constant(0.01)

    @task
    def call(self):
        self.environment.events.request.fire(
            request_type="CALL", name="it", response_time=1, response_length=2, exception=None, context={}
        )
"""


def test_a_master_and_two_workers(tmp_path: Path) -> None:
    """The master counts what its workers have done."""
    program = tmp_path / "locustfile.py"
    program.write_text(PROGRAM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    locust = [sys.executable, "-m", "locust", "-f", str(program)]
    master = subprocess.Popen(
        [
            *locust,
            *("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2"),
            *("--headless", "-u", "4", "-r", "4", "-t", "3s", "--json"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    workers = [
        subprocess.Popen(
            [*locust, "--worker", "--master-host", "127.0.0.1", "--master-port", port],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    try:
        out, err = master.communicate(timeout=100)
        assert master.returncode == 0, err
        (counted,) = [each for each in json.loads(out) if each["name"] == "it"]
        assert counted["num_requests"] > 50
        assert counted["num_failures"] == 0
        assert [worker.wait(30) for worker in workers] == [0, 0]
    finally:
        processes: list[subprocess.Popen[Any]] = [master, *workers]
        for process in processes:
            process.kill()
            process.wait()
