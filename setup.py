"""The one part that pyproject.toml cannot say: the C extension, left out where it cannot be built."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "zmqbridge._speedups",
            ["zmqbridge/_speedups.c"],
            py_limited_api=True,
            optional=True,  # without a compiler the build says so, and the Python twin serves
        )
    ]
)
