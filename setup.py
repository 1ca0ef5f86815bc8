"""The one part that pyproject.toml cannot say: the C extension, left out where it cannot be built."""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup

# A free-threaded Python has no limited API, so the extension is built for that one alone.
LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")
NATIVE = Path("zmqbridge", "_native")

setup(
    ext_modules=[
        Extension(
            "zmqbridge._native.speedups",
            sorted(str(path) for path in NATIVE.glob("*.c")),
            depends=[str(NATIVE / "native.h")],
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED else [],
            py_limited_api=LIMITED,
            optional=True,  # without a compiler the build says so, and the Python twins serve
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)
