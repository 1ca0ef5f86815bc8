"""The programs of the pages, checked strictly: ``python -m tests.typed.pages``, a part of ``make lint``.

A program is checked as a reader saves it: those within a page, and those that are files, on each loop that has a tab.
Two kinds are not checked, for the packages that they are written for have types that a strict checker refuses:

- programs of txZMQ, with which one page begins: they run a reactor, of which Twisted tells no type;
- by pyright, those that call Twisted, pyzmq's sockets or its authenticator: parameters of their functions have no type.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.test_docs import DOCS, PROGRAMS, ROOT

sys.path.insert(0, str(DOCS / "_ext"))
from each_loop import LOOPS, on_loop

__all__ = ["check", "programs"]

REACTOR = "from twisted.internet import reactor\n"
PARTLY_TYPED = re.compile(
    r"^(?:from|import) (?:twisted|zmqbridge_asyncio|zmqbridge_twisted|zmq\.auth|numpy|fastapi)", re.M
)


def programs() -> dict[str, str]:
    """Return each program that is checked, by a name of its own that is a module's."""
    found = {f"{block.id.removesuffix('.py')}": block.body for block in PROGRAMS}
    for file in sorted(file for file in DOCS.glob("*/programs/*") if file.suffix in (".py", ".tac")):
        name, text = f"{file.parent.parent.name}:{file.stem}", file.read_text(encoding="utf-8")
        if file.suffix == ".tac":
            found[name] = text
        elif file.parent.parent.name == "tutorial":
            found |= {f"{name}:{loop}": on_loop(text, loop) for loop in LOOPS}
    return {re.sub(r"\W", "_", name): text for name, text in found.items() if REACTOR not in text}


def check(folder: Path, written: dict[str, str]) -> bool:
    """Write programs into a folder, and have both checkers look at them; return whether they find no fault."""
    for name, text in written.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    strict = [f"{name}.py" for name, text in written.items() if not PARTLY_TYPED.search(text)]
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.11", "extraPaths": [str(ROOT)], "include": strict}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "MYPYPATH": str(ROOT)}
    mypy = ["mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(ROOT / ".mypy_cache" / "pages")]
    mypy += [f"--untyped-calls-exclude={name}" for name in ("twisted", "zmqbridge_twisted.service")]
    fit = [
        subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment, check=False).returncode == 0
        for command in ([*mypy, "."], ["pyright", "--pythonpath", sys.executable])
    ]
    return all(fit)


def main() -> None:
    with TemporaryDirectory(prefix="zmqbridge-pages-") as folder:
        sys.exit(0 if check(Path(folder), programs()) else "programs of the pages have faults")


if __name__ == "__main__":
    main()
