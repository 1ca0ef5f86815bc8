"""txZMQ's own modules, classes and signatures, and ours beside them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest import mock

import txzmq
from twisted.internet import reactor
from twisted.trial import unittest

import zmqbridge_twisted as tx

MODULES = ("connection", "factory", "pubsub", "pushpull", "req_rep", "router_dealer")
EMPTY = inspect.Parameter.empty
BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def classes_of(name: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each class that a module of txZMQ's defines: its name, itself, and ours."""
    theirs = importlib.import_module(f"txzmq.{name}")
    ours = importlib.import_module(f"zmqbridge_twisted.{name}")
    for each, value in vars(theirs).items():
        if inspect.isclass(value) and value.__module__ == theirs.__name__ and not each.startswith("_"):
            yield each, value, getattr(ours, each, None)


def all_classes() -> list[tuple[str, Any, Any]]:
    found = [each for name in MODULES for each in classes_of(name)]
    assert len(found) == 16
    return found


def methods_of(theirs: Any) -> Iterator[str]:
    """Yield the constructor of a class and its public methods, inherited ones too, by name."""
    for name, value in inspect.getmembers(theirs):
        if inspect.isfunction(value) and (name == "__init__" or not name.startswith("_")):
            yield name


class NameTests(unittest.TestCase):
    def test_modules(self) -> None:
        """Each of txZMQ's modules has its namesake here, with every class that it defines."""
        for module in MODULES:
            for name, _, ours in classes_of(module):
                self.assertTrue(inspect.isclass(ours), f"{module}.{name}")

    def test_package(self) -> None:
        """The package exports what txZMQ's does, and the modules' classes are the package's."""
        for name in txzmq.__all__:
            self.assertIn(name, tx.__all__)
            self.assertTrue(hasattr(tx, name), name)
        for name, _, ours in all_classes():
            if name in tx.__all__:
                self.assertIs(getattr(tx, name), ours)

    def test_by_attribute(self) -> None:
        """The modules are attributes of the package, as ``txzmq.connection`` is."""
        for name in MODULES:
            self.assertIsInstance(getattr(tx, name), ModuleType)

    def test_reactor(self) -> None:
        """The modules that had the name ``reactor`` have it, it may be replaced, and the others have it not."""
        for name in MODULES:
            theirs = importlib.import_module(f"txzmq.{name}")
            ours = importlib.import_module(f"zmqbridge_twisted.{name}")
            self.assertEqual(hasattr(ours, "reactor"), hasattr(theirs, "reactor"), name)
            if hasattr(theirs, "reactor"):
                self.assertIs(ours.reactor, reactor)
                with mock.patch(f"zmqbridge_twisted.{name}.reactor") as replaced:
                    self.assertIs(ours.reactor, replaced)
                self.assertIs(ours.reactor, reactor)
            self.assertRaises(AttributeError, getattr, ours, "no_such_name")

    def test_public_names_exist(self) -> None:
        """What ``__all__`` lists is there, in the package and in each module."""
        for module in (tx, *(getattr(tx, name) for name in MODULES)):
            for name in module.__all__:
                self.assertTrue(hasattr(module, name), f"{module.__name__}.{name}")

    def test_bases(self) -> None:
        """A class that derives from another of txZMQ's there does so here."""
        classes = {theirs: ours for _, theirs, ours in all_classes()}
        for theirs, ours in classes.items():
            for base in theirs.__mro__[1:]:
                if base in classes:
                    self.assertTrue(issubclass(ours, classes[base]), f"{ours}, {base}")

    def test_public_attributes(self) -> None:
        """Whatever public attribute a class has there, it has here, of the same kind."""
        for name, theirs, ours in all_classes():
            for attribute in dir(theirs):
                if not attribute.startswith("_") and attribute != "UUID_POOL_GEN_SIZE":
                    self.assertTrue(hasattr(ours, attribute), f"{name}.{attribute}")
                    self.assertEqual(
                        callable(getattr(theirs, attribute)),
                        callable(getattr(ours, attribute)),
                        f"{name}.{attribute}",
                    )

    def test_errors(self) -> None:
        """The error of a request that timed out is an ``Exception`` that takes the id, as in txZMQ."""
        self.assertTrue(issubclass(tx.ZmqRequestTimeoutError, Exception))
        self.assertEqual(tx.ZmqRequestTimeoutError(b"id").args, txzmq.ZmqRequestTimeoutError(b"id").args)


