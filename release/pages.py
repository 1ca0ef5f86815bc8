"""Looks at the built pages in a browser, as their readers do: ``python -m release.pages docs/_build/html``.

Each page is opened as wide as a desk's screen and as a phone's, in the light and in the dark theme. It fails where

- axe-core finds a fault of accessibility that it calls serious or critical;
- the page scrolls sideways;
- a picture's label is smaller than nine pixels as it is shown;
- the page's own scripts fail.

The browser is the Chromium of the system, or the one that the environment variable CHROMIUM names, or Playwright's own.
``--shots FOLDER`` keeps a picture of each view. Links and anchors need no browser: the tests follow them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["faults", "main"]

WIDTHS = (1280, 390)
HEIGHT = 900
SMALLEST = 9.0
SERIOUS = {"serious", "critical"}
# A theme is another by its colours alone.
RULES: dict[str, dict[str, Any]] = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# How far the page is wider than the window, and what reaches beyond it.
SIDEWAYS = """() => {
  const wide = document.documentElement.clientWidth;
  const over = document.documentElement.scrollWidth - wide;
  if (over <= 0) return null;
  const beyond = [...document.body.querySelectorAll('*')].filter(one => one.getBoundingClientRect().right > wide + 1);
  return `${over} pixels, of ${beyond.slice(0, 3).map(one => one.outerHTML.slice(0, 80)).join(' | ')}`;
}"""

# The text of each label, and how high its letters' em is on the screen.
LABELS = """() => [...document.querySelectorAll('svg text, svg tspan')]
  .filter(one => one.textContent.trim() && one.getClientRects().length)
  .map(one => {
    const matrix = one.getScreenCTM();
    const scale = Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c));
    return [one.textContent.trim(), parseFloat(getComputedStyle(one).fontSize) * scale];
  })"""


def faults(page: Page, axe: Axe, rules: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a page as it is shown."""
    if (sideways := page.evaluate(SIDEWAYS)) is not None:
        yield f"scrolls sideways by {sideways}"
    labels: list[tuple[str, float]] = page.evaluate(LABELS)
    for text, size in labels:
        if size < SMALLEST:
            yield f"the label {text!r} is {size:.1f} pixels high"
    for found in axe.run(page, options={"resultTypes": ["violations"], **rules}).response["violations"]:
        if found["impact"] in SERIOUS:
            yield f"{found['impact']}, {found['id']}: {found['help']}: {_where(found)}"


def _where(found: dict[str, Any]) -> str:
    nodes = [node["html"][:120] for node in found["nodes"]]
    return " | ".join(nodes[:3]) + (f" | and {len(nodes) - 3} more" if len(nodes) > 3 else "")


def _views(browser: Browser) -> Iterator[tuple[int, str, Page]]:
    for width in WIDTHS:
        for theme in RULES:
            with browser.new_context(
                viewport={"width": width, "height": HEIGHT},
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
            ) as context:
                yield width, theme, context.new_page()


def _look(folder: Path, shots: Path | None, only: str) -> Iterator[str]:
    names = (file.relative_to(folder) for file in sorted(folder.rglob("*.html")))
    files = [folder / name for name in names if only in str(name) and not str(name).startswith("_")]  # not the code's
    if not files:
        raise ValueError(f"{folder} has no page of which the name has {only!r}: 'make docs' makes them")
    with ExitStack() as stack:
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=_browser())
        stack.callback(browser.close)
        axe = Axe()
        for width, theme, page in _views(browser):
            view = f"{width}, {theme}"
            print(f"== {len(files)} pages, {view}", flush=True)
            errors: list[str] = []
            page.on("pageerror", partial(_note, errors))
            for file in files:
                name = file.relative_to(folder).with_suffix("").as_posix()
                page.goto(file.resolve().as_uri())
                for fault in (*faults(page, axe, RULES[theme]), *(f"a script fails: {error}" for error in errors)):
                    yield f"{name}, {view}: {fault}"
                errors.clear()
                if shots is not None:
                    picture = shots / f"{name.replace('/', '-')}-{width}-{theme}.png"
                    page.screenshot(path=picture, full_page=True)


def _note(errors: list[str], error: object) -> None:
    errors.append(str(error))


def _browser() -> str | None:
    return os.environ.get("CHROMIUM") or next((found for name in BROWSERS if (found := shutil.which(name))), None)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m release.pages", description="Looks at the built pages.")
    parser.add_argument("folder", type=Path, help="where they are")
    parser.add_argument("--only", default="", help="those whose name has this in it", metavar="WORD")
    parser.add_argument("--shots", type=Path, help="keep a picture of each view there", metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.shots is not None:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    found = 0
    for fault in _look(arguments.folder, arguments.shots, arguments.only):
        found += 1
        print(fault, flush=True)
    if found:
        sys.exit(f"{found} faults")
    print("no fault")


if __name__ == "__main__":
    main()
