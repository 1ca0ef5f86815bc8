"""The documentation's English is plain: sentences that one reads once, and no word that the glossary replaces.

These are the rules that a linter of prose would have, as far as one can measure them:

- a sentence has at most so many words, and half of a page's sentences at most so many;
- somebody does something in most sentences: at most every third is in the passive;
- the subject comes first: not "nor does it", "so is that", "only then may you", "what it does, nobody knows";
- some words have a plainer one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import zmqbridge.errors
from tests.test_docs import DOCS, PAGES

LONGEST = 30  # words in a sentence
MEDIAN = 14
PASSIVE = 1 / 3  # of a page's sentences
ENOUGH = 15  # sentences that make a share mean something
WRITTEN_FOR_DEVELOPERS = {"architecture", "descriptor", "writing-a-backend", "wire-format", "libzmqs-own", "threats"}
READ_BY_USERS = [
    page for page in PAGES if page.stem not in WRITTEN_FOR_DEVELOPERS and page.parent.name not in ("api", "security")
]

README = DOCS.parent / "README.md"

# Participles that do not end in "ed".
IRREGULAR = (
    "begun bound broken brought built caught chosen cut done drawn driven forgotten found given gone got heard held "
    "hidden kept known laid led left lent lost made meant met paid put read run said seen sent set shown shut sold "
    "spent split taken taught thought thrown told understood woken won written"
).replace(" ", "|")
BETWEEN = "not|never|also|then|only|still|already|always|now|all|both|just|at once|again|once"
IN_THE_PASSIVE = re.compile(rf"\b(?:is|are|was|were|be|been|being)(?: (?:{BETWEEN}))* (?:\w+ed|{IRREGULAR})\b", re.I)

VERB = "(?:is|are|was|were|do|does|did|may|can|must|has|have|will)"
INVERTED = re.compile(
    rf"^(?:Nor|Neither|So|Never|Not only|Only (?:then|there|where|when|if|after)\b[^,:;]*) {VERB}\b"
    rf"|^(?:What|Whether|Whom)\b[^,:;]*, (?:nobody|everybody|you|we|it|they|zmqbridge|libzmq) (?:{VERB}|\w+s)\b"
)

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
    if page.suffix == ".md":
        text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        text = re.sub(r"^(?:\||#).*$", "", re.sub(r"`[^`\n]+`", "code", text), flags=re.M)
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
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


each_page = pytest.mark.parametrize(
    "page", [*READ_BY_USERS, README], ids=lambda page: str(page.relative_to(DOCS.parent))
)


@each_page
def test_sentences_are_short(page: Path) -> None:
    """No sentence of a page for users is so long that one loses its beginning, and half of them are short."""
    lengths = sorted((len(sentence.split()), sentence) for sentence in sentences(page) if sentence)
    if lengths:
        assert lengths[-1][0] <= LONGEST, lengths[-1][1]
        assert lengths[len(lengths) // 2][0] <= MEDIAN


@each_page
def test_somebody_does_something(page: Path) -> None:
    """At most every third sentence of a page for users leaves out who does what it tells."""
    found = [sentence for sentence in sentences(page) if len(sentence.split()) > 2]
    passive = [sentence for sentence in found if IN_THE_PASSIVE.search(sentence)]
    assert len(found) < ENOUGH or len(passive) <= PASSIVE * len(found), passive


@each_page
def test_the_subject_comes_first(page: Path) -> None:
    """No sentence of a page for users turns its order around."""
    assert [sentence for sentence in sentences(page) if INVERTED.search(sentence)] == []


@pytest.mark.parametrize("page", [*PAGES, README], ids=lambda page: page.name)
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


@pytest.mark.parametrize(
    ("sentence", "passive"),
    [
        ("A message is lost.", True),
        ("Replies were then dropped and counted.", True),
        ("It is not shown.", True),
        ("The queue is full.", False),
        ("A pusher sends what it has kept.", False),
        ("It is a list of frames.", False),
    ],
)
def test_the_passive_is_known(sentence: str, passive: bool) -> None:
    """A sentence is in the passive where something is done, and nobody does it."""
    assert bool(IN_THE_PASSIVE.search(sentence)) == passive


@pytest.mark.parametrize(
    ("sentence", "inverted"),
    [
        ("Nor does what is still queued.", True),
        ("So may another process.", True),
        ("Only where you ask for it does a thread read.", True),
        ("What libzmq does not tell, nobody can know:", True),
        ("Whether it arrived, nobody knows.", True),
        ("So you can change one program today.", False),
        ("What is queued is lost, and nobody is told.", False),
        ("Nobody knows whether it arrived.", False),
    ],
)
def test_the_order_is_known(sentence: str, inverted: bool) -> None:
    """A sentence is turned around where the verb comes before its subject, or the object before both."""
    assert bool(INVERTED.search(sentence)) == inverted


def test_sentences_of_markdown(tmp_path: Path) -> None:
    """Of Markdown, too, neither code nor tables nor titles count."""
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nOne is [short](https://x.y).\n\n```python\nprint(1)\n```\n\n| a | b |\n|---|---|\n")
    assert [each for each in sentences(page) if each] == ["One is short."]
