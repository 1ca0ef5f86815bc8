"""Loops for the tests that need one: an async test takes the fixture ``loop`` and runs on those it tells something of.

The facts. There are ten harnesses, and three backends behind nine of them: uvloop runs the backend for asyncio, anyio
that for asyncio or for trio, and each reactor of Twisted's the one for Twisted. Most of the code is the core, which
is the same on all of them. A case on every harness says most of what it says up to ten times.

The rule. What a case looks at decides where it runs, and its nearest mark says what that is:

``any_loop``
    At libzmq, or at what the core does with a message, an option, an address, an error: it runs on one loop. No
    backend takes part in that.
no mark, or ``each_backend``
    At operations that wait, and go on: it runs on the harness that stands for each backend.
``looks_at("waiting", "cancelling")``
    At the way in which a loop registers descriptors and timers and orders a turn, or cancels a task, or both: it
    runs also on every other harness that has a way of its own to do this.

:mod:`tests.conformance.harnesses` has the table: who stands for which backend, and what the others have of their own.
So nothing is left out but what the same code has shown in the same run; and it is an error if a case is left out on
every loop. Where what is left out differs from the rest in something else than its loop, the mark is ``repeats``.
``--everywhere`` leaves out nothing, and goes the whole way where the suite goes a part of it: :mod:`tests.size`.
A run of one harness leaves out nothing either, nor does that of a test named in full.

``--backend package.module:BackendClass`` runs the conformance suite on one backend of your own, all of it, with the
harness of its loop: ``--harness package.module:HarnessClass``, or the class named ``Harness`` in the
backend's module, or the harness of ours whose name ``--harness`` gives.
"""

from __future__ import annotations

import functools
import gc
import inspect
import itertools
import os
import signal
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.conformance.harnesses import ANY, ASPECTS, HARNESSES, OWN, STAND_INS
from tests.conformance.harnesses.base import Harness
from tests.size import walk_whole_ways

# Trial's own cases: test_trial.py has trial run them. The soak takes minutes: make soak.
collect_ignore = ["trial"]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked_for = any("soak" in argument for argument in config.invocation_params.args)
    return True if collection_path.name == "soak" and not asked_for else None


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("zmqbridge")
    group.addoption("--backend", metavar="MODULE:CLASS", help="run the conformance suite on this backend alone")
    group.addoption("--harness", metavar="MODULE:CLASS", help="with this harness, or one of ours by name")
    group.addoption("--everywhere", action="store_true", help="run each case on every loop, what they repeat as well")


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "one_task: the case spawns nothing, so a loop of one task can run it",
        "any_loop: the case looks at libzmq or at the core alone, so one loop says it",
        "each_backend: one loop of each backend says it, as where there is no mark",
        "looks_at(*aspects): so do other loops of the same backend that wait, or cancel, in their own way",
        "repeats: the same case with other parameters, or a shorter one, says it",
        "long: the case takes seconds, so it begins before the others and nobody waits for it in the end",
    ):
        config.addinivalue_line("markers", line)
    if config.getoption("everywhere"):
        walk_whole_ways(os.environ)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So a shell starts what it starts in the background, and each program of these tests would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)


# The parameters that say on which loop a test runs: the fixture below, and those of tests with loops of their own.
LOOP_PARAMETERS = ("loop", "new_loop", "stage", "reactor")


def _harness_of(item: pytest.Item) -> str | None:
    """Return the name of the harness that a test runs on, if it runs on one of ours."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    for parameter in LOOP_PARAMETERS:
        value = parameters.get(parameter)
        name = getattr(value, "name", value)
        if isinstance(name, str) and name in HARNESSES:
            return name
    return None


def _case_of(item: pytest.Item) -> tuple[object, ...]:
    """Return what tests that differ in their loops alone have in common."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    # The same objects on every loop; not all of them can be compared.
    others = {name: id(value) for name, value in parameters.items() if name not in LOOP_PARAMETERS}
    return (item.location[0], getattr(item, "originalname", item.name), *sorted(others.items()))


def repeats(item: pytest.Item) -> bool:
    """Whether another test says what a test would say."""
    if item.get_closest_marker("repeats"):
        return True
    harness = _harness_of(item)
    if harness is None:
        return False
    for mark in item.iter_markers():
        if mark.name == "any_loop":
            return harness != ANY
        if mark.name == "each_backend":
            break
        if mark.name == "looks_at":
            if not ASPECTS.issuperset(mark.args):
                raise pytest.UsageError(f"{item.nodeid} looks at {mark.args}; the aspects are {sorted(ASPECTS)}")
            return harness not in STAND_INS and OWN[harness].isdisjoint(mark.args)
    return harness not in STAND_INS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what other tests say, and begin with those that take long."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    named = any("[" in argument for argument in config.args)
    if named or any(config.getoption(option) for option in ("everywhere", "backend", "harness")):
        return
    repeated = [item for item in items if repeats(item)]
    left_out = set(repeated)
    items[:] = [item for item in items if item not in left_out]
    run = set(map(_case_of, items))
    by_loop = (item for item in repeated if _harness_of(item) and not item.get_closest_marker("repeats"))
    if nowhere := [item.nodeid for item in by_loop if _case_of(item) not in run]:
        raise pytest.UsageError(f"no other loop says what these would say: {nowhere}")
    config.hook.pytest_deselected(items=repeated)


# PyPy's collector keeps the old apart by itself.
FREEZES = hasattr(gc, "freeze")


def pytest_collection() -> None:
    """Make thousands of tests, none of them garbage, undisturbed."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Have the garbage collector pass them over: the many tests that collect garbage would go through them all."""
    gc.collect()
    if FREEZES:
        gc.freeze()
    gc.enable()


def pytest_sessionfinish() -> None:
    if FREEZES:
        gc.unfreeze()


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
