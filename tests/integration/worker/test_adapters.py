"""The adapters' loop with a real vLLM: loaded, answered by, replaced, refused, unloaded while they are used.

The operator's own client speaks to the engine's own routes; what the cluster would show is put into its cache by hand.
"""

import asyncio
import json
import subprocess
import sys
import threading
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.worker.workers import MODEL, ROOT, Worker
from objects import CLAIM
from tidegate_operator.adapters import workerhttp
from tidegate_operator.adapters.loop import AdapterLoop
from tidegate_operator.adapters.state import WorkerAdapters
from tidegate_operator.cache import Cache
from tidegate_operator.metrics import Metrics
from unit.operator.adapters import rig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLE = ROOT / "examples" / "10-adapters" / "1-adapters.yaml"
LORA = ("--enable-lora", "--max-lora-rank", "16", "--max-loras", "2", "--max-cpu-loras", "8")


@pytest.fixture(scope="module")
def adapters(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory of adapters: two good ones, one of too high a rank, one cut short, one of another kind."""
    root = tmp_path_factory.mktemp("adapters")
    script = next(yaml.safe_load_all(EXAMPLE.read_text()))["data"]["make_adapters.py"]
    words = [sys.executable, "-c", script, tiny_model, root, "pirate=8", "lawyer=8", "large=32"]
    subprocess.run(words, check=True, capture_output=True)
    for name in ("cut", "foreign"):
        (root / name).mkdir()
        for file in (root / "pirate").iterdir():
            (root / name / file.name).write_bytes(file.read_bytes())
    cut = root / "cut" / "adapter_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:100])
    config = root / "foreign" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "use_dora": True}))
    return root


@pytest.fixture(scope="module")
def engine(vllm_python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """Return a worker that can load adapters."""
    home = tmp_path_factory.mktemp("worker")
    running = Worker.start(vllm_python, tiny_model, home, *LORA, VLLM_ALLOW_RUNTIME_LORA_UPDATING="True")
    try:
        running.wait_until_healthy()
        yield running
    finally:
        running.kill()


@dataclass
class Story:
    """One worker with the directory of adapters as its claim, and the operator that looks after it."""

    engine: Worker
    root: Path
    known: WorkerAdapters | None = None
    cache: Cache = field(default_factory=Cache)
    version: int = 0

    def declare(self, **directories: str) -> WorkerAdapters:
        """List these adapters, let the operator look after the worker for a while, and return what it then knows."""
        volumes = {str(self.root): {"persistentVolumeClaim": {"claimName": CLAIM}}}
        pod = rig.worker(volumes=volumes)
        pod["status"]["podIP"] = "127.0.0.1"
        entries = [rig.adapter(name, f"pvc://{CLAIM}/{path}") for name, path in directories.items()]
        for item in (rig.claim(), rig.with_adapters(*entries), pod):
            self.version += 1
            self.cache.put({**item, "metadata": {**item["metadata"], "resourceVersion": str(self.version)}})
        asyncio.run(self._look())
        return self.cache.adapters[rig.KEY][pod["metadata"]["uid"]]

    async def _look(self) -> None:
        async with workerhttp.connect(self.engine.port) as workers:
            now = asyncio.get_running_loop().time
            loop = AdapterLoop(workers, self.cache, rig.SETTINGS, Metrics(), lambda _: None, now)
            await loop.round()

    def listed(self) -> set[str]:
        """Return which models the worker says it serves."""
        with self.engine.open("/v1/models") as answer:
            return {one["id"] for one in json.load(answer)["data"]}

    def answer(self, model: str, tokens: int = 12) -> str:
        """Return what a model says to one prompt at temperature 0."""
        body = {"model": model, "prompt": "Licensed under the", "max_tokens": tokens, "temperature": 0}
        text: str = self.engine.post("/v1/completions", {**body, "ignore_eos": True})["choices"][0]["text"]
        return text

    def stream(self, model: str, tokens: int) -> Any:
        """Begin a stream."""
        body = {
            "model": model,
            "prompt": "Licensed",
            "max_tokens": tokens,
            "stream": True,
            "ignore_eos": True,
        }
        return self.engine.open("/v1/completions", {**body, "temperature": 0})


@pytest.fixture
def story(engine: Worker, adapters: Path) -> Iterator[Story]:
    """Return a worker without adapters, and leave it without."""
    found = Story(engine, adapters)
    yield found
    found.declare()
    assert found.listed() == {MODEL}


def test_two_adapters_answer_unlike_the_model_and_unlike_each_other(story: Story) -> None:
    before = story.answer(MODEL)
    known = story.declare(pirate="pirate", lawyer="lawyer")
    assert known.refused == {}
    assert story.listed() == {MODEL, "pirate", "lawyer"}
    answers = {story.answer(name) for name in (MODEL, "pirate", "lawyer")}
    assert len(answers) == 3
    assert story.answer(MODEL) == before


REFUSED = [
    pytest.param("large", ("AdapterIncompatible", "rank 32"), id="too high a rank"),
    pytest.param("cut", ("AdapterFailed", "header"), id="a file that was cut short"),
    pytest.param("foreign", ("AdapterIncompatible", "DoRA"), id="a kind that vLLM does not have"),
    pytest.param("nowhere", ("AdapterNotFound", "nowhere"), id="no directory"),
]


@pytest.mark.parametrize(("directory", "expected"), REFUSED)
def test_one_that_cannot_be_loaded_fails_alone_and_says_why(
    story: Story, directory: str, expected: tuple[str, str]
) -> None:
    known = story.declare(broken=directory, pirate="pirate")
    assert story.listed() == {MODEL, "pirate"}
    assert known.refused["broken"].reason == expected[0]
    assert expected[1] in known.refused["broken"].message
    assert story.answer("pirate") != story.answer(MODEL)


def test_another_revision_takes_the_name_and_nothing_of_the_old_one_is_left_in_the_prefix_cache(
    story: Story,
) -> None:
    story.declare(helper="pirate", lawyer="lawyer")
    pirate, lawyer = story.answer("helper"), story.answer("lawyer")
    story.declare(helper="lawyer", lawyer="lawyer")
    assert story.answer("helper") == lawyer != pirate
    assert story.listed() == {MODEL, "helper", "lawyer"}


def test_a_broken_revision_leaves_the_one_before_it(story: Story) -> None:
    story.declare(helper="pirate")
    pirate = story.answer("helper")
    known = story.declare(helper="cut")
    assert known.refused["helper"].reason == "AdapterFailed"
    assert story.answer("helper") == pirate


def test_a_stream_that_began_with_an_adapter_ends_with_it_though_that_is_removed_meanwhile(
    story: Story,
) -> None:
    story.declare(pirate="pirate")
    whole = story.stream("pirate", 400).read()
    with story.stream("pirate", 400) as stream:
        first = stream.readline()
        story.declare()
        assert story.listed() == {MODEL}
        with pytest.raises(urllib.error.HTTPError) as refused:
            story.answer("pirate")
        refused.value.close()
        rest = first + stream.read()
    assert refused.value.code == 404
    assert rest.rstrip().endswith(b"data: [DONE]")
    assert text_of(rest) == text_of(whole)


def test_requests_during_a_replacement_are_answered_by_one_of_the_two(story: Story) -> None:
    """Between unload and load lies one round trip, in which the worker answers 404; nothing else may be seen."""
    expected = {"404"}
    for directory in ("lawyer", "pirate"):
        story.declare(helper=directory)
        expected.add(story.answer("helper", 4))
    ended, seen = threading.Event(), list[str]()

    def ask() -> None:
        while not ended.is_set():
            try:
                seen.append(story.answer("helper", 4))
            except urllib.error.HTTPError as error:
                with error:
                    seen.append(str(error.code))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for directory in ("lawyer", "pirate", "lawyer"):
            story.declare(helper=directory)
    finally:
        ended.set()
        asking.join()
    assert seen
    assert set(seen) <= expected


def test_an_engine_that_was_started_without_adapters_says_so(
    vllm_python: Path, tiny_model: Path, adapters: Path, tmp_path: Path
) -> None:
    running = Worker.start(vllm_python, tiny_model, tmp_path)
    try:
        running.wait_until_healthy()
        known = Story(running, adapters).declare(pirate="pirate")
    finally:
        running.kill()
    assert known.refused["pirate"].reason == "EngineWithoutLora"


def text_of(stream: bytes) -> str:
    """Return the text of a stream; how many tokens come in one event depends on how busy the machine is."""
    events = [line.removeprefix(b"data: ") for line in stream.splitlines() if line.startswith(b"data: {")]
    return "".join(json.loads(event)["choices"][0]["text"] for event in events)
