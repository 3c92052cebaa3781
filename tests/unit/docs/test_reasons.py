"""The page of reasons: an index that names all, an example for who has a message in hand, words that code can say."""

import ast
from functools import cache
from itertools import chain

import pytest

from documented import DOCS, ROOT
from tidegate_operator.reasonexamples import EXAMPLES
from tidegate_operator.reasons import REASONS, render_markdown

PAGE = DOCS / "reference" / "conditions.md"
# Of these the message is what another program said, or what was reckoned of one model.
OTHERS_WORDS = {
    "AdapterFailed",
    "DownloadFailed",
    "GroupRestarting",
    "HubRateLimited",
    "HubUnreachable",
    "InsufficientMemory",
    "InsufficientStorage",
    "MetricsUnavailable",
    "ModelDoesNotFit",
    "ModelFitsTightly",
    "ResourceConstrained",
    "UnsupportedArchitecture",
    "WorkerUnread",
}
WHO_SPEAKS = ("operator/tidegate_operator", "worker/tidegate_worker", "worker/tidegate_loader")
# Shorter words are said by chance.
TELLING = 14


@cache
def said() -> tuple[str, ...]:
    """Return every run of words that stands in the code of those who write messages."""
    files = chain.from_iterable((ROOT / folder).rglob("*.py") for folder in WHO_SPEAKS)
    words = {
        node.value.strip()
        for file in files
        if file.name != "reasonexamples.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return tuple(word for word in words if len(word) >= TELLING)


def test_whoever_must_act_finds_an_example() -> None:
    assert {name for name, reason in REASONS.items() if reason.fix} == set(EXAMPLES) | OTHERS_WORDS
    assert not OTHERS_WORDS & set(EXAMPLES)


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"InvalidValue"}))
def test_an_example_is_what_the_code_says(name: str) -> None:
    assert [word for word in said() if word in EXAMPLES[name]], "no part of it stands in the code any more"


def test_the_index_leads_to_every_reason_once() -> None:
    index = render_markdown().partition("\n## ")[0]
    assert [index.count(f"](#{name.lower()})") for name in REASONS] == [1] * len(REASONS)


def test_every_reason_says_what_to_do_or_that_nothing_is() -> None:
    sections = PAGE.read_text().split("\n## ")[1:]
    assert [one.partition("\n")[0] for one in sections if "**What to do:**" not in one] == []
