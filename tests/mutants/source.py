"""The text of a module and its syntax tree: a symbol is found by its name, and edited where it stands.

The tree says where a piece of code stands, and only that piece is written anew. So all else keeps its lines, and
a failing test's traceback fits the file.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["ChangeError", "Edit", "Source", "name_of", "read"]

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class ChangeError(ValueError):
    """The source holds nothing to change, or more than one such thing, or the change makes no Python of it."""


@dataclass(frozen=True, order=True)
class Edit:
    """One piece of the text and what becomes of it.

    Attributes:
        start: where the piece begins, in bytes.
        end: where it ends.
        text: what stands there instead.
    """

    start: int
    end: int
    text: str


class Source:
    """One module's text, and where everything stands in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree = ast.parse(text)
        self._bytes = text.encode()
        self._lines = [0]
        for line in self._bytes.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    @functools.cached_property
    def _dumped(self) -> str:
        return ast.dump(self.tree)

    def symbol(self, name: str) -> ast.AST:
        """Return what is defined by a dotted name, such as ``Class.method``; the module itself where it is empty.

        Raises:
            ChangeError: if nothing is, or more than one thing.
        """
        node: ast.AST = self.tree
        for part in name.split(".") if name else ():
            found = [statement for statement in _statements(node) if _defines(statement, part)]
            if len(found) != 1:
                raise ChangeError(f"{name!r} is defined {len(found)} times")
            node = found[0]
        return node

    def start(self, node: ast.AST) -> int:
        """Return where a node begins, in bytes."""
        line: int = node.lineno  # type: ignore[attr-defined]
        column: int = node.col_offset  # type: ignore[attr-defined]
        return self._lines[line - 1] + column

    def end(self, node: ast.AST) -> int:
        """Return where a node ends, in bytes."""
        line: int = node.end_lineno  # type: ignore[attr-defined]
        column: int = node.end_col_offset  # type: ignore[attr-defined]
        return self._lines[line - 1] + column

    def of(self, node: ast.AST) -> str:
        """Return a node's text, without the brackets around it."""
        return self._bytes[self.start(node) : self.end(node)].decode()

    def replace(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that puts a text in a node's place."""
        return Edit(self.start(node), self.end(node), text)

    def insert(self, node: ast.AST, text: str) -> Edit:
        """Return the edit that puts a statement on a line of its own before another."""
        start = self.start(node)
        column: int = node.col_offset  # type: ignore[attr-defined]
        return Edit(start, start, f"{text}\n{' ' * column}")

    def edited(self, edits: Iterable[Edit]) -> str:
        """Return the text with some edits made.

        Raises:
            ChangeError: if they overlap, if no Python comes of them, or none but what was there.
        """
        pieces = []
        done = 0
        for edit in sorted(edits):
            if edit.start < done:
                raise ChangeError("two edits overlap")
            pieces += [self._bytes[done : edit.start], edit.text.encode()]
            done = edit.end
        text = b"".join([*pieces, self._bytes[done:]]).decode()
        try:
            tree = ast.parse(text)
            compile(text, "<changed>", "exec", dont_inherit=True)  # it says more than the parser: of a lone break, too
        except SyntaxError as error:
            raise ChangeError(f"line {error.lineno} is no Python then: {error.msg}") from None
        if ast.dump(tree) == self._dumped:
            raise ChangeError("nothing is changed")
        return text


@functools.lru_cache(maxsize=32)
def read(text: str) -> Source:
    """Return a module's text with its tree; many mutations change the same few modules."""
    return Source(text)


def name_of(node: ast.AST) -> str | None:
    """Return the name that an expression goes by: ``c`` for ``c``, ``a.b.c``, ``a.c()`` and ``a.c[0]``."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=inner) | ast.Subscript(value=inner) | ast.Await(value=inner) | ast.Starred(value=inner):
            return name_of(inner)
    return None


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield what is defined directly in a module, a class or a function, under a condition or not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        if not isinstance(child, (*_SCOPES, ast.expr)):
            yield from _statements(child)


def _defines(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            overload = any(name_of(decorator) == "overload" for decorator in statement.decorator_list)
            return statement.name == name and not overload
        case ast.Assign(targets=targets):
            return any(isinstance(target, ast.Name) and target.id == name for target in targets)
        case ast.AnnAssign(target=ast.Name(id=defined), value=value):
            return defined == name and value is not None
    return False
