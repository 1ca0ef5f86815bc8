"""Fuzzing without end, or for some seconds: ``python -m tests.fuzz --seconds 60``.

Where atheris can be imported it finds the inputs, led by which branches of the code they reach; elsewhere they are
random, made from a seed that is printed. An input that fails is printed with the command that runs it again.
``make .venv/.fuzz`` installs atheris for ``make fuzz``, on Linux on x86_64.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

INSTRUMENTED = ["zmqbridge.framing", "zmqbridge.protocols", "zmqbridge_twisted.unanswered"]
CORPUS = 1000
INPUTS_AT_ONCE = 100

Target = Callable[[bytes], None]


def main(arguments: Sequence[str] | None = None, target: Target | None = None) -> int:
    """Run the command.

    Args:
        arguments: of the command line.
        target: what to feed, instead of :func:`tests.fuzz.layouts.one`.

    Returns:
        The exit code: 1 if an input failed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, help="how long; without it, until an input fails")
    parser.add_argument("--seed", type=int, help="of the random inputs, or atheris's own")
    parser.add_argument("--random", action="store_true", help="random inputs, though atheris is installed")
    parser.add_argument("--input", metavar="HEX", type=bytes.fromhex, help="run this one input")
    options = parser.parse_args(arguments)
    if options.input is not None:
        (target or _target())(options.input)
        print("it holds")
        return 0
    seed = random.randrange(1 << 31) if options.seed is None else options.seed
    if find_spec("atheris") is None or options.random:
        return at_random(target or _target(), options.seconds, seed)
    return with_atheris(target, options.seconds, seed)


def _target() -> Target:
    from tests.fuzz.layouts import one

    return one


def at_random(target: Target, seconds: float | None, seed: int) -> int:
    """Feed random layouts, and changed ones of those before; return the exit code."""
    from tests.fuzz.layouts import encode, mutated, random_layout

    print(f"random inputs, --seed {seed}", flush=True)
    source = random.Random(seed)
    corpus: list[bytes] = []
    inputs = 0
    began = time.monotonic()
    while True:
        for _ in range(INPUTS_AT_ONCE):
            if corpus and source.random() < 0.7:
                data = mutated(source, corpus)
            else:
                data = encode([random_layout(source) for _ in range(source.randrange(1, 12))])
            if len(corpus) < CORPUS:
                corpus.append(data)
            else:
                corpus[source.randrange(CORPUS)] = data
            inputs += 1
            try:
                target(data)
            except Exception:
                traceback.print_exc(file=sys.stdout)
                print(f"{inputs} inputs, and the last one failed. To run it again:\n{_command(data)}", flush=True)
                return 1
        if seconds is not None and time.monotonic() >= began + seconds:
            break
    print(f"{inputs} inputs in {time.monotonic() - began:.1f} s, and all of them hold", flush=True)
    return 0


def with_atheris(target: Target | None, seconds: float | None, seed: int) -> int:
    """Feed what atheris finds; libFuzzer ends the process by itself."""
    atheris: Any = import_module("atheris")
    with atheris.instrument_imports(include=INSTRUMENTED):
        if target is None:
            target = _target()
    feed = target
    inputs = 0

    def test_one_input(data: bytes) -> None:
        nonlocal inputs
        inputs += 1
        try:
            feed(data)
        except Exception:
            print(f"{inputs} inputs, and the last one failed. To run it again:\n{_command(data)}", flush=True)
            raise

    print(f"inputs of atheris, --seed {seed}", flush=True)
    flags = [f"-seed={seed or 1}", "-max_len=4096", f"-exact_artifact_path={os.devnull}"]
    if seconds is not None:
        flags.append(f"-max_total_time={max(1, round(seconds))}")
    atheris.Setup([sys.argv[0], *flags], test_one_input)
    atheris.Fuzz()
    return 0


def _command(data: bytes) -> str:
    return f"python -m tests.fuzz --input={data.hex()}"


if __name__ == "__main__":
    sys.exit(main())
