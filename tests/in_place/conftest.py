"""The programs are collected where they are installed, which ``make interop`` does in an environment of its own."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

SITE = Path(__file__).parent / "site"

needed = ("jupyter_client", "ipykernel", "locust", "nest_asyncio", "pytest_asyncio", "uvloop")
collect_ignore_glob = [] if all(map(find_spec, needed)) else ["test_*.py"]

if not collect_ignore_glob:
    # Before any of them imports zmq.asyncio; and likewise in the processes that they start.
    sys.path.insert(0, str(SITE))
    import_module("sitecustomize")

    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(SITE), os.environ.get("PYTHONPATH"))))
