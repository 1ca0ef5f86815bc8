"""Which kind of socket serves: the fastest that there is, and what does without the extension."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
import zmq.backend

import zmqbridge.socket
from zmqbridge import _native
from zmqbridge._native import ALL, VARIABLE, load
from zmqbridge.socket import AskingSocket, FastSocket, LeanSocket, Socket, open_socket
from zmqbridge.socket.asking import frames_tell
from zmqbridge.socket.lean import load_option


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """What was found out about libzmq is found out anew, before and after."""
    load_option.cache_clear()
    yield
    load_option.cache_clear()


needs_frames_that_tell = pytest.mark.skipif(
    not frames_tell(), reason="the frames of this pyzmq do not tell whether more follow"
)


def opened_kind() -> type[Socket]:
    """Return the kind of socket that is opened."""
    with zmq.Context() as context:
        socket = open_socket(context, zmq.PAIR)
        socket.close(0)
    return type(socket)


def test_with_the_extension(extension: Any) -> None:
    """Where the extension is, it serves."""
    assert opened_kind() is FastSocket


@needs_frames_that_tell
def test_without_the_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extension is missing, or libzmq's functions are not found, or the variable is set, there is none."""
    with monkeypatch.context() as patched:
        patched.setenv(VARIABLE, "1")
        assert load() is None
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "zmqbridge._native.speedups", None)
        assert load() is None
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "zmq.backend.cython._zmq", os)
        assert load() is None
    monkeypatch.setattr(_native, "speedups", None)
    monkeypatch.setattr(zmqbridge.socket, "_option_can_be_read", True)
    monkeypatch.delenv(VARIABLE, raising=False)
    assert opened_kind() is LeanSocket


@needs_frames_that_tell
def test_pyzmq_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not even RCVMORE can be asked of libzmq itself, or the variable says so, pyzmq does everything."""
    with monkeypatch.context() as patched:
        patched.setenv(VARIABLE, ALL)
        assert load() is None
        assert load_option() is None
    load_option.cache_clear()
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "zmq.backend.cython._zmq", os)
        assert load_option() is None
    monkeypatch.setattr(_native, "speedups", None)
    monkeypatch.setattr(zmqbridge.socket, "_option_can_be_read", False)
    assert opened_kind() is Socket


def test_frames_that_do_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where pyzmq's frames never say that more follow, as where it stands on cffi, libzmq is asked after each."""
    monkeypatch.setattr(_native, "speedups", None)
    with monkeypatch.context() as patched:
        patched.setattr(zmq.backend, "Frame", type("Frame", (), {"more": False}))
        assert not frames_tell()
    monkeypatch.setattr(zmqbridge.socket, "_frames_tell", False)
    assert opened_kind() is AskingSocket


@pytest.mark.parametrize(("value", "kind"), [("", "FastSocket"), ("1", "LeanSocket"), (ALL, "Socket")])
def test_tells(extension: Any, value: str, kind: str) -> None:
    """``zmqbridge.speedups_enabled`` tells whether the extension serves, and the variable who does instead."""
    program = (
        "import zmq, zmqbridge, zmqbridge.socket\n"
        "with zmq.Context() as context:\n"
        "    socket = zmqbridge.socket.open_socket(context, zmq.PAIR)\n"
        "    socket.close(0)\n"
        "print(zmqbridge.speedups_enabled, type(socket).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {VARIABLE: value}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(not value), kind]
