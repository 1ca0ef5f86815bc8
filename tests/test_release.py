"""What is published, and how: the archives' make, the workflows, and the pages that an index shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import pytest

import zmqbridge
from release.version import version, why_not

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = ("zmqbridge", "zmqbridge_asyncio", "zmqbridge_trio", "zmqbridge_twisted")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


# --- what is in an archive ---


@pytest.fixture
def source() -> Iterator[Path]:
    """Yield a copy of what the archives are made of."""
    with TemporaryDirectory(prefix="zmqbridge-source-") as name:
        folder = Path(name)
        for file in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
            shutil.copy(ROOT / file, folder)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        yield folder


def make(source: Path, kind: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "setup.py", "--quiet", kind]
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=source, env=clean | environment, capture_output=True, text=True, check=False)


def wheels(source: Path) -> list[str]:
    return [re.sub(r"^zmqbridge-[^-]+-", "", path.name) for path in (source / "dist").glob("*.whl")]


WITHOUT_COMPILER = {"CC": "no-compiler-here"}
SERVES = sys.implementation.name == "cpython" and "free-threading" not in sys.version
native = pytest.mark.skipif(not SERVES, reason="the extension is not for this Python")


@native
def test_no_compiler(source: Path) -> None:
    """Without a compiler the wheel is made, says by its name that it is a pure one, and a warning names the remedy."""
    done = make(source, "bdist_wheel", **WITHOUT_COMPILER)
    assert done.returncode == 0, done.stderr
    assert wheels(source) == ["py3-none-any.whl"]
    assert "UserWarning: zmqbridge's C extension was not built" in done.stderr
    assert "install a C compiler" in done.stderr


@native
def test_no_compiler_for_a_release(source: Path) -> None:
    """Where the extension is required, as for a release, a build without it fails."""
    done = make(source, "bdist_wheel", **WITHOUT_COMPILER, ZMQBRIDGE_EXTENSION="required")
    assert done.returncode != 0
    assert not (source / "dist").exists()


def test_no_extension_wanted(source: Path) -> None:
    """Where no extension is wanted no compiler is called, nothing is warned of, and the wheel is a pure one."""
    done = make(source, "bdist_wheel", **WITHOUT_COMPILER, ZMQBRIDGE_EXTENSION="none")
    assert done.returncode == 0, done.stderr
    assert wheels(source) == ["py3-none-any.whl"]
    assert "extension" not in done.stderr


def test_wheel_has_each_module(source: Path) -> None:
    """A wheel has every module of the packages, and their marks of types, but nothing that the extension is made of."""
    done = make(source, "bdist_wheel", ZMQBRIDGE_EXTENSION="none")
    assert done.returncode == 0, done.stderr
    (wheel,) = (source / "dist").glob("*.whl")
    has = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (
        path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.suffix == ".py" or path.stem == "py"
    )
    assert has == {path.relative_to(ROOT).as_posix() for path in files}


def test_bad_wish(source: Path) -> None:
    """Another wish than these is refused, with the value and the good ones."""
    done = make(source, "bdist_wheel", ZMQBRIDGE_EXTENSION="maybe")
    assert done.returncode != 0
    assert "ZMQBRIDGE_EXTENSION is 'maybe'; it may be 'required', 'none' or 'optional'" in done.stderr


def test_source_distribution_is_the_same_each_time(source: Path) -> None:
    """With SOURCE_DATE_EPOCH a source distribution has the same bytes, whenever and with whatever modes its files."""
    archives = []
    for seconds, mode in ((1_600_000_000, 0o644), (1_700_000_000, 0o600)):
        for path in source.rglob("*.py"):
            path.chmod(mode)
            os.utime(path, (seconds, seconds))
        done = make(source, "sdist", SOURCE_DATE_EPOCH="1500000000")
        assert done.returncode == 0, done.stderr
        (archive,) = (source / "dist").glob("*.tar.gz")
        archives.append(archive.read_bytes())
        archive.unlink()
    assert archives[0] == archives[1]


# --- the version ---


@pytest.mark.parametrize(
    ("tag", "version", "said"),
    [
        ("v0.1.0", "0.1.0", ""),
        ("v0.1.0", "0.1.1", "the tag is 'v0.1.0', and the version '0.1.1' has the tag 'v0.1.1'"),
        ("0.1.0", "0.1.0", "the tag is '0.1.0'"),
        ("v0.1.0.dev0", "0.1.0.dev0", "the version is '0.1.0.dev0', that of work on the next one"),
        ("", "0.1.0", "the tag is ''"),
    ],
)
def test_tag(tag: str, version: str, said: str) -> None:
    """A tag releases the version that it names, and no version of work in progress."""
    why = why_not(tag, version)
    assert why.startswith(said)
    assert bool(why) == bool(said)


def test_version_is_read_without_the_package() -> None:
    """What the release compares with is the package's own version."""
    assert version() == zmqbridge.__version__


