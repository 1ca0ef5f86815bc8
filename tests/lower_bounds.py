"""Print, as constraints for pip, the oldest releases that pyproject.toml lets a user install, one a line."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lower_bounds() -> Iterator[str]:
    """Yield a constraint for each lower bound of the package and its extras; tools of the project are left alone."""
    with PROJECT.open("rb") as file:
        project = tomllib.load(file)["project"]
    for group in (project["dependencies"], *project["optional-dependencies"].values()):
        for requirement in group:
            bound = re.fullmatch(r"([\w-]+)>=([\w.]+)(;.*)?", requirement)
            if bound:
                yield f"{bound[1]}=={bound[2]}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{constraint}\n" for constraint in sorted(set(lower_bounds())))
