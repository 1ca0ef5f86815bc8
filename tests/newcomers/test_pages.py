"""Newcomers find on a page what stands there, and nothing else: otherwise their paths would prove nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.newcomers.newcomer import Newcomer
from tests.newcomers.pages import README, Page, name_of
from tests.test_docs import PAGES


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    with ExitStack() as stack:
        yield Newcomer(tmp_path, stack)


def test_a_link_that_is_missing(newcomer: Newcomer) -> None:
    """Nobody follows a link that the page has not."""
    with pytest.raises(AssertionError, match="tutorial/two-terminals does not lead to speed"):
        newcomer.opens("tutorial/two-terminals").follows("speed")


def test_a_program_of_another_name(newcomer: Newcomer) -> None:
    """Nobody saves a program that the page shows under another name, or not at all."""
    with pytest.raises(LookupError, match=r"tutorial/two-terminals shows no sender\.py"):
        newcomer.opens("tutorial/two-terminals").saves("sender.py")


def test_a_command_that_nobody_tells_of(newcomer: Newcomer) -> None:
    """Nobody types what the page does not say."""
    with pytest.raises(AssertionError, match="does not say 'python sensor.py --now'"):
        newcomer.opens("tutorial/two-terminals").types("python sensor.py --now")


def test_ports_are_exchanged_alike(newcomer: Newcomer, tmp_path: Path) -> None:
    """Two programs that agree on a port agree on the one that is free here, and no other text is changed."""
    newcomer.opens("tutorial/two-terminals").saves("sensor.py", "collector.py")
    texts = {(tmp_path / name).read_text(encoding="utf-8") for name in ("sensor.py", "collector.py")}
    shown = [newcomer.page.program(name, "asyncio").text for name in ("sensor.py", "collector.py")]
    ports = {text.partition("tcp://127.0.0.1:")[2].partition('"')[0] for text in texts}
    assert len(ports) == 1
    assert ports != {"5555"}
    assert {text.replace(ports.copy().pop(), "5555") for text in texts} == set(shown)


def test_links_of_the_landing_pages() -> None:
    """Both landing pages lead on, to pages that there are; a table of contents at the edge is no link."""
    for name in (README, "index"):
        links = Page(name).links()
        assert {"tutorial/index", "recipes/index", "migrating-from-txzmq", "migrating-from-zmq-asyncio"} <= links
    assert "patterns/index" not in Page("index").links()


@pytest.mark.parametrize("page", [README, *PAGES], ids=str)
def test_every_link_leads_to_a_page(page: Path | str) -> None:
    """Whatever is read as a link is one: the page that it names is there."""
    for name in Page(page if isinstance(page, str) else name_of(page)).links():
        assert Page(name).text


def test_every_page_is_reached() -> None:
    """Links lead from the landing page to every page of the documentation."""
    seen = {"index"}
    while more := {link for name in seen for link in Page(name).links()} - seen:
        seen |= more
    assert seen == {name_of(page) for page in PAGES}
