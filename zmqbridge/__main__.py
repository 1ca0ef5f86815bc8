"""``python -m zmqbridge``: what is installed, for reports of faults and for whoever wonders how fast it is.

The C extension may be missing, or stand aside, and nothing else tells why.
"""

from __future__ import annotations

import argparse
import platform
import sys

import zmq

import zmqbridge
from zmqbridge import _native


def versions() -> dict[str, str]:
    """Return the versions that matter, and whether the C extension serves."""
    serves = "serves" if zmqbridge.speedups_enabled else f"does not serve: {_native.stands_aside}"
    return {
        "zmqbridge": zmqbridge.__version__,
        "libzmq": zmq.zmq_version(),
        "pyzmq": zmq.__version__,
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "C extension": serves,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m zmqbridge", description="Prints the versions of zmqbridge and of what it stands on."
    )
    parser.add_argument("--version", action="store_true", help="the same, as programs are commonly asked")
    parser.parse_args()
    sys.stdout.writelines(f"{name}: {value}\n" for name, value in versions().items())


if __name__ == "__main__":
    main()
