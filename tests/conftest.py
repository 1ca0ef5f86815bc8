"""Loops for the tests that need one: an async test takes the fixture ``loop`` and runs on each of them.

``--backend package.module:BackendClass`` runs the conformance suite on one backend of your own, with the
harness of its loop: ``--harness package.module:HarnessClass``, or the class named ``Harness`` in the
backend's module, or the harness of ours whose name ``--harness`` gives.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.conformance.harnesses import HARNESSES
from tests.conformance.harnesses.base import Harness

# Trial's own cases: test_trial.py has trial run them. The soak takes minutes: make soak.
collect_ignore = ["trial"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked_for = any("soak" in argument for argument in config.invocation_params.args)
    return True if collection_path.name == "soak" and not asked_for else None


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("zmqbridge")
    group.addoption("--backend", metavar="MODULE:CLASS", help="run the conformance suite on this backend alone")
    group.addoption("--harness", metavar="MODULE:CLASS", help="with this harness, or one of ours by name")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "one_task: the case spawns nothing, so a loop of one task can run it")


def _load(name: str) -> Any:
    module, colon, attribute = name.partition(":")
    if not colon:
        raise pytest.UsageError(f"{name!r} is not of the form package.module:Class")
    return getattr(import_module(module), attribute)


def _factories(config: pytest.Config) -> dict[str, Any]:
    backend, harness = config.getoption("--backend"), config.getoption("--harness")
    if backend is None:
        return dict(HARNESSES) if harness is None else {harness: HARNESSES[harness]}
    backend_class = _load(backend)
    if harness is None:
        module = import_module(backend.partition(":")[0])
        harness_class = getattr(module, "Harness", None)
        if harness_class is None:
            raise pytest.UsageError(
                f"{module.__name__} has no class Harness to run tasks on the loop of {backend}; "
                f"name one: --harness module:Class, or one of {', '.join(HARNESSES)}"
            )
    else:
        harness_class = HARNESSES.get(harness) or _load(harness)
    return {backend_class.__name__: functools.partial(harness_class, backend_class)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "loop" in metafunc.fixturenames:
        one_task = metafunc.definition.get_closest_marker("one_task") is not None
        factories = {
            name: factory
            for name, factory in _factories(metafunc.config).items()
            if one_task or getattr(factory, "func", factory).concurrent
        }
        metafunc.parametrize("loop", list(factories.values()), ids=list(factories), indirect=True)


@pytest.fixture
def loop(request: pytest.FixtureRequest) -> Harness:
    """The loop that the case runs on."""
    harness: Harness = request.param()
    return harness


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an async test on its loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    loop: Any = pyfuncitem.funcargs["loop"]
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    loop.run(functools.partial(pyfuncitem.obj, **arguments))
    return True


_inproc_names = itertools.count()


class Addresses:
    """Fresh addresses to bind, of each transport: a free port, a new ipc path, a new name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ipc_names = itertools.count()

    def new(self, transport: str) -> str:
        if transport == "tcp":
            return "tcp://127.0.0.1:*"
        if transport == "ipc":
            return f"ipc://{self._directory}/{next(self._ipc_names)}"
        return f"inproc://{next(_inproc_names)}"


@pytest.fixture
def addresses() -> Iterator[Addresses]:
    """Addresses that nobody else uses; ipc paths are short enough for the system's limit."""
    with TemporaryDirectory(prefix="zmqb-") as directory:
        yield Addresses(Path(directory))
