"""What two states have in common that behave alike from now on.

The facts. A state is a graph of objects: the connection, what it keeps of those who wait, and the suspended coroutines
with their variables and the place where each is. Which object it is matters nowhere, nor does the name of a
message; that two are the same, or not, does.

The consequence. To list by hand what counts is to forget something one day, and a search that takes different states
for the same is blind without notice.

The design. The walk goes through *all* that can be reached from some roots. Objects, messages and large numbers are
replaced by the order in which they are met. What is known to have no influence is left out by name, so what nobody
thought of makes for more states, and hides none. A coroutine's variables are read by the interpreter's own collector of
garbage, which also sees those that have no name: how far a loop has come.
"""

from __future__ import annotations

import gc
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from enum import Enum
from operator import attrgetter, length_hint
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    NoneType,
)
from typing import Any

__all__ = ["Graph", "Plan", "Snapshot"]

PLAIN = frozenset({bool, str, float, NoneType})
IGNORED = frozenset({FunctionType, CodeType, FrameType, BuiltinFunctionType, ModuleType})
SEQUENCES = frozenset({list, tuple, deque})
MAPPINGS = frozenset({dict, OrderedDict})
ITERATORS = frozenset({type(iter([])), type(iter(())), type(iter(range(0))), type(iter(range(1 << 99)))})

# Numbers from here on are names: a thread's, or a limit that is none.
LARGE = 1 << 20

UNSET = "unset"
ENDED = "ended"


class Plan:
    """How the walk goes on from objects and coroutines.

    Args:
        packages: objects of classes defined in these are entered.
        without: attributes that have no influence, or are reached otherwise, as ``Class.name``.
        names: attributes and variables whose numbers matter only by being the same or not.
        opaque: classes whose objects are seen, and not entered; nor are those of classes made from them.
        single: classes of which there is one object, reached from the roots or of no influence: that a coroutine
            refers to it says nothing.
    """

    def __init__(
        self,
        packages: tuple[str, ...],
        without: Collection[str],
        names: Collection[str],
        opaque: Collection[type],
        single: Collection[type],
    ) -> None:
        self.packages = packages
        self.without = frozenset(without)
        self.names = frozenset(names)
        self.opaque = tuple(opaque)
        self._left_out = IGNORED | frozenset(single)
        self.entered: set[type] = set()
        self._getters: dict[tuple[type, int], tuple[tuple[str, ...], Callable[[Any], Any], bool]] = {}
        self._numbered: dict[CodeType, bool] = {}

    def enter(self, kind: type) -> None:
        """Note that objects of a class are entered.

        Raises:
            TypeError: if nothing is known of it.
        """
        if not kind.__module__.startswith(self.packages) and not issubclass(kind, self.opaque):
            raise TypeError(f"a fingerprint of {kind.__module__}.{kind.__qualname__} is not known; see Plan")
        self.entered.add(kind)

    def attributes(self, value: Any) -> tuple[tuple[str, ...], Callable[[Any], Any], bool]:
        """Return the names of an object's attributes, what reads them all, and whether some are among :attr:`names`."""
        kind = type(value)
        own = getattr(value, "__dict__", ())
        key = (kind, len(own))
        found = self._getters.get(key)
        if found is None:
            names: tuple[str, ...] = ()
            if not issubclass(kind, self.opaque):
                names = tuple(
                    sorted(name for name in {*slots_of(kind), *own} if f"{kind.__name__}.{name}" not in self.without)
                )
            getter = attrgetter(*names) if len(names) > 1 else lambda value: [getattr(value, name) for name in names]
            found = self._getters[key] = (names, getter, not self.names.isdisjoint(names))
        return found

    def suspended(self, coroutine: Any) -> list[Any]:
        """Return where a coroutine is, and all it refers to, those included for which it waits.

        That changes when it runs, and not before. Plain values come first, as one text.
        """
        left_out = self._left_out
        plain: list[Any] = []
        held: list[Any] = [""]
        waiting: Any = coroutine
        while waiting is not None:
            if type(waiting) is CoroutineType:
                frame, inner = waiting.cr_frame, waiting.cr_await
            elif type(waiting) is GeneratorType:
                frame, inner = waiting.gi_frame, waiting.gi_yieldfrom
            else:
                held.append(waiting)
                break
            if frame is None:
                plain.append(ENDED)
                break
            code = frame.f_code
            plain += (code.co_qualname, frame.f_lasti)
            items: Iterable[Any]
            if self._has_names(code):
                items = [Name((name, item)) if name in self.names else item for name, item in frame.f_locals.items()]
            else:
                items = gc.get_referents(waiting)
            for item in items:
                kind = type(item)
                if kind in PLAIN or (kind is int and item < LARGE):
                    plain.append(item)
                elif kind not in left_out and item is not inner:
                    held.append(item)
            waiting = inner
        held[0] = repr(plain)
        return held

    def _has_names(self, code: CodeType) -> bool:
        found = self._numbered.get(code)
        if found is None:
            found = self._numbered[code] = not self.names.isdisjoint(code.co_varnames)
        return found


