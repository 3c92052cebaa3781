"""Golden prompts: what a ConfigMap may hold, what is asked, and which answer is as expected."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tidegate_api.names import CANARY_TRACK, REVISION_LABEL, SERVICE_LABEL, TRACK_LABEL
from tidegate_operator.cache import Cache
from tidegate_operator.examiner import Examiner
from tidegate_operator.facts import Key
from tidegate_operator.kinds import CONFIG_MAP
from tidegate_operator.podanswer import Unreadable
from tidegate_operator.rollout.facts import Examined
from tidegate_operator.rollout.golden import Prompt, Unusable, answer_of, objection, read
from unit.operator.fakes import KEY, FakeCluster, child, service

CAPITAL = "- {name: capital, prompt: 'The capital of France is', contains: Paris}"


def config(**data: str) -> dict[str, Any]:
    return {"data": data}


def test_prompts_are_read_in_the_order_of_the_keys() -> None:
    more = "- name: sum\n  messages: [{role: user, content: 1+1}]\n  regex: '^2'\n  maxTokens: 4\n"
    capital, added = read(config(a=CAPITAL, b=more))
    assert capital.body("m") == {
        "model": "m",
        "temperature": 0,
        "seed": 0,
        "max_tokens": 32,
        "prompt": "The capital of France is",
    }
    assert (capital.path, added.path) == ("/v1/completions", "/v1/chat/completions")
    assert added.body("m")["messages"] == [{"role": "user", "content": "1+1"}]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param({}, "it holds no prompt", id="nothing"),
        pytest.param({"a": "[]"}, "it holds no prompt", id="an empty list"),
        pytest.param({"a": "just words"}, "must hold a YAML list", id="no list"),
        pytest.param({"a": "- {"}, "is no YAML", id="no YAML"),
        pytest.param(
            {"a": "- {name: x, prompt: y}"}, "exactly one of contains, regex and exact", id="no expectation"
        ),
        pytest.param({"a": "- {name: x, contains: y}"}, "either prompt or messages", id="no prompt"),
        pytest.param(
            {"a": "- {name: x, prompt: y, exact: z, maxTokens: 513}"}, "maxTokens", id="too many tokens"
        ),
        pytest.param({"a": "- {name: x, prompt: y, exact: z, cheat: 1}"}, "cheat", id="an unknown field"),
        pytest.param({"a": "x" * (64 * 1024 + 1)}, "65537 bytes", id="too large"),
        pytest.param({"a": f"{CAPITAL}\n" * 51}, "51 prompts", id="too many"),
        pytest.param({"a": "- &a {name: x}\n- *a"}, "anchors", id="what grows when it is read"),
    ],
)
def test_what_is_no_golden_prompt_is_told(data: dict[str, str], words: str) -> None:
    with pytest.raises(Unusable, match=words):
        read(config(**data))


@pytest.mark.parametrize(
    ("expected", "answer", "matches", "is_met"),
    [
        ({"contains": "Paris"}, " it is Paris.", True, True),
        ({"contains": "Paris"}, " it is paris.", True, False),
        ({"exact": "Paris"}, " Paris\n", True, True),
        ({"exact": "Paris"}, "Paris.", True, False),
        ({"regex": "P.*s"}, "Paris", True, True),
        ({"regex": "P.*s"}, "Rome", False, False),
    ],
)
def test_an_answer_is_as_expected_or_quoted(
    expected: dict[str, str], answer: str, matches: bool, is_met: bool
) -> None:
    said = objection(Prompt(name="capital", prompt="?", **expected), answer, matches=matches)
    assert (said is None) is is_met
    assert said is None or repr(answer) in said


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"choices": [{"text": "a"}]}, "a"),
        ({"choices": [{"message": {"content": "b"}}]}, "b"),
        ({"choices": [{"message": {"content": None}}]}, None),
        ({"choices": []}, None),
        ({"error": "no"}, None),
        ([], None),
    ],
)
def test_the_text_of_an_answer(body: Any, text: str | None) -> None:
    assert answer_of(body) == text


class Worker:
    """`Golden` in memory: says of each prompt what it is told to."""

    def __init__(self, *said: str | Exception | None) -> None:
        self.said = list(said)
        self.asked: list[tuple[str, int, str]] = []

    async def ask(self, address: str, port: int, model: str, prompt: Prompt) -> str | None:
        self.asked.append((address, port, model))
        found = self.said.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def world(worker: Worker, *, pod: bool = True, golden: str | None = None, prompts: str = CAPITAL) -> Examiner:
    """Return an examiner of a service that is trying a version."""
    cluster, cache = FakeCluster(), Cache()
    analysis = {"goldenPromptsRef": {"name": "golden"}}
    told = {
        "phase": "Canary",
        "revision": "old",
        "canaryRevision": "new",
        **({"golden": golden} if golden else {}),
    }
    made = service(rollout={"canary": {"steps": [{"weight": 1}], "analysis": analysis}})
    cache.put(cluster.seed({**made, "status": {"modelName": "m", "rollout": told}}))
    if prompts:
        cluster.seed({**child(CONFIG_MAP, "golden", None), "data": {"a": prompts}})
    if pod:
        labels = {SERVICE_LABEL: KEY.name, REVISION_LABEL: "new", TRACK_LABEL: CANARY_TRACK}
        status = {
            "podIP": "10.0.0.9",
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        metadata = {"namespace": KEY.namespace, "name": "chat-1", "labels": labels}
        ports = [{"name": "http", "containerPort": 8080}]
        spec = {"containers": [{"name": "main", "ports": ports}]}
        cache.put(
            cluster.seed(
                {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}
            )
        )
    news: list[Key] = []
    return Examiner(worker, cluster, cache, news.append)


async def looked(examiner: Examiner, times: int = 1) -> Examined | None:
    for _ in range(times):
        examiner.look()
        await asyncio.gather(*(task for _, task in examiner._running.values()))
    return examiner.cache.examined.get(KEY)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(None, Examined("new", 1, 1), id="as expected"),
        pytest.param("it was wrong", Examined("new", 0, 1, ("it was wrong",)), id="otherwise"),
        pytest.param(Unreadable("refused"), Examined("new", problem="refused"), id="not at all"),
    ],
)
async def test_the_worker_of_the_version_is_asked_on_its_own_port(
    said: str | Exception | None, expected: Examined
) -> None:
    worker = Worker(said)
    assert await looked(world(worker)) == expected
    assert worker.asked == [("10.0.0.9", 8080, "m")]


async def test_it_is_asked_once_and_again_only_where_it_could_not_be() -> None:
    worker = Worker(None)
    assert await looked(world(worker), 20) == Examined("new", 1, 1)
    assert len(worker.asked) == 1
    worker = Worker(Unreadable("refused"), None)
    assert await looked(world(worker), 20) == Examined("new", 1, 1)
    assert len(worker.asked) == 2


async def test_nothing_is_asked_before_a_worker_is_ready_or_once_it_is_known() -> None:
    worker = Worker()
    assert await looked(world(worker, pod=False)) is None
    assert await looked(world(worker, golden="1/1")) is None
    assert worker.asked == []


async def test_a_config_map_that_is_not_there_is_named() -> None:
    found = await looked(world(Worker(), prompts=""))
    assert found is not None
    assert found.problem == "there is no ConfigMap 'golden' in namespace 'team-a': create it"
