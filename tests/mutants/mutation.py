"""A mutation: a rule, where the code keeps it, the change after which it does not, and the tests that should notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.changes import Change
from tests.mutants.source import ChangeError

__all__ = ["ROOT", "Mutation", "conformance"]

ROOT = Path(__file__).parents[2]


def conformance(loop: str, *names: str) -> tuple[str, ...]:
    """Return the arguments that run these files of the conformance suite on one loop."""
    return (*(f"tests/conformance/test_{name}.py" for name in names), "--harness", loop)


@dataclass(frozen=True)
class Mutation:
    """One rule taken out.

    Attributes:
        rule: its number in the docstring of the module, or a short name of what has no number.
        words: what the code does by this rule, which it does not any more.
        symbol: where it does: ``package.module:Class.method``, a function, a constant, or a module alone.
        change: what is done to the symbol.
        tests: arguments of pytest.
        also: more symbols that are changed in the same way, where the code does it in several places.
    """

    rule: str
    words: str
    symbol: str
    change: Change
    tests: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The rule and the words, by which a mutation is chosen."""
        return f"{self.rule}: {self.words}"

    @property
    def test_files(self) -> list[str]:
        """The files and directories among the arguments of pytest."""
        return [argument for argument in self.tests if argument.startswith("tests/")]

    @property
    def options(self) -> list[str]:
        """All other arguments of pytest."""
        return [argument for argument in self.tests if not argument.startswith("tests/")]

    @property
    def files(self) -> set[Path]:
        """The files that are changed."""
        return {_file(ROOT, symbol.partition(":")[0]) for symbol in (self.symbol, *self.also)}

    def changed(self, project: Path = ROOT) -> dict[Path, str]:
        """Return the files that are changed in a copy of the project, and what they hold then.

        Raises:
            ChangeError: if a symbol is not there, or the change finds no place or too many.
        """
        changed: dict[Path, str] = {}
        for symbol in (self.symbol, *self.also):
            module, _, name = symbol.partition(":")
            path = _file(project, module)
            changed[path] = self.change.applied(changed.get(path) or path.read_text(), name)
        return changed


def _file(project: Path, module: str) -> Path:
    for path in _files(project.joinpath(*module.split("."))):
        if path.is_file():
            return path
    raise ChangeError(f"there is no module {module}")


def _files(path: Path) -> Iterator[Path]:
    yield path.with_suffix(".py")
    yield path / "__init__.py"
