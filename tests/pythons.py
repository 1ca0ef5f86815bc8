"""Print every CPython from 3.11 on that this machine has, one path for each minor version.

Looks on the PATH and where pyenv keeps its versions, for pyenv's own commands on
the PATH refuse versions that are not selected.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 20)


def version_of(python: str) -> tuple[int, int] | None:
    """Return the minor version of an interpreter, or None if it does not run."""
    command = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        done = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor = map(int, done.stdout.split())
    return major, minor


def main() -> None:
    candidates = [sys.executable]
    candidates += [f"python3.{minor}" for minor in range(OLDEST[1], NEWEST[1])]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates += [str(path) for path in sorted(pyenv.glob("versions/3.*/bin/python"))]
    found: dict[tuple[int, int], str] = {}
    for candidate in candidates:
        version = version_of(candidate)
        if version is not None and OLDEST <= version <= NEWEST:
            found.setdefault(version, candidate)
    sys.stdout.writelines(f"{found[version]}\n" for version in sorted(found))


if __name__ == "__main__":
    main()
