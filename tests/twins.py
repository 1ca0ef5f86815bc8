"""What has a twin in C is tested by the same cases on both: fixtures that give a case the one, and then the other.

The extension is tested wherever it is built, whatever the environment says of the rest of the suite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zmqbridge import _native
from zmqbridge.channel.units import PYTHON, Units, native_units
from zmqbridge.socket import AskingSocket, FastSocket, LeanSocket, Socket
from zmqbridge.socket.asking import frames_tell
from zmqbridge.socket.lean import load_option

__all__ = ["KINDS", "UNITS", "extension", "kind", "need_extension", "units"]


def need_extension(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the extension, in use for as long as the case lasts; skip the case where it was not built."""
    if _native.speedups is None:
        monkeypatch.delenv(_native.VARIABLE, raising=False)
        monkeypatch.setattr(_native, "speedups", _native.load())
    if _native.speedups is None:
        pytest.skip("the extension was not built")
    return _native.speedups


def _plain(monkeypatch: pytest.MonkeyPatch) -> type[Socket]:
    if not frames_tell():
        pytest.skip("the frames of this pyzmq do not tell whether more follow")
    return Socket


def _asking(monkeypatch: pytest.MonkeyPatch) -> type[Socket]:
    return AskingSocket


def _lean(monkeypatch: pytest.MonkeyPatch) -> type[Socket]:
    if load_option() is None:
        pytest.skip("libzmq's own function cannot be called, or must not")
    return LeanSocket


def _fast(monkeypatch: pytest.MonkeyPatch) -> type[Socket]:
    need_extension(monkeypatch)
    return FastSocket


KINDS: dict[str, Callable[[pytest.MonkeyPatch], type[Socket]]] = {
    "plain": _plain,
    "asking": _asking,
    "lean": _lean,
    "fast": _fast,
}


def _in_python(monkeypatch: pytest.MonkeyPatch) -> Units:
    return PYTHON


def _in_c(monkeypatch: pytest.MonkeyPatch) -> Units:
    need_extension(monkeypatch)
    units = native_units()
    assert units is not None
    return units


UNITS: dict[str, Callable[[pytest.MonkeyPatch], Units]] = {"python": _in_python, "c": _in_c}


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The extension, in use."""
    return need_extension(monkeypatch)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[Socket]:
    """Each kind of socket."""
    return KINDS[request.param](monkeypatch)


@pytest.fixture(params=UNITS)
def units(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Units:
    """The books in Python, and their twins in C."""
    return UNITS[request.param](monkeypatch)