class SignatureTests(unittest.TestCase):
    def test_methods(self) -> None:
        """Every public method and constructor takes the arguments that it takes there, by place and by name."""
        compared = 0
        for name, theirs, ours in all_classes():
            for method in methods_of(theirs):
                compared += 1
                there = getattr(theirs, method)
                if there in (txzmq.ZmqREQConnection.__init__, txzmq.ZmqREPConnection.__init__):
                    there = txzmq.ZmqConnection.__init__  # to which they pass on whatever they get
                self.compare(f"{name}.{method}", there, getattr(ours, method))
        self.assertGreater(compared, 100)

    def compare(self, where: str, theirs: Any, ours: Any) -> None:
        there, here = inspect.signature(theirs), inspect.signature(ours)
        variable = {parameter.kind for parameter in there.parameters.values()}
        if not variable & set(VARIABLE):
            self.same_parameters(where, there, here)
        for places, words in calls_of(there):
            try:
                bound = here.bind(*places, **words)
            except TypeError as error:
                raise self.failureException(
                    f"{where}{there} may be called so, {where}{here} may not: {error}"
                ) from None
            self.same_arguments(where, there.bind(*places, **words), bound)

    def same_parameters(self, where: str, there: inspect.Signature, here: inspect.Signature) -> None:
        """What is named there is named here, in the same order and with an equal default; more has a default."""
        named = [each for each in here.parameters.values() if each.kind in BY_PLACE]
        for theirs, ours in zip(there.parameters.values(), named, strict=False):
            self.assertEqual(theirs.name, ours.name, where)
            self.assertEqual(theirs.default is EMPTY, ours.default is EMPTY, where)
            if theirs.default is not EMPTY:
                self.assertEqual(as_bytes(theirs.default), as_bytes(ours.default), where)
        for more in list(here.parameters.values())[len(there.parameters) :]:
            self.assertTrue(more.default is not EMPTY or more.kind in VARIABLE, f"{where}: {more}")

    def same_arguments(self, where: str, theirs: inspect.BoundArguments, ours: inspect.BoundArguments) -> None:
        for name, value in theirs.arguments.items():
            if theirs.signature.parameters[name].kind not in VARIABLE:
                self.assertIn(name, ours.arguments, where)
                self.assertIs(ours.arguments[name], value, where)

    def test_request_timeout(self) -> None:
        """``sendMsg`` of a requester takes ``timeout`` by name only, and any number of parts by place."""
        here = inspect.signature(tx.ZmqREQConnection.sendMsg)
        bound = here.bind(None, b"a", b"b", b"c", timeout=5)
        self.assertEqual(list(bound.arguments.values())[1:], [(b"a", b"b", b"c"), 5])
        self.assertEqual(here.parameters["timeout"].kind, inspect.Parameter.KEYWORD_ONLY)
        self.assertIsNone(here.parameters["timeout"].default)


class DefaultTests(unittest.TestCase):
    def test_class_attributes(self) -> None:
        """Every public attribute of every class has txZMQ's default."""
        compared = 0
        for name, theirs, ours in all_classes():
            for attribute, value in inspect.getmembers(theirs):
                if attribute.startswith("_") or attribute in ("reactor", "UUID_POOL_GEN_SIZE"):
                    continue
                if callable(value) or inspect.isdatadescriptor(value):
                    continue
                compared += 1
                self.assertEqual(getattr(ours, attribute), value, f"{name}.{attribute}")
        self.assertGreater(compared, 100)

    def test_reactor(self) -> None:
        """A factory's reactor is the global one, there and here."""
        self.assertIs(txzmq.ZmqFactory.reactor, reactor)
        self.assertIs(tx.ZmqFactory.reactor, reactor)

    def test_endpoint(self) -> None:
        """An endpoint is a pair of the same names, equal to txZMQ's."""
        self.assertEqual(tx.ZmqEndpoint._fields, txzmq.ZmqEndpoint._fields)
        self.assertEqual(tx.ZmqEndpoint("bind", "tcp://*:1"), txzmq.ZmqEndpoint("bind", "tcp://*:1"))
        self.assertEqual(tx.ZmqEndpoint(address="a", type="b"), ("b", "a"))

    def test_instance_attributes(self) -> None:
        """A factory and a connection have the attributes that txZMQ documents, before and after ``shutdown``."""
        factory = tx.ZmqFactory()
        self.assertEqual((factory.connections, factory.trigger), (set(), None))
        connection = tx.ZmqDealerConnection(factory, None, b"id")
        self.assertIs(connection.factory, factory)
        self.assertEqual((connection.endpoints, connection.identity, list(connection.queue)), ([], b"id", []))
        self.assertEqual(connection.fileno(), connection.fd)
        self.assertIsNotNone(connection.socket)
        self.assertEqual(factory.connections, {connection})
        ended = factory.shutdown()
        self.assertEqual((connection.factory, connection.socket), (None, None))
        self.assertEqual((factory.connections, factory.context), (None, None))
        return ended  # type: ignore[return-value]


def as_bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def calls_of(there: inspect.Signature) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Yield ways in which a function may be called: least, most, by place and by name."""
    parameters = list(there.parameters.values())
    named = [each for each in parameters if each.kind in BY_PLACE]
    needed = [each for each in named if each.default is EMPTY]
    # Whatever follows variable places is given by place itself.
    more = [object(), object()] if any(each.kind is VARIABLE[0] for each in parameters) else []
    yield [object() for _ in needed], {}
    yield [object() for _ in named] + more, {}
    if named:
        me = object()
        yield [me], {each.name: object() for each in named[1:]}
        yield [me], {each.name: object() for each in needed[1:]}
