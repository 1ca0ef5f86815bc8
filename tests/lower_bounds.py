"""Print, as constraints for pip, the oldest releases that pyproject.toml lets a user install, one a line."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def requirements() -> Iterator[str]:
    """Yield what the package and its extras require; the project's own tools are left alone."""
    with PROJECT.open("rb") as file:
        project = tomllib.load(file)["project"]
    for group in (project["dependencies"], *project["optional-dependencies"].values()):
        yield from (requirement for requirement in group if not requirement.startswith(project["name"] + "["))


def lower_bounds(requirements: Iterable[str]) -> list[str]:
    """Return the constraints to the lower bounds of requirements, each once.

    Raises:
        ValueError: for a requirement without a lower bound, or for two that do not agree on theirs.
    """
    bounds: dict[str, str] = {}
    for requirement in requirements:
        found = re.fullmatch(r"([\w-]+)>=([\w.]+)(?:;.*)?", requirement)
        if found is None:
            raise ValueError(f"{requirement!r} has no lower bound, such as {requirement.split(';')[0]}>=1.0")
        name, bound = found.groups()
        if bounds.setdefault(name, bound) != bound:
            raise ValueError(f"{requirement!r} has not the lower bound {bounds[name]} that {name} has elsewhere")
    return [f"{name}=={bound}" for name, bound in sorted(bounds.items())]


if __name__ == "__main__":
    sys.stdout.writelines(f"{constraint}\n" for constraint in lower_bounds(requirements()))
