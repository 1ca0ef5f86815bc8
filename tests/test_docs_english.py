"""The documentation's English is plain: sentences that one reads once, and no word that the glossary replaces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import zmqbridge.errors
from tests.test_docs import DOCS, PAGES

LONGEST = 36  # words in a sentence
MEDIAN = 18
WRITTEN_FOR_DEVELOPERS = {"architecture", "descriptor", "writing-a-backend", "wire-format", "libzmqs-own", "threats"}
READ_BY_USERS = [
    page for page in PAGES if page.stem not in WRITTEN_FOR_DEVELOPERS and page.parent.name not in ("api", "security")
]

# What a reader would stumble over, and what is said in its place.
AVOIDED = {
    r"would have been (its|theirs|his)": "say which it is",
    r"\butili[sz]e": "use",
    r"\bin order to\b": "to",
    r"\bHWM\b": "high-water mark",
    r"\bmulti-part\b": "multipart",
    r"\bevent-loop\b": "event loop",
    r"\b(simply|obviously|of course|just works)\b": "leave it out",
    r"\bleverag": "use",
    r"\bwhilst\b|\bhereby\b|\btherein\b|\bthereof\b": "a plain word",
}


def sentences(page: Path) -> Iterator[str]:
    """Each sentence of a page's running text: no code, no table, no comment, no title."""
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"^( *)\.\. [a-z-]+::.*\n(?:(?:\1 +.*)?\n)*", "\n", text, flags=re.M)  # directives
    text = re.sub(r"^ *=+(?:  =+)+\n(?:.*\n)*? *=+(?:  =+)+\n(?=\n|\Z)", "\n", text, flags=re.M)  # tables
    text = re.sub(r"^.*\n([=~-])\1{3,}\n", "\n", text, flags=re.M)  # titles
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.lstrip().startswith("Held "):
            continue  # a list of tests
        words = re.sub(r"``[^`]*``", "code", paragraph)
        words = re.sub(r":[a-z]+:`([^`<]*)[^`]*`", r"\1", words)
        lines = re.split(r"\n(?= *(?:- |\d\. |\* ))|\n(?=\S)|(?<=[.:;?!])\n|\n(?= )(?<=\S\n)", words)
        for line in lines:
            yield from re.split(r"(?<=[.?!;:]) +", " ".join(line.split()))


@pytest.mark.parametrize("page", READ_BY_USERS, ids=lambda page: str(page.relative_to(DOCS)))
def test_sentences_are_short(page: Path) -> None:
    """No sentence of a page for users is so long that one loses its beginning, and half of them are short."""
    lengths = sorted((len(sentence.split()), sentence) for sentence in sentences(page) if sentence)
    if lengths:
        assert lengths[-1][0] <= LONGEST, lengths[-1][1]
        assert lengths[len(lengths) // 2][0] <= MEDIAN


@pytest.mark.parametrize("page", [*PAGES, DOCS.parent / "README.md"], ids=lambda page: page.name)
def test_words_are_plain(page: Path) -> None:
    """No page says in an odd way, or with a second word for one thing, what has a plain word."""
    text = re.sub(r"``[^`\n]*``", "", page.read_text(encoding="utf-8"))  # names are what they are
    found = {match[0]: instead for word, instead in AVOIDED.items() for match in re.finditer(word, text)}
    assert found == {}


@pytest.mark.parametrize("name", [name for name in zmqbridge.errors.__all__ if name != "ZmqBridgeError"])
def test_every_error_has_its_remedy(name: str) -> None:
    """Troubleshooting lists each error of the library, and what to do about it."""
    page = (DOCS / "troubleshooting.rst").read_text(encoding="utf-8")
    (remedy,) = re.findall(rf"^:exc:`~zmqbridge\.{name}`\n((?:   .+\n)+)", page, re.M)
    assert len(remedy.split()) >= 4


def test_sentences_are_found(tmp_path: Path) -> None:
    """What is measured is the running text: neither code nor tables nor titles."""
    page = tmp_path / "page.rst"
    page.write_text(
        "Title\n=====\n\nOne is short.\nTwo is, too.\n\n.. code-block:: python\n\n   print(1)\n\n====  ====\na     b\n"
        "====  ====\nc     d\n====  ====\n\n- ``a.b()`` is code.\n  Go on.\n",
        encoding="utf-8",
    )
    assert [each for each in sentences(page) if each] == [
        "One is short.",
        "Two is, too.",
        "- code is code.",
        "Go on.",
    ]
