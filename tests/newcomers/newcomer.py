"""Somebody who stands on a page, and has a folder and terminals: whatever is done there is on the page, to the letter.

One thing is exchanged in all that is copied, programs and commands alike: each port, for one that is free here.
"""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from tests.newcomers.pages import Page, Program

__all__ = ["Newcomer", "Terminal"]

PORT = re.compile(r"(?<=:)\d{4,5}\b|(?<=--port )\d{4,5}\b")
SECONDS = 50
SCRIPTS = str(Path(sys.executable).parent)


class Ports:
    """The ports of the pages, each with one that is free here, and that no system hands out by itself."""

    def __init__(self) -> None:
        self._free: dict[str, str] = {}

    def exchanged(self, text: str) -> str:
        """Return a text with this machine's ports."""
        return PORT.sub(lambda match: self._of(match[0]), text)

    def _of(self, port: str) -> str:
        while port not in self._free:
            candidate = random.randint(10_000, 30_000)
            with socket.socket() as trial:
                try:
                    trial.bind(("", candidate))
                except OSError:
                    continue
            self._free[port] = str(candidate)
        return self._free[port]


class Terminal:
    """A program that runs in a terminal."""

    def __init__(self, process: subprocess.Popen[str], program: Program | None) -> None:
        self._process = process
        self._program = program

    def says(self, words: str) -> None:
        """Wait until it has printed a line with these words."""
        assert self._process.stdout is not None
        seen = []
        for line in self._process.stdout:
            seen.append(line)
            if words in line:
                return
        raise AssertionError(f"no {words!r} in {seen}")

    def ends_as_told(self) -> None:
        """Wait for its end: it has printed what the page says, and nothing else."""
        assert self._program is not None
        assert self._program.printed is not None
        printed, errors = self._process.communicate(timeout=SECONDS)
        assert (self._process.returncode, printed, errors) == (0, self._program.printed, "")

    def interrupt(self) -> None:
        """Type Ctrl+C."""
        self._process.send_signal(signal.SIGINT)


class Newcomer:
    """Somebody who reads, copies and types.

    Args:
        folder: where programs are saved, and started.
        stack: what ends the programs.
        loop: the tab that was chosen.
    """

    def __init__(self, folder: Path, stack: ExitStack, loop: str = "asyncio") -> None:
        self._folder = folder
        self._stack = stack
        self._loop = loop
        self._ports = Ports()
        self._programs: dict[str, Program] = {}
        self._before: list[Page] = []
        self.page = Page("index")

    def opens(self, name: str) -> Newcomer:
        """Open a page where somebody arrives."""
        self.page = Page(name)
        return self

    def follows(self, *names: str) -> Newcomer:
        """Follow one link after another."""
        for name in names:
            assert name in self.page.links(), f"{self.page.name} does not lead to {name}"
            self._before.append(self.page)
            self.page = Page(name)
        return self

    def goes_back(self) -> Newcomer:
        """Return to the page before."""
        self.page = self._before.pop()
        return self

    def saves(self, *names: str) -> None:
        """Copy programs of the page into files of their names."""
        for name in names:
            program = self.page.program(name, self._loop)
            (self._folder / name).write_text(self._ports.exchanged(program.text), encoding="utf-8")
            self._programs[name] = program

    def types(self, command: str, *, strict: bool = True) -> Terminal:
        """Type a command of the page, in a terminal of its own; if strict, a warning is an error."""
        words = shlex.split(self._typed(command))
        environment = os.environ | {"PATH": os.pathsep.join([SCRIPTS, os.environ.get("PATH", "")])}
        environment |= {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        if strict:
            environment["PYTHONWARNINGS"] = "error"
        executable = sys.executable if words[0] == "python" else shutil.which(words[0], path=environment["PATH"])
        assert executable, f"there is no {words[0]}"
        process = subprocess.Popen(
            [executable, *words[1:]],
            cwd=self._folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if strict else subprocess.STDOUT,
            encoding="utf-8",
        )
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        return Terminal(process, self._programs.get(words[-1]))

    def _typed(self, command: str) -> str:
        assert command in self.page.commands(), f"{self.page.name} does not say {command!r}"
        return self._ports.exchanged(command)

    def asks(self, command: str) -> None:
        """Type a command of the page whose answer stands behind it, and compare the answer."""
        words = shlex.split(self._typed(command))
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=SECONDS)
        promised = self.page.promised(command)
        assert done.stdout == promised, (done.stdout, promised)

    def reads(self, words: str) -> str:
        """Return words that stand on the page as a literal."""
        assert f"``{words}``" in self.page.text, f"{self.page.name} does not say {words!r}"
        return words
