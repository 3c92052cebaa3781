"""LoRA adapters on a real cluster: loaded on all workers, answered by name, restored, refused alone, removed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import openai
import pytest
import yaml

from e2e.asking import QUESTION
from e2e.cluster import Json, Namespace, eventually, kubectl
from e2e.conftest import tenant_key

EXAMPLE = Path(__file__).parents[2] / "examples" / "10-adapters"
NAME, JOB = "helper", "make-adapters"
PIRATE, LAWYER = ({"name": name, "uri": f"pvc://models/adapters/{name}"} for name in ("pirate", "lawyer"))
# What the Job of the example does not make, so that there is nothing in its place.
MISSING = {"name": "missing", "uri": "pvc://models/adapters/missing"}
LARGE = {"name": "large", "uri": "pvc://models/adapters/large"}


def manifests(file: str) -> list[Json]:
    """Return what an example file holds."""
    return [one for one in yaml.safe_load_all((EXAMPLE / file).read_text()) if one]


def service(adapters: Sequence[Json]) -> Json:
    """Return the example's service with these adapters, small enough to run twice beside the demo's."""
    (found,) = manifests("2-llmservice.yaml")
    spec = found["spec"]
    spec["model"]["lora"]["adapters"] = list(adapters)
    spec["engine"] = {"maxModelLen": 1024, "maxNumSeqs": 4, "args": ["--enforce-eager"]}
    spec["resources"] = {"requests": {"cpu": "100m", "memory": "2Gi"}}
    return found


def entry(demo: Namespace, name: str) -> Json:
    """Return what the status says of an adapter, empty while it says nothing."""
    told = demo.get("llmservice", NAME).get("status", {}).get("adapters", [])
    return next((one for one in told if one["name"] == name), {})


def wait_for(demo: Namespace, name: str, phase: str, loaded: str, seconds: float = 60) -> Json:
    """Wait until an adapter stands so, and return its entry."""
    return eventually(
        lambda: (
            found
            if ((found := entry(demo, name)).get("phase"), found.get("loaded")) == (phase, loaded)
            else None
        ),
        f"adapter {name!r} {phase} on {loaded}: {demo.last_status(NAME)}",
        seconds,
    )


@pytest.fixture
def client(demo: Namespace, gateway: str) -> Iterator[openai.OpenAI]:
    """A caller of the demo's namespace."""
    with tenant_key(demo.name, "e2e-adapters") as key:
        yield openai.OpenAI(base_url=f"{gateway}/v1", api_key=key, max_retries=3, timeout=120)


@pytest.fixture
def helper(demo: Namespace) -> Iterator[Namespace]:
    """The example's service with two workers and one adapter."""
    maker = manifests("1-adapters.yaml")
    maker[1]["spec"]["template"]["spec"]["containers"][0]["args"] = ["pirate=8", "lawyer=8", "large=64"]
    kubectl("delete", "job", JOB, "-n", demo.name, "--ignore-not-found")
    demo.apply(*maker)
    kubectl("wait", "-n", demo.name, f"job/{JOB}", "--for=condition=Complete", "--timeout=120s", timeout=130)
    demo.apply(service([PIRATE]))
    try:
        yield demo
    finally:
        kubectl("delete", "llmservice", NAME, "-n", demo.name)
        kubectl("delete", "job,configmap", JOB, "-n", demo.name)
        eventually(lambda: not demo.pods_of(NAME), "the workers are gone")


def answer(client: openai.OpenAI, model: str) -> str:
    """Return what a model says, at temperature 0."""
    said = client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=16)
    return said.choices[0].message.content or ""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_adapters_are_state(helper: Namespace, client: openai.OpenAI) -> None:
    """One long test, because two workers take a minute to load: each step starts where the last one ended."""
    workers = helper.wait_for_ready(NAME, 2)
    wait_for(helper, "pirate", "Ready", "2/2")
    plain = eventually(lambda: known(client, NAME), "the model answers")
    pirate = eventually(lambda: known(client, "pirate"), "the adapter answers")
    assert pirate != plain

    one_more_is_loaded_without_a_restart_and_a_broken_one_fails_alone(helper, client)
    assert helper.ready_pods_of(NAME) == workers
    assert answer(client, "pirate") == pirate

    kubectl("delete", "pod", workers[0], "-n", helper.name)
    eventually(lambda: workers[0] not in helper.ready_pods_of(NAME), "one worker is gone")
    helper.wait_for_ready(NAME, 2)
    wait_for(helper, "pirate", "Ready", "2/2")
    assert {answer(client, "pirate") for _ in range(4)} == {pirate}

    one_that_is_removed_is_not_there_any_more(helper, client)


def known(client: openai.OpenAI, model: str) -> str | None:
    """Return an answer, None while the gateway has not seen the key or the adapter yet."""
    try:
        return answer(client, model)
    except (openai.AuthenticationError, openai.NotFoundError):
        return None


def one_more_is_loaded_without_a_restart_and_a_broken_one_fails_alone(
    helper: Namespace, client: openai.OpenAI
) -> None:
    helper.apply(service([PIRATE, LAWYER, MISSING, LARGE]))
    wait_for(helper, "lawyer", "Ready", "2/2")
    large, missing = wait_for(helper, "large", "Failed", "0/2"), wait_for(helper, "missing", "Failed", "0/2")
    assert "rank 64" in large["message"]
    assert "/models/adapters/missing" in missing["message"]
    assert helper.condition(NAME, "AdaptersReady")["status"] == "False"
    assert helper.condition(NAME, "Degraded")["reason"] in {"AdapterNotFound", "AdapterIncompatible"}
    assert helper.condition(NAME, "Ready")["status"] == "True"
    assert eventually(lambda: known(client, "lawyer"), "the second adapter answers") != answer(client, NAME)
    with pytest.raises(openai.InternalServerError) as refused:
        client.with_options(max_retries=0).chat.completions.create(model="large", messages=QUESTION)
    assert refused.value.code == "adapter_loading"


def one_that_is_removed_is_not_there_any_more(helper: Namespace, client: openai.OpenAI) -> None:
    helper.apply(service([LAWYER]))
    eventually(lambda: entry(helper, "pirate") == {} or None, "the status forgets it")

    def is_gone() -> bool:
        try:
            answer(client, "pirate")
        except openai.NotFoundError:
            return True
        return False

    eventually(is_gone, "the gateway answers 404", 30)
    eventually(lambda: "pirate" not in {one.id for one in client.models.list()}, "it is not listed", 30)
    assert answer(client, "lawyer")
    assert helper.condition(NAME, "Degraded")["status"] == "False"
