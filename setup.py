"""What pyproject.toml cannot say: the C extension, and archives that come out the same each time.

The extension is made for CPython with its global lock alone. A free-threaded CPython has no limited API, and would take
its lock back for an extension that counts on it. On PyPy pyzmq stands on cffi, and the extension would not find its
libzmq. There the Python twins serve.

It is left out where it cannot be built: a warning says so, and the wheel is a pure one. The environment variable
``ZMQBRIDGE_EXTENSION=required`` makes that an error, for releases; ``none`` leaves the extension out, for the wheel
that fits everywhere.

With ``SOURCE_DATE_EPOCH`` the same files give the same bytes. setuptools sees to that for wheels, but not for source
distributions; and a compiler's notes for debuggers name the folder that it ran in, so a release has none.
"""

import gzip
import os
import platform
import sysconfig
import tarfile
import warnings
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import BaseError, CCompilerError, OptionError, PlatformError

VARIABLE = "ZMQBRIDGE_EXTENSION"
REQUIRED, NONE, OPTIONAL = "required", "none", "optional"
NATIVE = Path("zmqbridge", "_native")
WISH = os.environ.get(VARIABLE) or OPTIONAL
SERVES = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")

if WISH not in (REQUIRED, NONE, OPTIONAL):
    raise OptionError(f"{VARIABLE} is {WISH!r}; it may be {REQUIRED!r}, {NONE!r} or {OPTIONAL!r}")
if WISH == REQUIRED and not SERVES:
    raise PlatformError(f"{VARIABLE} is {REQUIRED!r}, and the extension is for CPython with its global lock alone")


class BuildExtension(build_ext):
    """Builds the extension, or leaves it out and says so."""

    def run(self) -> None:
        try:
            super().run()
        except (BaseError, CCompilerError, OSError) as error:
            if WISH == REQUIRED:
                raise
            # pip shows this from release 26.3 on where it builds a folder; of an archive it shows the wheel's name.
            warnings.warn(
                f"zmqbridge's C extension was not built, and zmqbridge is slower without it; install a C compiler and "
                f"install zmqbridge anew. The reason: {error}",
                stacklevel=1,
            )
            self.extensions = self.distribution.ext_modules = []


class Wheel(bdist_wheel):
    """A wheel whose name tells whether the extension is in it."""

    def run(self) -> None:
        if self.distribution.has_ext_modules():
            self.run_command("build_ext")
        if not self.distribution.has_ext_modules():
            self.root_is_pure = True
            self.py_limited_api = False
        super().run()


class SourceDistribution(sdist):
    """A source distribution that is the same for the same files."""

    def make_archive(self, base_name: str, format: str, *arguments: Any, **named: Any) -> str:
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if format != "gztar" or not epoch:
            return super().make_archive(base_name, format, *arguments, **named)

        def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.mtime = int(epoch)
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            return member

        archive = f"{base_name}.tar.gz"
        Path(archive).parent.mkdir(parents=True, exist_ok=True)
        with (
            Path(archive).open("wb") as file,
            gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=int(epoch)) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            tar.add(str(named["base_dir"]), filter=plain)  # in the order of the names
        return archive


def extensions() -> list[Extension]:
    if not SERVES or WISH == NONE:
        return []
    return [
        Extension(
            "zmqbridge._native.speedups",
            sorted(str(path) for path in NATIVE.glob("*.c")),
            depends=[str(NATIVE / "native.h")],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["-g0"] if WISH == REQUIRED and os.name != "nt" else [],
            py_limited_api=True,
        )
    ]


setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildExtension, "bdist_wheel": Wheel, "sdist": SourceDistribution},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if extensions() else {},
)
