"""`tidegate chat` and `tidegate bench`: figures out of answers, a conversation, ways to a gateway."""

import random
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from kubernetes import client

from tidegate_cli.talk.asking import Answer, Unanswered
from tidegate_cli.talk.benchlines import lines
from tidegate_cli.talk.conversation import HELP, talk
from tidegate_cli.talk.loading import due_seconds, prompt
from tidegate_cli.talk.measures import Load, gaps, line, percentiles, summary, tokens_per_second
from tidegate_cli.talk.way import PodAsked, by_address
from tidegate_models.errors import Invalid

ANSWER = Answer(10.0, ["a", "b", "c"], [10.5, 10.75, 11.0], 11.25, 7, 3, "stop")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(ANSWER, "first token 500 ms, 4.0 tok/s, 7 + 3 tokens", id="an answer"),
        pytest.param(
            Answer(0.0, ["a"], [0.1], 0.2, 7, 1),
            "first token 100 ms, 7 + 1 tokens",
            id="one token has no rate",
        ),
        pytest.param(
            Answer(0.0, ["a", "b"], [0.1, 0.2]), "first token 100 ms", id="tokens that nobody counted"
        ),
        pytest.param(
            Answer(0.0, completion_tokens=0, prompt_tokens=7), "7 + 0 tokens", id="nothing was said"
        ),
        pytest.param(
            Answer(0.0, ["a"], [0.1], 0.2, 7, 1, "length"),
            "first token 100 ms, 7 + 1 tokens, cut off at the most tokens",
            id="cut off",
        ),
    ],
)
def test_under_an_answer_stands_what_is_known(answer: Answer, said: str) -> None:
    assert line(answer) == said


def test_tokens_are_counted_by_the_engine_and_not_by_parts() -> None:
    burst = Answer(0.0, ["a b c d", "e"], [1.0, 2.0], 2.0, 7, 5)
    assert tokens_per_second(burst) == 4.0
    assert gaps(burst) == [1.0]


def test_percentiles_are_values_that_were_there() -> None:
    found = percentiles([float(value) for value in range(1, 101)])
    assert found == {"mean": 50.5, "p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}
    assert percentiles([None]) is None


def test_a_load_is_told_with_what_failed_and_over_which_way() -> None:
    result = {
        "how": "3 requests",
        "way": "Pod x",
        "forwarded": True,
        "errors": ["no"],
        **summary([ANSWER, ANSWER], Load(3, 1, 2.0, 0.9)),
    }
    said = "\n".join(lines(result))
    assert "time to first token, ms 500 500 500 500 500" in " ".join(said.split())
    assert "2 of 3 answered in 2.0 s: 1.0 requests/s, 3.0 tok/s; 14 prompt and 6 completion tokens" in said
    assert "failed: no" in said
    assert "busy itself (90% of a processor)" in said
    assert "port-forward" in said


def test_a_load_that_nobody_answered_has_dashes() -> None:
    result = {"how": "", "way": "", "forwarded": False, "errors": [], **summary([], Load(1, 1, 1.0, 0.0))}
    assert "time to first token, ms - - - - - " in " ".join(" ".join(lines(result)).split())


def test_requests_are_due_at_random_moments_of_the_rate_that_was_asked_for() -> None:
    due = due_seconds(2000, 5.0, random.Random(1))
    assert due[0] == 0.0
    assert due == sorted(due)
    assert 360 < due[-1] < 440


def test_prompts_have_the_words_that_were_asked_for_and_are_not_the_same() -> None:
    rng = random.Random(1)
    first, second = prompt(50, rng), prompt(50, rng)
    assert len(first.split()) == len(second.split()) == 50
    assert first != second


@pytest.mark.parametrize(
    ("url", "prefix", "words"),
    [
        ("http://localhost:8080", "", "http://localhost:8080"),
        ("http://localhost:8080/v1/", "", "http://localhost:8080"),
        ("https://host/llm/v1", "/llm", "https://host/llm"),
    ],
)
def test_an_address_may_end_in_v1(url: str, prefix: str, words: str) -> None:
    way = by_address(url)
    assert (way.prefix, way.words) == (prefix, words)


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://host", "http://", "http://[", "http://host:port"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="no address of a gateway"):
        by_address(url)


class Person:
    """Types one line after the other; an exception is Ctrl-C or Ctrl-D."""

    def __init__(self, *typed: str | BaseException) -> None:
        self.typed = list(typed)

    def read(self, _: str) -> str:
        said = self.typed.pop(0)
        if isinstance(said, BaseException):
            raise said
        return said


class Model:
    """Answers with its parts, each time anew; an exception among them is raised. Keeps what it was asked."""

    def __init__(self, *parts: str | BaseException) -> None:
        self.parts = parts
        self.asked: list[list[str]] = []
        self.closed = 0

    def ask(self, messages: list[dict[str, str]], answer: Answer) -> Iterator[str]:
        self.asked.append([one["content"] for one in messages])
        try:
            for part in self.parts:
                if isinstance(part, BaseException):
                    raise part
                answer.text.append(part)
                yield part
        finally:
            self.closed += 1


def chat(model: Model, *typed: str | BaseException) -> list[dict[str, Any]]:
    messages = [{"role": "system", "content": "be brief"}]
    talk(model.ask, messages, Person(*typed).read)
    return messages


def test_a_conversation_remembers_both_sides_until_ctrl_d() -> None:
    model = Model("yes", ".")
    messages = chat(model, "one", "", "two", EOFError())
    assert model.asked == [["be brief", "one"], ["be brief", "one", "yes.", "two"]]
    assert [one["role"] for one in messages] == ["system", "user", "assistant", "user", "assistant"]


def test_ctrl_c_stops_the_answer_and_not_the_chat(capsys: pytest.CaptureFixture[str]) -> None:
    model = Model("so", KeyboardInterrupt(), "far")
    chat(model, "one", KeyboardInterrupt(), "two", "/exit")
    assert model.asked[1] == ["be brief", "one", "so", "two"]
    assert model.closed == 2
    said = capsys.readouterr()
    assert said.out == "soso"
    assert said.err.count("[stopped]") == 2
    assert said.err.count(HELP) == 2


def test_what_is_refused_is_said_and_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    messages = chat(Model(Unanswered("no such model", "", "pull it")), "one", "/exit")
    assert [one["role"] for one in messages] == ["system"]
    assert "Error: no such model: pull it" in capsys.readouterr().err


def test_a_new_conversation_knows_only_what_the_model_was_told_first() -> None:
    model = Model("yes")
    chat(model, "one", "/new", "two", "/exit")
    assert model.asked[1] == ["be brief", "two"]


def test_a_port_forward_is_asked_for_as_the_clients_own_method_asks() -> None:
    configuration = client.Configuration(host="https://cluster:6443")
    configuration.api_key = {"authorization": "Bearer token"}
    api = client.ApiClient(configuration)
    asked: list[Any] = []

    forward = object()

    def websocket(_: Any, method: str, url: str, headers: Any, **__: Any) -> object:
        asked.append((method, url, headers["authorization"]))
        return forward

    stream = import_module("kubernetes.stream.stream")
    for method in (PodAsked(api).forwarded, client.CoreV1Api(api).connect_get_namespaced_pod_portforward):
        made = stream._websocket_request(
            websocket, {"_preload_content": False}, method, "pod", "ns", ports="8080"
        )
        assert made is forward
    assert asked[0] == asked[1]
    assert asked[0][1:] == (
        "https://cluster:6443/api/v1/namespaces/ns/pods/pod/portforward?ports=8080",
        "Bearer token",
    )
