"""The results as text: a table for each workload, and the targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

COLUMNS = (
    ("latency_median_seconds", "median us", 1e6, ",.0f"),
    ("latency_p99_seconds", "p99 us", 1e6, ",.0f"),
    ("gap_longest_seconds", "longest ms", 1e3, ",.1f"),
    ("gap_p999_seconds", "p99.9 ms", 1e3, ",.1f"),
    ("messages_per_second", "messages/s", 1, ",.0f"),
    ("loop_seconds_per_message", "loop ns/msg", 1e9, ",.0f"),
    ("cpu_seconds_per_message", "CPU ns/msg", 1e9, ",.0f"),
    ("peak_memory_bytes", "peak MiB", 1 / (1 << 20), ",.0f"),
)
LARGE = 1 << 16
NAME = 46
CELL = 12


def report(document: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that say what was measured where, and what came out."""
    yield from heading(document)
    for workload in document["workloads"]:
        yield ""
        yield from table(workload)
    yield ""
    yield from targets(document["targets"])


def heading(document: dict[str, Any]) -> Iterator[str]:
    machine = document["machine"]
    yield (
        f"{machine['processors']} x {machine['processor']}, {machine['kernel']} {machine['architecture']}, "
        f"load average {', '.join(map(str, machine['load_average']))} at the start"
    )
    yield ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    yield (
        f"over TCP on the loopback; medians of {document['rounds']} interleaved rounds, each in fresh processes, about "
        f"{document['seconds']} s each; a ratio is the median of the rounds' own"
    )
    yield from document["notes"]


def table(workload: dict[str, Any]) -> Iterator[str]:
    """Yield a workload's rows. The ratio is that of the first figure named in the heading, marked with a star."""
    rows = workload["rows"]
    columns = [column for column in COLUMNS if any(column[0] in row["medians"] for row in rows)]
    compared = any(row["ratio"] is not None for row in rows)
    yield workload["title"] + (f"  (* / {workload['yardstick']})" if compared else "")
    headings = [title + "*" * (name == workload["figure"]) for name, title, _, _ in columns]
    if workload["size"] >= LARGE:
        headings.append("MB/s")
    yield f"{'':{NAME}}{'* / y' if compared else '':>{CELL}}" + "".join(f"{title:>{CELL + 1}}" for title in headings)
    for row in rows:
        if not row["medians"]:
            yield f"{row['name']:{NAME}}  {row['failures'][0] if row['failures'] else 'not measured'}"
            continue
        cells = [figure(row["medians"].get(name), scale, form) for name, _, scale, form in columns]
        if workload["size"] >= LARGE:
            rate = row["medians"]["messages_per_second"] * workload["frames"] * workload["size"]
            cells.append(figure(rate, 1e-6, ",.0f"))
        failed = f"  failed in {len(row['failures'])} rounds: {row['failures'][0]}" if row["failures"] else ""
        ratio = figure(row["ratio"], 1, ",.2f")
        yield f"{row['name']:{NAME}}{ratio:>{CELL}}" + "".join(f"{cell:>{CELL + 1}}" for cell in cells) + failed


def figure(value: float | None, scale: float, form: str) -> str:
    return "" if value is None else format(value * scale, form)


def targets(judged: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the targets, with what was measured."""
    yield "targets"
    for each in judged:
        bound = f"{'<=' if each['at_most'] else '>='} {each['bound']:g}"
        measured = "-" if each["measured"] is None else f"{each['measured']:.2f}"
        variant = "with the extension" if each["extension"] else "pure Python"
        yield f"{each['target']:52}{variant:20}{bound:>10}{measured:>10}  {verdict(each['met'])}"


def verdict(met: bool | None) -> str:
    return "not measured" if met is None else "met" if met else "NOT MET"