# --- what the installed package says of itself ---


def said(*, without: str | None = None) -> dict[str, str]:
    environment = {"ZMQBRIDGE_NO_SPEEDUPS": without} if without else {}
    command = [sys.executable, "-m", "zmqbridge", "--version"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


def test_versions() -> None:
    """'python -m zmqbridge' tells its version, libzmq's, pyzmq's and Python's, and whether the extension serves."""
    zmq = pytest.importorskip("zmq")
    told = said()
    assert told["zmqbridge"] == zmqbridge.__version__
    assert told["libzmq"] == zmq.zmq_version()
    assert told["pyzmq"] == zmq.__version__
    assert told["C extension"].startswith("serves" if zmqbridge.speedups_enabled else "does not serve: ")


def test_why_the_extension_stands_aside() -> None:
    """Where the extension is not wanted 'python -m zmqbridge' says by what."""
    assert said(without="1")["C extension"] == "does not serve: ZMQBRIDGE_NO_SPEEDUPS is '1'"


def test_the_extension_is_not_there() -> None:
    """Where the extension was not built 'python -m zmqbridge' says so."""
    program = (
        "import sys, runpy; sys.modules['zmqbridge._native.speedups'] = None; "
        "runpy.run_module('zmqbridge', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "C extension: does not serve: it was not built" in done.stdout


# --- the workflows ---


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_each_job_can_be_run_at_home(workflow: Path) -> None:
    """A workflow runs targets of the Makefile, and nothing else."""
    runs = re.findall(r"^ *(?:- )?run: *(.*)$", workflow.read_text(encoding="utf-8"), re.MULTILINE)
    commands = [run for run in runs if run]  # the heading of defaults is empty
    assert commands
    for command in commands:
        found = re.fullmatch(r"make ([a-z-]+)(?: PYTHON=python)?", command)
        assert found, command
        assert found.group(1) in TARGETS


def jobs(workflow: str) -> dict[str, str]:
    """Return the text of each job of a workflow."""
    text = (ROOT / ".github" / "workflows" / workflow).read_text(encoding="utf-8").partition("\njobs:\n")[2]
    parts = re.split(r"^  ([a-z-]+):\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_only_publishing_may_sign() -> None:
    """One job may publish: it waits for all others, runs for a tag alone, and runs no code of the project."""
    found = jobs("release.yml")
    (name,) = (name for name, text in found.items() if "id-token" in text)
    publish = found.pop(name)
    (needs,) = re.findall(r"needs: \[(.*)\]", publish)
    assert set(needs.split(", ")) == set(found)
    assert "if: github.ref_type == 'tag'" in publish
    assert "attestations: true" in publish
    assert "checkout" not in publish
    assert "run:" not in publish
    for workflow in WORKFLOWS:
        text = workflow.read_text(encoding="utf-8")
        assert text.count("id-token") == (workflow.name == "release.yml")
        assert "\npermissions:\n  contents: read\n" in text
        assert "secrets." not in text


def test_the_suite_runs_on_what_is_promised() -> None:
    """Each Python of the classifiers is tested on Linux and macOS, its conformance on Windows, and so is PyPy's."""
    prefix = "Programming Language :: Python :: 3."
    promised = {f"3.{text.removeprefix(prefix)}" for text in PYPROJECT["project"]["classifiers"] if prefix in text}
    found = jobs("test.yml")
    for job in ("suite", "conformance"):
        (pythons,) = re.findall(r"^ *python: \[(.*)\]$", found[job], re.MULTILINE)
        assert set(re.findall(r"[\d.]+", pythons)) == promised
    assert "pypy" in found["conformance"]
    assert {"ubuntu-latest", "macos-latest"} <= set(re.findall(r"[\w.-]+", found["suite"]))
    assert "windows-latest" in found["conformance"]


# --- what an index's page shows ---


def test_links_of_the_index_page() -> None:
    """Each link of the README has an address of its own, for an index shows it without the project's files."""
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not link.startswith("https://")] == []


def test_places_of_the_project() -> None:
    """The project's places are the same wherever they are named."""
    urls = PYPROJECT["project"]["urls"]
    for name in ("CITATION.cff", "README.md", ".github/ISSUE_TEMPLATE/config.yml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for link in re.findall(r"https://(?:github\.com/zmqbridge|zmqbridge\.)[^\s)]*", text):
            assert link.startswith((urls["Source"], urls["Documentation"])), (name, link)
