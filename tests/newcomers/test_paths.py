"""Five newcomers: each comes from a landing page to two programs that talk, by links, copied code and told commands."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.newcomers.newcomer import Newcomer
from tests.newcomers.pages import README

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C reaches no single process there")


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Callable[[str], Newcomer]]:
    """Somebody new, with the loop that the tabs show."""
    with ExitStack() as stack:
        yield lambda loop: Newcomer(tmp_path, stack, loop)


def test_an_asyncio_web_developer(newcomer: Callable[[str], Newcomer]) -> None:
    """A web service answers with what another process says."""
    for module in ("fastapi", "uvicorn"):
        pytest.importorskip(module)
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    developer = newcomer("asyncio")
    developer.opens(README).follows("recipes/index", "recipes/web-service")
    developer.opens("index").follows("recipes/index", "recipes/web-service")
    developer.saves("web_service.py")
    service = developer.types("uvicorn web_service:app --port 8000", strict=False)
    developer.follows("tutorial/two-machines").saves("thermometer.py")
    assert "SecurityWarning" in developer.page.text
    developer.types("python thermometer.py", strict=False).says("SecurityWarning")
    service.says("Uvicorn running on")
    developer.goes_back().asks("curl http://127.0.0.1:8000/rooms/kitchen")


def test_a_fan_of_trio(newcomer: Callable[[str], Newcomer]) -> None:
    """A sensor and a collector on trio."""
    fan = newcomer("trio")
    fan.opens("index").follows("getting-started/index", "getting-started/trio")
    fan.opens(README).follows("tutorial/index", "tutorial/one-process", "tutorial/two-terminals")
    fan.opens("index").follows("tutorial/index", "tutorial/one-process", "tutorial/two-terminals")
    fan.saves("collector.py", "sensor.py")
    collector = fan.types("python collector.py")
    fan.types("python sensor.py").ends_as_told()
    collector.ends_as_told()


def test_a_veteran_of_twisted(newcomer: Callable[[str], Newcomer]) -> None:
    """An application of twistd gets a job from another program, both with handlers."""
    veteran = newcomer("Twisted")
    veteran.opens(README).follows("migrating-from-txzmq", "getting-started/twisted")
    veteran.opens("index").follows("getting-started/index", "getting-started/twisted")
    veteran.saves("jobs.tac", "push_job.py")
    application = veteran.types("twistd --nodaemon --python jobs.tac", strict=False)
    veteran.types("python push_job.py").ends_as_told()
    application.says(veteran.reads("job [b'sweep the floor']"))


def test_somebody_with_arrays_on_zmq_asyncio(newcomer: Callable[[str], Newcomer]) -> None:
    """A program of zmq.asyncio, whose import has changed, sends images to one with connections."""
    pytest.importorskip("numpy")
    owner = newcomer("asyncio")
    owner.opens(README).follows("migrating-from-zmq-asyncio", "recipes/arrays")
    owner.opens("index").follows("migrating-from-zmq-asyncio", "recipes/arrays")
    owner.saves("viewer.py", "camera.py")
    viewer = owner.types("python viewer.py")
    owner.types("python camera.py").ends_as_told()
    viewer.ends_as_told()


def test_somebody_with_an_instrument(newcomer: Callable[[str], Newcomer]) -> None:
    """The control program learns that the instrument was stopped during its sweep."""
    physicist = newcomer("asyncio")
    physicist.opens(README).follows("recipes/index", "recipes/instrument")
    physicist.opens("index").follows("recipes/index", "recipes/instrument")
    physicist.saves("instrument.py", "control.py")
    instrument = physicist.types("python instrument.py")
    control = physicist.types("python control.py")
    instrument.says(physicist.reads("sweeping"))
    instrument.interrupt()
    control.ends_as_told()