class Name(tuple[str, object]):
    """A number that matters only by being the same as another of that name, or not."""

    __slots__ = ()


class Graph:
    """One walk.

    Attributes:
        parts: what it met so far, in plain values.
        met: the objects that it entered, in the order of being met.
    """

    def __init__(self, plan: Plan) -> None:
        self.parts: list[Any] = []
        self.met: dict[int, Any] = {}
        self._plan = plan
        self._names: dict[object, int] = {}
        self._numbers: dict[int, int] = {}

    def copy(self) -> Graph:
        """Return another walk that goes on where this one is, and meets no more objects."""
        other = Graph(self._plan)
        other.parts = self.parts.copy()
        other._names = self._names.copy()
        return other

    def visit(self, values: Iterable[Any]) -> None:
        """Note values, and all that can be reached from them."""
        note = self.parts.append
        names = self._names
        for value in values:
            kind = type(value)
            if kind is int:
                if value < LARGE:
                    note(value)
                else:
                    note(names.setdefault(value, len(names)))
            elif kind in PLAIN:
                note(value)
            elif kind in IGNORED:
                pass
            elif kind is bytes:
                note(names.setdefault(value, len(names)))
            elif kind in SEQUENCES:
                note(len(value))
                if kind is not tuple:
                    self.met[id(value)] = value
                if value:
                    self.visit(value)
            elif kind in MAPPINGS:
                note(len(value))
                self.met[id(value)] = value
                if value:
                    self.visit(value)
                    self.visit(value.values())
            else:
                number = self._numbers.get(id(value))
                if number is not None:
                    note(number)
                elif kind is Name:
                    note(names.setdefault(value, len(names)))
                else:
                    self._object(value, kind)

    def _object(self, value: Any, kind: type) -> None:
        if kind in self._plan.entered:
            self._numbers[id(value)] = len(self._numbers)
            self.met[id(value)] = value
            self.parts.append(kind.__qualname__)
            names, getter, named = self._plan.attributes(value)
            if names:
                try:
                    found = getter(value)
                except AttributeError:
                    found = [getattr(value, name, UNSET) for name in names]
                if named:
                    found = [
                        Name((name.strip("_"), item)) if name in self._plan.names else item
                        for name, item in zip(names, found, strict=True)
                    ]
                self.visit(found)
        elif kind is CellType:
            self.visit((value.cell_contents,))
        elif kind is MethodType:
            self.parts.append(value.__name__)
            self.visit((value.__self__,))
        elif isinstance(value, Enum):
            self.parts.append(value.name)
        elif isinstance(value, type):
            self.parts.append(value.__qualname__)
        elif isinstance(value, BaseException):
            self.parts.append(kind.__qualname__)
        elif kind in ITERATORS:
            self.parts.append(length_hint(value))
        elif kind is CoroutineType or kind is GeneratorType:
            self._numbers[id(value)] = len(self._numbers)
            self.visit(self._plan.suspended(value))
        else:
            self._plan.enter(kind)
            self._object(value, kind)


class Snapshot:
    """What some objects hold, to be put back. Those to which they refer are as they were, unless they are among them.

    Args:
        met: the objects.
    """

    def __init__(self, met: Iterable[Any]) -> None:
        self._lists: list[tuple[Any, Any]] = []
        self._mappings: list[tuple[Any, Any]] = []
        self._slots: list[tuple[Any, list[tuple[str, Any]]]] = []
        for value in met:
            kind = type(value)
            if kind is list or kind is deque:
                self._lists.append((value, list(value)))
            elif kind in MAPPINGS:
                self._mappings.append((value, dict(value)))
            else:
                own = getattr(value, "__dict__", None)
                if own is not None:
                    self._mappings.append((own, own.copy()))
                slots = slots_of(kind)
                if slots:
                    self._slots.append((value, [(name, getattr(value, name, UNSET)) for name in slots]))

    def put_back(self) -> None:
        """Have the objects hold again what they held."""
        for value, items in self._lists:
            value.clear()
            value.extend(items)
        for value, items in self._mappings:
            if len(value) != len(items) or type(value) is OrderedDict:
                value.clear()
            value.update(items)
        for value, slots in self._slots:
            for name, item in slots:
                if item is not UNSET:
                    setattr(value, name, item)


_slots: dict[type, tuple[str, ...]] = {}


def slots_of(kind: type) -> tuple[str, ...]:
    """Return the names of a class's slots."""
    found = _slots.get(kind)
    if found is None:
        names = {name for base in kind.__mro__ for name in getattr(base, "__slots__", ())}
        found = _slots[kind] = tuple(sorted(names - {"__weakref__", "__dict__"}))
    return found
