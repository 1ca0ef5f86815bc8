"""Compiles the extension for Windows on another system: ``python -m release.windows``. Nothing runs what comes of it.

It takes mingw's gcc, and the headers of the Python that runs this. Their ``pyconfig.h`` says what the system of that
Python is like, so another with the facts of 64-bit Windows stands in for it. What is linked against is made of the
names that the objects ask for, once each of them is in the limited API of CPython 3.11: so a name that no
``python3.dll`` has is found here, as is what gcc warns of for Windows's sizes, where a long has 32 bits.

Not tried: Microsoft's own compiler, its headers, and the extension at work on Windows.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from abi3info import DATAS, FUNCTIONS
from abi3info.models import PyVersion, Symbol

COMPILER = "x86_64-w64-mingw32-gcc"
NATIVE = Path(__file__).parents[1] / "zmqbridge" / "_native"
OLDEST = PyVersion(3, 11)
SIZES = {
    "SHORT": 2,
    "INT": 4,
    "LONG": 4,
    "LONG_LONG": 8,
    "VOID_P": 8,
    "SIZE_T": 8,
    "TIME_T": 8,
    "WCHAR_T": 2,
    "FPOS_T": 8,
    "OFF_T": 4,
    "PID_T": 8,
    "UINTPTR_T": 8,
    "FLOAT": 4,
    "DOUBLE": 8,
}
FACTS = ("HAVE_STDDEF_H", "HAVE_SYS_TYPES_H", "HAVE_SYS_STAT_H", "HAVE_ERRNO_H", "HAVE_WCHAR_H", "WITH_DOC_STRINGS")
COMMANDS = ("MS_WIN32", "MS_WIN64", "MS_WINDOWS", "Py_ENABLE_SHARED", "HAVE_DECLSPEC_DLL")


def _pyconfig() -> str:
    lines = [f"#define SIZEOF_{name} {size}" for name, size in SIZES.items()]
    lines += [f"#define {name} 1" for name in FACTS]
    # mingw's headers define some of them themselves.
    lines += [f"#ifndef {name}\n#define {name} 1\n#endif" for name in COMMANDS]
    return "\n".join(
        [
            *lines,
            "typedef long long Py_ssize_t;",
            "#define HAVE_PY_SSIZE_T 1",
            "#define PY_SSIZE_T_MAX 0x7fffffffffffffffLL",
            "",
        ]
    )


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def outside(names: set[str]) -> set[str]:
    """Return which of these names a CPython 3.11's limited API does not have."""
    known = {**FUNCTIONS, **DATAS}
    return {
        name for name in names if (item := known.get(Symbol(name))) is None or getattr(item, "added", OLDEST) > OLDEST
    }


def compile_extension(folder: Path) -> Path:
    """Compile and link the extension in a folder, and return what comes of it.

    Raises:
        ValueError: the extension calls what the limited API does not have.
    """
    headers = folder / "include"
    shutil.copytree(sysconfig.get_path("include"), headers)
    (headers / "pyconfig.h").write_text(_pyconfig(), encoding="ascii")
    objects = []
    for source in sorted(NATIVE.glob("*.c")):
        objects.append(folder / f"{source.stem}.o")
        _run(
            COMPILER,
            *("-c", "-O2", "-std=c11", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror"),
            *("-DPy_LIMITED_API=0x030B0000", "-isystem", headers, source, "-o", objects[-1]),
        )
    wanted = _run("x86_64-w64-mingw32-nm", "--undefined-only", *objects)
    names = {name.removeprefix("__imp_") for name in re.findall(r" U ((?:__imp_)?_?Py\w+)$", wanted, re.MULTILINE)}
    if strangers := outside(names):
        raise ValueError(f"the limited API of CPython {OLDEST} has no {', '.join(sorted(strangers))}")
    definitions, library, module = folder / "python3.def", folder / "libpython3.a", folder / "speedups.pyd"
    definitions.write_text("\n".join(["LIBRARY python3.dll", "EXPORTS", *sorted(names), ""]), encoding="ascii")
    _run("x86_64-w64-mingw32-dlltool", "-d", definitions, "-l", library)
    _run(COMPILER, "-shared", *objects, library, "-o", module)
    return module


def main() -> None:
    if shutil.which(COMPILER) is None:
        print(f"skipped: no {COMPILER} here, so the extension is not compiled for Windows")
        return
    with TemporaryDirectory(prefix="zmqbridge-windows-") as folder:
        module = compile_extension(Path(folder))
        exported = _run("x86_64-w64-mingw32-objdump", "-p", module)
        if "PyInit_speedups" not in exported:
            sys.exit("the extension for Windows exports no PyInit_speedups")
        libraries = sorted(set(re.findall(r"DLL Name: (\S+)", exported)))
        print(f"compiled for Windows, and not tried there: {module.stat().st_size} bytes; needs {', '.join(libraries)}")


if __name__ == "__main__":
    main()
