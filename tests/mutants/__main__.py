"""``make mutants``: try all mutations, or those whose rule and words hold what is given, several at a time."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from tests.mutants.all_mutations import MUTATIONS
from tests.mutants.mutation import Mutation
from tests.mutants.trial import SECONDS, Verdict, end_all, try_one


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="try only what holds all of these, as in ARGS='2: send'")
    parser.add_argument("--list", action="store_true", help="say what there is, and try nothing")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="how many run at a time")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the tests of one may take")
    return parser.parse_args()


def chosen(words: Sequence[str]) -> list[Mutation]:
    """Return the mutations whose rule, words and symbol hold all of these."""
    return [mutation for mutation in MUTATIONS if all(word in f"{mutation.title} {mutation.symbol}" for word in words)]


def describe(mutation: Mutation) -> None:
    print(mutation.title)
    for symbol in (mutation.symbol, *mutation.also):
        print(f"    {symbol}: {mutation.change.words}")


def try_all(mutations: Sequence[Mutation], at_once: int, seconds: float) -> list[Mutation]:
    """Try mutations, and return those that nobody noticed."""
    unnoticed = []
    with ThreadPoolExecutor(at_once) as pool:
        try:
            trials = {pool.submit(try_one, mutation, seconds): mutation for mutation in mutations}
            for trial in as_completed(trials):
                mutation, verdict = trials[trial], trial.result()
                tell(mutation, verdict)
                if not verdict.noticed:
                    unnoticed.append(mutation)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    return unnoticed


def tell(mutation: Mutation, verdict: Verdict) -> None:
    print(f"{'noticed' if verdict.noticed else 'NOT NOTICED':13}{mutation.title}\n{'':13}{verdict.told}", flush=True)


def main() -> None:
    asked = arguments()
    mutations = chosen(asked.words)
    if asked.list:
        for mutation in mutations:
            describe(mutation)
        return
    began = time.monotonic()
    unnoticed = try_all(mutations, asked.at_once, asked.seconds)
    noticed = len(mutations) - len(unnoticed)
    print(f"{noticed} of {len(mutations)} noticed, in {time.monotonic() - began:.0f} s")
    for mutation in unnoticed:
        print(f"not noticed: {mutation.title}")
    sys.exit(1 if unnoticed or not mutations else 0)


if __name__ == "__main__":
    main()
