"""The changes that take a rule out of a symbol, each named for what it does to the syntax tree.

A change finds its place by the names that the code there mentions: of variables, attributes, functions and keys.
It finds exactly one place, or it fails: ``within`` says in which part of the symbol to look,
and ``everywhere`` that all places are meant. Where a change takes new code, ``{}`` in it is the code that stood there.

A condition is what is tested by an ``if``, a ``while``, an ``assert``, a ternary or a comprehension, or an operand of
``and`` and ``or`` anywhere; of a test that is made of several with ``and``, ``or`` and ``not``, each is one of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.mutants.source import ChangeError, Edit, Source, name_of, read

__all__ = [
    "Change",
    "Where",
    "argument",
    "assigned",
    "branch",
    "condition",
    "drop_assignment",
    "drop_branch",
    "drop_call",
    "drop_decrement",
    "drop_increment",
    "handler",
    "ignore_result",
    "imports",
    "insert_before_return",
    "never",
    "once",
    "only_if",
    "rename",
    "replace_call",
    "replace_use",
    "returns",
    "uncaught",
    "unguarded",
    "value",
    "whole_test",
]


@dataclass(frozen=True)
class Where:
    """A part of a symbol.

    Attributes:
        words: how it is written in a mutation.
        parts: find it, in one node.
    """

    words: str
    parts: Callable[[ast.AST], Iterator[Sequence[ast.AST]]]


@dataclass(frozen=True)
class Change:
    """What is done to a symbol.

    Attributes:
        words: how it is written in a mutation.
        edits: find all places below a node, and return what becomes of them.
        wheres: the parts within which to look, from the outermost.
        many: several places are meant.
    """

    words: str
    edits: Callable[[Source, ast.AST], Iterable[Edit]]
    wheres: tuple[Where, ...] = ()
    many: bool = False

    def within(self, where: Where) -> Change:
        """Return the change that looks in one part of the symbol alone."""
        return replace(self, words=f"{self.words}.within({where.words})", wheres=(*self.wheres, where))

    def everywhere(self) -> Change:
        """Return the change of all the places that there are."""
        return replace(self, words=f"{self.words}.everywhere()", many=True)

    def applied(self, text: str, symbol: str) -> str:
        """Return a module's text with the symbol changed.

        Raises:
            ChangeError: if that is not one place, or what comes of it is no Python.
        """
        source = read(text)
        try:
            nodes: Sequence[ast.AST] = [source.symbol(symbol)]
            for where in self.wheres:
                parts = [part for node in nodes for part in where.parts(node)]
                if len(parts) != 1:
                    raise ChangeError(f"it holds {where.words} {len(parts)} times")
                nodes = parts[0]
            edits = [edit for node in nodes for edit in self.edits(source, node)]
            if not edits or (len(edits) > 1 and not self.many):
                raise ChangeError(f"it has {len(edits)} places for that")
            return source.edited(edits)
        except ChangeError as error:
            raise ChangeError(f"{symbol or 'the module'}, {self.words}: {error}") from None


# --- where ---


def branch(*mentions: str) -> Where:
    """The body of the ``if``, the ``elif`` or the ``while`` whose test mentions these names."""

    def parts(root: ast.AST) -> Iterator[Sequence[ast.AST]]:
        for node in ast.walk(root):
            if isinstance(node, (ast.If, ast.While)) and _mentions(node.test, mentions):
                yield node.body

    return Where(_words("branch", *mentions), parts)


def handler(*mentions: str) -> Where:
    """The body of the ``except`` whose type mentions these names."""

    def parts(root: ast.AST) -> Iterator[Sequence[ast.AST]]:
        for node in ast.walk(root):
            if isinstance(node, ast.ExceptHandler) and node.type is not None and _mentions(node.type, mentions):
                yield node.body

    return Where(_words("handler", *mentions), parts)


def whole_test(*mentions: str) -> Where:
    """The whole test of the ``if``, the ``elif`` or the ``while`` that mentions these names."""

    def parts(root: ast.AST) -> Iterator[Sequence[ast.AST]]:
        for node in ast.walk(root):
            if isinstance(node, (ast.If, ast.While)) and _mentions(node.test, mentions):
                yield [node.test]

    return Where(_words("whole_test", *mentions), parts)


# --- statements ---


def drop_call(name: str) -> Change:
    """Take out the statement that is a call of this name, awaited or not."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, ast.Expr) and _is_call(_awaited(node.value), name):
                yield source.replace(node, "pass")

    return Change(_words("drop_call", name), edits)


