"""The one part that pyproject.toml cannot say: the C extension, left out where it cannot be built or must not.

It is made for CPython with its global lock alone. A free-threaded CPython has no limited API, and would take its lock
back for an extension that counts on it. On PyPy pyzmq stands on cffi, and the extension would not find its libzmq.
There the Python twins serve.
"""

import platform
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

SERVES = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
NATIVE = Path("zmqbridge", "_native")

setup(
    ext_modules=[
        Extension(
            "zmqbridge._native.speedups",
            sorted(str(path) for path in NATIVE.glob("*.c")),
            depends=[str(NATIVE / "native.h")],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            py_limited_api=True,
            optional=True,  # without a compiler the build says so, and the Python twins serve
        )
    ]
    if SERVES
    else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if SERVES else {},
)
