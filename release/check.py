"""All that one machine can say of a release: ``python -m release.check FOLDER``, after ``release.build`` there.

What fails raises, and the rest is not tried. What this cannot say: whether the wheels of other systems work. They are
made and tried where they run, by cibuildwheel in the workflow; here it is asked which it would make, and the extension
is at most compiled for Windows.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from release.build import ROOT, build

__all__ = ["check"]

INSTALLED = ROOT / "release" / "installed.py"
# What cibuildwheel makes on each system of the workflow, one wheel each.
WHEELS = {
    ("linux", "x86_64"): {"cp311-manylinux_x86_64", "cp311-musllinux_x86_64"},
    ("linux", "aarch64"): {"cp311-manylinux_aarch64", "cp311-musllinux_aarch64"},
    ("macos", "x86_64"): {"cp311-macosx_x86_64"},
    ("macos", "arm64"): {"cp311-macosx_arm64"},
    ("windows", "AMD64"): {"cp311-win_amd64"},
}
# Enough to see that the suite is whole: each case of the interface, on one loop.
SELECTION = "tests/conformance --harness asyncio -q"


def check(folder: Path) -> None:
    """Check the archives in a folder, one step after the other."""
    (source,) = folder.glob("*.tar.gz")
    (pure,) = folder.glob("*-py3-none-any.whl")
    (native,) = folder.glob("*-abi3-*.whl")
    _say("the same files give the same bytes")
    with TemporaryDirectory(prefix="zmqbridge-again-") as again:
        for archive in build(Path(again)):
            if archive.read_bytes() != (folder / archive.name).read_bytes():
                raise ValueError(f"{archive.name} is another when it is built again; was SOURCE_DATE_EPOCH set?")
    _say("the source distribution has each file of the project")
    if missing := _missing(source):
        raise ValueError(f"{source.name} has no {', '.join(sorted(missing))}; see MANIFEST.in")
    _say("the archives are what an index takes")
    _run(sys.executable, "-m", "twine", "check", "--strict", source, pure, native)
    _run(sys.executable, "-m", "check_wheel_contents", pure, native)
    _say("the extension calls the limited API alone, and nothing that its platform may lack")
    _run(sys.executable, "-m", "abi3audit", "--strict", "--report", "--summary", native)
    if sys.platform == "linux":
        _run(sys.executable, "-m", "auditwheel", "show", native)
    _say("cibuildwheel would make each wheel of the workflow")
    for (system, processor), wheels in WHEELS.items():
        if (found := _identifiers(system, processor)) != wheels:
            raise ValueError(f"for {system} on {processor} cibuildwheel would make {found}, not {wheels}")
    _say("the extension can be compiled for Windows")
    _run(sys.executable, "-m", "release.windows")
    for python in _pythons():
        for archive, extension in ((native, "serves"), (pure, "missing"), (source, "serves")):
            _say(f"{archive.name} serves on {python}")
            with _installed(python, archive) as (interpreter, _):
                _ask(interpreter, extension)
    no_compiler = {"CC": "no-compiler-here", "PIP_NO_CACHE_DIR": "1"}
    with _unpacked(source) as unpacked:
        for what, tells in ((source, pure.name), (unpacked, "zmqbridge's C extension was not built")):
            _say(f"{what.name} can be installed without a compiler, and pip tells")
            with _installed(sys.executable, what, no_compiler) as (interpreter, said):
                _ask(interpreter, "missing")
                if tells not in " ".join(said.split()):
                    raise ValueError(f"pip does not say {tells!r}; it says:\n{said}")
    _say("where the extension is required, an install without a compiler fails")
    try:
        with _installed(sys.executable, source, no_compiler | {"ZMQBRIDGE_EXTENSION": "required"}):
            pass
    except subprocess.CalledProcessError as error:
        if "no-compiler-here" not in error.output:
            raise
    else:
        raise ValueError("a build without the extension succeeded, though the extension was required")
    _say("the tests run from the source distribution alone")
    with _unpacked(source) as unpacked:
        _run("make", "--no-print-directory", "test", f"ARGS={SELECTION}", f"PYTHON={sys.executable}", folder=unpacked)


def _say(what: str) -> None:
    print(f"== {what}", flush=True)


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    # What make says to its own commands is not for those of another folder.
    taken = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES", "PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in taken}
    return kept | dict(more or {})


def _run(*command: str | Path, folder: Path = ROOT) -> None:
    subprocess.run(command, cwd=folder, env=_environment(), check=True)


def _missing(source: Path) -> set[str]:
    """Return which files of the project a source distribution lacks; only git knows them."""
    if not (ROOT / ".git").exists():
        return set()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    with tarfile.open(source) as archive:
        has = {name.partition("/")[2] for name in archive.getnames()}
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()} - has


def _identifiers(system: str, processor: str) -> set[str]:
    command = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", "--platform", system]
    command += ["--archs", processor]
    return set(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split())


def _pythons() -> list[str]:
    command = [sys.executable, str(ROOT / "tests" / "pythons.py")]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()


def _ask(interpreter: Path, extension: str) -> None:
    _run(interpreter, "-I", INSTALLED, "--extension", extension, folder=interpreter.parent)
    _run(interpreter, "-I", "-m", "zmqbridge", "--version", folder=interpreter.parent)


@contextmanager
def _installed(python: str, archive: Path, more: Mapping[str, str] | None = None) -> Iterator[tuple[Path, str]]:
    """Install an archive into a fresh environment, and give its interpreter and what pip says."""
    with TemporaryDirectory(prefix="zmqbridge-installed-") as folder:
        subprocess.run([python, "-m", "venv", folder], env=_environment(), check=True)
        interpreter = Path(folder, "Scripts" if os.name == "nt" else "bin", "python").absolute()
        pip = [str(interpreter), "-m", "pip", "install", "--disable-pip-version-check"]
        subprocess.run([*pip, "--quiet", "--upgrade", "pip"], env=_environment(), check=True)
        try:
            said = subprocess.check_output(
                [*pip, str(archive)], env=_environment(more), text=True, stderr=subprocess.STDOUT
            )
        except subprocess.CalledProcessError as error:
            error.add_note(error.output)
            raise
        yield interpreter, said


@contextmanager
def _unpacked(source: Path) -> Iterator[Path]:
    with TemporaryDirectory(prefix="zmqbridge-source-") as folder:
        shutil.unpack_archive(source, folder, filter="data")
        (unpacked,) = Path(folder).iterdir()
        yield unpacked


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m release.check", description="Checks the archives of a release.")
    parser.add_argument("folder", type=Path, help="where they are")
    check(parser.parse_args().folder.resolve())
    print("all that can be tried here was tried, and is right")


if __name__ == "__main__":
    main()