def drop_assignment(name: str, of: str | None = None) -> Change:
    """Take out the assignment to this name, of this value if one is said; of several names, take out this one."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node, targets in _assignments(root):
            if of not in (None, source.of(_value(node))):
                continue
            others = [source.of(target) for target in targets if name_of(target) != name]
            if len(others) < len(targets):
                kept = "".join(f"{other} = " for other in others)
                yield source.replace(node, f"{kept}({source.of(_value(node))})" if kept else "pass")

    return Change(_words("drop_assignment", name, **({} if of is None else {"of": of})), edits)


def drop_increment(name: str) -> Change:
    """Take out the ``+=`` of this name."""
    return _drop_augmented("drop_increment", name, ast.Add)


def drop_decrement(name: str) -> Change:
    """Take out the ``-=`` of this name."""
    return _drop_augmented("drop_decrement", name, ast.Sub)


def _drop_augmented(words: str, name: str, operator: type[ast.operator]) -> Change:
    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, ast.AugAssign) and isinstance(node.op, operator) and name_of(node.target) == name:
                yield source.replace(node, "pass")

    return Change(_words(words, name), edits)


def only_if(name: str, test: str) -> Change:
    """Have the statement that is a call of this name, or assigns to it, in whatever way, run only where this holds."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            match node:
                case ast.Expr(value=value) if _is_call(_awaited(value), name):
                    pass
                case ast.AugAssign(target=target) if name_of(target) == name:
                    pass
                case ast.Assign(targets=targets) if name in map(name_of, targets):
                    pass
                case _:
                    continue
            yield source.replace(node, f"if {test}: {source.of(node)}")

    return Change(_words("only_if", name, test), edits)


def insert_before_return(statement: str) -> Change:
    """Put a statement before the ``return``."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, ast.Return):
                yield source.insert(node, statement)

    return Change(_words("insert_before_return", statement), edits)


def returns(new: str) -> Change:
    """Have the ``return`` return something else."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, ast.Return):
                old = "None" if node.value is None else source.of(node.value)
                yield source.replace(node, f"return {_filled(new, old)}")

    return Change(_words("returns", new), edits)


def once(*mentions: str) -> Change:
    """Make an ``if`` of the ``while`` whose test mentions these names."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, ast.While) and _mentions(node.test, mentions):
                start = source.start(node)
                yield Edit(start, start + len("while"), "if")

    return Change(_words("once", *mentions), edits)


def uncaught(name: str) -> Change:
    """Have the ``except`` of this error let it pass; if it is for others too, these it still catches."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
                others = [source.of(error) for error in caught if name_of(error) != name]
                if len(others) < len(caught):
                    yield source.replace(node.type, f"({''.join(f'{other}, ' for other in others)})")

    return Change(_words("uncaught", name), edits)


def imports(module: str) -> Change:
    """Have the module, which is the symbol, import another as well."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.iter_child_nodes(root):
            if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", None) != "__future__":
                yield source.insert(node, f"import {module}")
                return

    return Change(_words("imports", module), edits)


# --- conditions ---


def condition(*mentions: str, becomes: str) -> Change:
    """Have another condition stand for the one that mentions these names."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for leaf in _conditions(root):
            if _mentions(leaf, mentions):
                yield source.replace(leaf, _filled(becomes, source.of(leaf)))

    return Change(_words("condition", *mentions, becomes=becomes), edits)


def never(*mentions: str) -> Change:
    """Have the condition that mentions these names be false, though it is evaluated; a ``not`` before it is no part."""
    return replace(condition(*mentions, becomes="{} and False"), words=_words("never", *mentions))


def unguarded(*mentions: str) -> Change:
    """Take out the operand of ``and`` or ``or`` that mentions these names, with the ``not`` before it."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if not isinstance(node, ast.BoolOp):
                continue
            for operand in node.values:
                if _mentions(operand, mentions) and not any(isinstance(part, ast.BoolOp) for part in _test(operand)):
                    others = [f"({source.of(other)})" for other in node.values if other is not operand]
                    word = " and " if isinstance(node.op, ast.And) else " or "
                    yield source.replace(node, f"({word.join(others)})")

    return Change(_words("unguarded", *mentions), edits)


def drop_branch(*mentions: str) -> Change:
    """Have the ``if`` whose whole test mentions these names, though it is evaluated, never run its body."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, ast.If) and _mentions(node.test, mentions):
                yield source.replace(node.test, _filled("{} and False", source.of(node.test)))

    return Change(_words("drop_branch", *mentions), edits)


