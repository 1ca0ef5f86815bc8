"""What is imported by what: the arrows of the design, held."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import zmqbridge

ROOT = Path(__file__).parents[1]
PACKAGES = ("zmqbridge", "zmqbridge_asyncio", "zmqbridge_trio", "zmqbridge_twisted")
LOOPS = {"asyncio", "trio", "twisted", "anyio", "uvloop", "sniffio"}
PURE = (
    "framing",
    "protocols",
    "decoding",
    "endpoints",
    "options",
    "errors",
    "showing",
    "bursts",
    "abc",
    "waiting.guard",
    "waiting.turn",
    "waiting.patience",
    "waiting.edge",
    "waiting.inbox",
    "waiting.parking",
)


def imported_by(statement: str) -> set[str]:
    """Return the top-level names of what a fresh interpreter has imported after a statement."""
    program = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_load_no_zmq(module: str) -> None:
    """A pure module loads neither zmq nor an event loop."""
    assert not imported_by(f"import zmqbridge.{module}") & (LOOPS | {"zmq"})


def test_the_core_loads_no_event_loop() -> None:
    """Importing zmqbridge, and every name of it, loads no event loop."""
    assert not imported_by("from zmqbridge import *") & LOOPS


@pytest.mark.parametrize(
    ("backend", "own_loop"),
    [("zmqbridge_asyncio", "asyncio"), ("zmqbridge_trio", "trio"), ("zmqbridge_twisted", "twisted")],
)
def test_a_backend_loads_its_own_loop_alone(backend: str, own_loop: str) -> None:
    """A backend loads its own loop, and no other; no reactor is installed by importing."""
    others = LOOPS - {own_loop, "sniffio"} - ({"asyncio"} if own_loop == "twisted" else set())
    assert not imported_by(f"import {backend}") & others
    imported_by(f"import {backend}, sys; assert 'twisted.internet.reactor' not in sys.modules")


def test_nothing_unpickles() -> None:
    """No module imports what turns bytes into objects, or calls what does so in pyzmq; a stream has pyzmq pickle."""
    unpicklers = {"pickle", "marshal", "shelve", "recv_pyobj", "send_pyobj"}
    pickling = {ROOT / "zmqbridge_asyncio" / "streams.py": {"send_pyobj"}}
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(modules) > 20
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {node.attr} if isinstance(node, ast.Attribute) else set()
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
            wrong = names & unpicklers - pickling.get(path, set())
            assert not wrong, f"{path} uses {wrong}"


def test_names() -> None:
    """Every public name can be had, is listed, and any other is an AttributeError."""
    for name in zmqbridge.__all__:
        value = getattr(zmqbridge, name)
        assert isinstance(value, bool) or value.__module__.startswith("zmqbridge.")
        assert name in dir(zmqbridge)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        zmqbridge.Nonsense  # noqa: B018


def test_error_tree() -> None:
    """The errors are related as their module's docstring draws them."""
    tree = {
        "ConnectionClosed": (zmqbridge.ZmqBridgeError,),
        "ContextTerminated": (zmqbridge.ZmqBridgeError,),
        "RequestTimeout": (zmqbridge.ZmqBridgeError, TimeoutError),
        "WouldBlock": (zmqbridge.ZmqBridgeError, BlockingIOError),
        "PeerUnreachable": (zmqbridge.ZmqBridgeError, ConnectionError),
        "EndpointError": (zmqbridge.ZmqBridgeError, ValueError),
        "OptionError": (zmqbridge.ZmqBridgeError, ValueError),
        "BackendError": (zmqbridge.ZmqBridgeError, RuntimeError),
        "ProtocolError": (zmqbridge.ZmqBridgeError,),
        "LocalProtocolError": (zmqbridge.ProtocolError,),
        "RemoteProtocolError": (zmqbridge.ProtocolError,),
    }
    for name, bases in tree.items():
        assert getattr(zmqbridge, name).__bases__ == bases
