"""The documentation: its programs run and print what the pages say, and its names exist."""

from __future__ import annotations

import ast
import gc
import logging
import re
import runpy
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.rst") if "_build" not in page.parts)

_BLOCK = re.compile(
    r"^\.\. code-block:: (?P<language>\w+)\n(?:   :caption: (?P<caption>.+)\n)?\n(?P<body>(?:(?:   .*)?\n)+)", re.M
)


@dataclass
class Block:
    """One code block of a page."""

    page: Path
    language: str
    caption: str | None
    body: str
    printed: str | None = None

    @property
    def id(self) -> str:
        return f"{self.page.relative_to(DOCS).with_suffix('')}:{self.caption}"


def blocks() -> list[Block]:
    """Every code block of every page; what a program prints is the block behind it."""
    found: list[Block] = []
    for page in PAGES:
        for match in _BLOCK.finditer(page.read_text(encoding="utf-8") + "\n"):
            body = textwrap.dedent(match["body"]).strip("\n") + "\n"
            if match["caption"] == "It prints":
                found[-1].printed = body
            else:
                found.append(Block(page, match["language"], match["caption"], body))
    return found


PYTHON = [block for block in blocks() if block.language == "python"]
PROGRAMS = [block for block in PYTHON if block.caption]
FRAGMENTS = [block for block in PYTHON if not block.caption]


BUILDING = 170  # seconds, after which it hangs


def run(*command: str, cwd: Path, seconds: float = 50) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=seconds, check=False
    )


# A reactor runs once in a process. Every other loop leaves the process as it found it.
WITH_A_REACTOR = [program for program in PROGRAMS if "twisted" in program.body]
WITHOUT = [program for program in PROGRAMS if program not in WITH_A_REACTOR]


@pytest.fixture
def saved(program: Block, tmp_path: Path) -> Path:
    """A program as a file of its own."""
    assert program.printed is not None, "a program with a caption is followed by a block that says what it prints"
    path = tmp_path / "program.py"
    path.write_text(program.body, encoding="utf-8")
    return path


@pytest.mark.parametrize("program", WITHOUT, ids=lambda program: program.id)
def test_program_prints_what_the_page_says(program: Block, saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A program of the documentation runs as printed, without a warning, and prints what the page says."""
    level = logging.getLogger("zmqbridge").level
    try:
        runpy.run_path(str(saved), run_name="__main__")
    finally:
        logging.getLogger("zmqbridge").setLevel(level)  # some programs want to see less
    gc.collect()  # what it left open would warn now
    assert capfd.readouterr() == (program.printed, "")


@pytest.mark.repeats
@pytest.mark.parametrize("program", WITHOUT, ids=lambda program: program.id)
def test_program_ends_as_quietly(program: Block, saved: Path) -> None:
    """Such a program prints no more when it is a process of its own, and its interpreter ends."""
    printed_by_a_process(program, saved)


@pytest.mark.parametrize("program", WITH_A_REACTOR, ids=lambda program: program.id)
def test_program_with_a_reactor_prints_what_the_page_says(program: Block, saved: Path) -> None:
    """A program of Twisted's, as a process of its own, does the same."""
    printed_by_a_process(program, saved)


def printed_by_a_process(program: Block, path: Path) -> None:
    done = run("-W", "error", str(path), cwd=path.parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, program.printed, "")


def test_fragments_are_python() -> None:
    """What is no whole program is at least valid Python."""
    for fragment in FRAGMENTS:
        compile(fragment.body, str(fragment.page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_every_loop_has_programs() -> None:
    """Each page of getting started holds programs, so none of them is passed over."""
    pages = {program.page.stem for program in PROGRAMS if program.page.parent.name == "getting-started"}
    assert pages == {"asyncio", "trio", "anyio", "twisted"}


def test_every_python_block_is_seen() -> None:
    """No code block of Python is written in a way that these tests would not find."""
    written = sum(page.read_text(encoding="utf-8").count("code-block:: python") for page in PAGES)
    assert written == len(PYTHON)


@pytest.mark.parametrize("name", zmqbridge.__all__)
def test_public_name_is_in_the_reference(name: str) -> None:
    """Every public name has its place in the API reference."""
    reference = "".join(page.read_text(encoding="utf-8") for page in PAGES if page.parent.name == "api")
    assert re.search(rf"^\.\. (?:auto(?:class|exception|function)|data):: zmqbridge\.{name}$", reference, re.M)


def test_make_targets_exist() -> None:
    """Every command 'make X' that a page names is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    pages = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    named = {name for page in pages for name in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))}
    assert named <= targets


def test_conformance_command_of_the_backend_page() -> None:
    """The page on backends names a command that runs the conformance suite, of which this is a part, on its example."""
    page = (DOCS / "writing-a-backend.rst").read_text(encoding="utf-8")
    (options,) = re.findall(r"pytest tests/conformance (--backend tests\..*)", page)
    part = "tests/conformance/test_pipeline.py"
    done = run("-m", "pytest", "-v", "-k", "test_arrives", part, *options.split(), cwd=ROOT)
    assert done.returncode == 0, done.stdout
    assert "BlockingBackend" in done.stdout


async def test_conformance_case_of_the_contributing_page(loop: Harness, addresses: Addresses) -> None:
    """The case that CONTRIBUTING.md shows runs as it is printed there."""
    (case,) = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.S)
    names: dict[str, Any] = {"pytest": pytest, "zmqbridge": zmqbridge, "Harness": Harness, "Addresses": Addresses}
    exec(case, names)
    (shown,) = (names[name] for name in names if name.startswith("test_"))
    await shown(loop, addresses)


def build_the_pages(builder: str, folder: Path) -> None:
    command = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", builder, str(DOCS), str(folder)]
    done = run(*command, cwd=ROOT, seconds=BUILDING)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
@pytest.mark.timeout(BUILDING + 10)
def test_pages_build_without_a_warning(tmp_path: Path) -> None:
    """Sphinx reads the pages with warnings as errors: every reference resolves, every docstring is well formed."""
    build_the_pages("dummy", tmp_path)