# --- expressions ---


def value(new: str) -> Change:
    """Give the constant, which is the symbol, another value."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        if isinstance(root, (ast.Assign, ast.AnnAssign)) and root.value is not None:
            yield source.replace(root.value, _filled(new, source.of(root.value)))

    return Change(_words("value", new), edits)


def assigned(name: str, new: str) -> Change:
    """Assign something else to this name."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node, targets in _assignments(root):
            if name in map(name_of, targets):
                old = _value(node)
                yield source.replace(old, _filled(new, source.of(old)))

    return Change(_words("assigned", name, new), edits)


def ignore_result(name: str) -> Change:
    """Make the call of this name whose result is assigned, alone or in an expression, for its effect only."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node, _ in _assignments(root):
            if any(_is_call(part, name) for part in ast.walk(_value(node))):
                yield source.replace(node, source.of(_value(node)))

    return Change(_words("ignore_result", name), edits)


def argument(call: str, index: int | str, new: str) -> Change:
    """Give the call of this name another argument in the place of one, which is named by its index or keyword."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, ast.Call) and name_of(node.func) == call:
                given: list[tuple[int | str | None, ast.expr]] = [*enumerate(node.args)]
                given += [(keyword.arg, keyword.value) for keyword in node.keywords]
                for key, found in given:
                    if key == index:
                        yield source.replace(found, _filled(new, source.of(found)))

    return Change(_words("argument", call, index, new), edits)


def replace_call(name: str, new: str) -> Change:
    """Put something else in the place of the call of this name."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if _is_call(node, name):
                yield source.replace(node, _filled(new, source.of(node)))

    return Change(_words("replace_call", name, new), edits)


def replace_use(name: str, new: str) -> Change:
    """Put something else in the place of the variable or the attribute of this name, where it is read."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, (ast.Name, ast.Attribute)) and name_of(node) == name and isinstance(node.ctx, ast.Load):
                yield source.replace(node, _filled(new, source.of(node)))

    return Change(_words("replace_use", name, new), edits)


def rename(name: str, new: str) -> Change:
    """Use another variable, attribute or function in the place of the one of this name, of the same object."""

    def edits(source: Source, root: ast.AST) -> Iterator[Edit]:
        for node in ast.walk(root):
            if isinstance(node, (ast.Name, ast.Attribute)) and name_of(node) == name:
                end = source.end(node)
                yield Edit(end - len(name.encode()), end, new)

    return Change(_words("rename", name, new), edits)


# --- the tree ---


def _words(change: str, *arguments: object, **keywords: object) -> str:
    written = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in keywords.items())]
    return f"{change}({', '.join(written)})"


def _filled(new: str, old: str) -> str:
    return f"({new.replace('{}', f'({old})')})"


def _mentions(node: ast.AST, names: Iterable[str]) -> bool:
    mentioned = set()
    for part in ast.walk(node):
        match part:
            case (
                ast.Name(id=name)
                | ast.Attribute(attr=name)
                | ast.keyword(arg=str(name))
                | ast.Constant(value=str(name))
            ):
                mentioned.add(name)
    return mentioned.issuperset(names)


def _awaited(node: ast.AST) -> ast.AST:
    return node.value if isinstance(node, ast.Await) else node


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and name_of(node.func) == name


def _assignments(root: ast.AST) -> Iterator[tuple[ast.Assign | ast.AnnAssign, list[ast.expr]]]:
    for node in ast.walk(root):
        if isinstance(node, ast.Assign):
            yield node, node.targets
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield node, [node.target]


def _value(node: ast.Assign | ast.AnnAssign) -> ast.expr:
    assert node.value is not None
    return node.value


def _test(node: ast.expr) -> Iterator[ast.expr]:
    """Yield a test's ``and``, ``or`` and ``not``, from the outermost, and what they are made of."""
    yield node
    match node:
        case ast.BoolOp(values=operands):
            for operand in operands:
                yield from _test(operand)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _test(operand)


def _conditions(root: ast.AST) -> Iterator[ast.expr]:
    leaves: dict[int, ast.expr] = {}
    for node in ast.walk(root):
        tests: Sequence[ast.expr] = ()
        match node:
            case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
                tests = (test,)
            case ast.comprehension(ifs=tests):
                pass
            case ast.BoolOp():
                tests = (node,)
        for test in tests:
            for part in _test(test):
                if not isinstance(part, ast.BoolOp) and not _is_not(part):
                    leaves[id(part)] = part
    yield from leaves.values()


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
