"""A second libzmq in the process, to which pyzmq's calls go: two libraries must not share a socket."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zmq

PROGRAM = """
import asyncio, ctypes, sys
from pathlib import Path
how, library = sys.argv[1:]
for path in Path(library).parent.iterdir():
    if path != Path(library):
        ctypes.CDLL(str(path))  # it needs them, and does not look for them beside it
if how == "before":
    ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
if how == "apart":
    ctypes.CDLL(library)
import zmq
import zmqbridge, zmqbridge.socket
if how == "after":
    ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
async def main():
    async with zmqbridge.Context(linger=0) as context:
        puller = context.puller(bind="tcp://127.0.0.1:*")
        pusher = context.pusher(connect=puller.endpoints[0].address)
        for number in range(200):
            await pusher.send([b"x" * 70_000, b"%d" % number])
            assert (await puller.receive())[1] == b"%d" % number
        print(type(puller._link.socket).__name__, zmqbridge.speedups_enabled)
asyncio.run(main())
"""


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of pyzmq's libzmq, which the system does not take for the same."""
    directories = [Path(zmq.__file__).parents[1] / "pyzmq.libs", Path(zmq.__file__).parent / ".libs"]
    found = [path for directory in directories for path in directory.glob("libzmq*.so*")]
    if not found:
        pytest.skip("this pyzmq has no libzmq beside it to make another one of")
    (original,) = found
    directory = tmp_path_factory.mktemp("another")
    for path in original.parent.iterdir():
        content = path.read_bytes()
        if path == original:
            content = content.replace(original.name.encode(), original.name.replace("libzmq", "notzmq").encode())
        (directory / path.name).write_bytes(content)
    copy = directory / original.name
    try:
        ctypes.CDLL(str(copy))
    except OSError as error:
        pytest.skip(f"it cannot be loaded: {error}")
    return copy


def run(how: str, library: Path) -> str:
    """Return what serves where another library is loaded in this way."""
    command = [sys.executable, "-c", PROGRAM, how, str(library)]
    environment = {name: value for name, value in os.environ.items() if name != "ZMQBRIDGE_NO_SPEEDUPS"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_in_the_scope_of_the_process(another: Path) -> None:
    """Where pyzmq's calls go to another libzmq nothing else calls one, and messages flow."""
    assert run("before", another) == "Socket False"


@pytest.mark.parametrize("how", ["apart", "after", "not at all"])
def test_out_of_the_way(another: Path, how: str, extension: object) -> None:
    """Where they do not, nobody has to stand aside."""
    assert run(how, another) == "FastSocket True"
