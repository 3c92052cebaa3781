"""What presets and fields of an LLMService do in a real vLLM: one engine, started with the words of the operator.

`docs/how-to/engine.md` quotes the table that the thorough ones print.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from integration.worker.schemas import COUNT, features, schema
from integration.worker.workers import MODEL, Worker
from objects import observed, service
from tidegate_api.settings import Settings
from tidegate_operator.resolve import resolve

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SLICE = 20
# Far more than any of the schemas can take.
_MOST_TOKENS = 1500
# A model that talks nonsense would write blanks for ever where JSON allows them.
_NO_BLANKS = '--structured-outputs-config={"backend":"xgrammar","disable_any_whitespace":true}'
ENGINE = {
    "preset": "Interactive",
    "kvCacheDtype": "fp8",
    "maxModelLen": 2048,
    "maxNumSeqs": 8,
    "speculative": {"method": "ngram", "promptLookupMax": 4, "promptLookupMin": 2, "maxRunning": 4},
    "args": [_NO_BLANKS],
}
# What the operator sets about a place, which tests set themselves.
_OF_PLACES = (
    "--model",
    "--served-model-name",
    "--host",
    "--port",
    "--scheduling-policy",
    "--shutdown-timeout",
)


def words(**engine: Any) -> list[str]:
    """Return the words that the operator writes for such an engine, but for where it is and listens."""
    found = list(resolve(observed(service(engine=engine)), Settings()).engine_args)
    for flag in _OF_PLACES:
        at = found.index(flag)
        del found[at : at + 2]
    return found


def metrics(worker: Worker) -> dict[str, float]:
    """Return the sums over all labels, and the parts of the start by name."""
    with worker.open("/metrics") as page:
        text = page.read().decode()
    found: dict[str, float] = {}
    for name, labels, value in re.findall(r"^([\w:]+)\{(.*)\} (\S+)$", text, re.MULTILINE):
        phase = re.fullmatch(r'phase="(\w+)"', labels)
        key = f"start:{phase[1]}" if phase else name
        found[key] = found.get(key, 0.0) + float(value)
    info = re.search(r"^vllm:cache_config_info\{(.*)\}", text, re.MULTILINE)
    labelled = dict(re.findall(r'(\w+)="([^"]*)"', info[1] if info else ""))
    return {**found, "cache:tokens": float(int(labelled["num_gpu_blocks"]) * int(labelled["block_size"]))}


@pytest.fixture(scope="module")
def engine(vllm_python: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    running = Worker.start(vllm_python, tiny_model, tmp_path_factory.mktemp("features"), *words(**ENGINE))
    try:
        running.wait_until_healthy()
        yield running
    finally:
        running.kill()


def completed(worker: Worker, prompt: str, tokens: int) -> dict[str, Any]:
    body = {"prompt": prompt, "max_tokens": tokens, "ignore_eos": True, "temperature": 0}
    return worker.post("/v1/completions", body)


def test_the_engine_takes_what_the_preset_chose(engine: Worker) -> None:
    log = engine.log.read_text()
    assert "'max_num_batched_tokens': 512" in log


def test_guesses_from_the_prompt_are_accepted(engine: Worker) -> None:
    before = metrics(engine)
    completed(engine, "the Licensor the Licensor the Licensor the", 120)
    after = metrics(engine)
    drafted, accepted = (
        after[f"vllm:spec_decode_num_{what}_tokens_total"]
        - before[f"vllm:spec_decode_num_{what}_tokens_total"]
        for what in ("draft", "accepted")
    )
    print(f"\nn-gram: {accepted:.0f} of {drafted:.0f} guessed tokens accepted")
    assert 0 < accepted <= drafted


def test_nothing_is_guessed_while_more_requests_run_than_that(engine: Worker) -> None:
    """Eight at a time, twice what `maxRunning` says; only their last ones may be fewer."""
    with ThreadPoolExecutor(8) as threads:
        before = metrics(engine)["vllm:spec_decode_num_draft_tokens_total"]
        list(threads.map(lambda one: completed(engine, f"the {one} the {one} the {one} the", 60), range(8)))
        many = metrics(engine)["vllm:spec_decode_num_draft_tokens_total"] - before
    for one in range(8):
        completed(engine, f"the {one} the {one} the {one} the", 60)
    alone = metrics(engine)["vllm:spec_decode_num_draft_tokens_total"] - before - many
    print(f"\nguessed: {many:.0f} tokens while 8 requests ran, {alone:.0f} for the same one after another")
    assert many < alone / 2


def test_a_prompt_that_was_there_before_is_not_read_again(engine: Worker) -> None:
    prompt = "Licensed under the Apache License, Version 2.0. " * 30
    completed(engine, prompt, 1)
    before = metrics(engine)["vllm:prefix_cache_hits_total"]
    completed(engine, prompt + "Then", 1)
    assert metrics(engine)["vllm:prefix_cache_hits_total"] - before >= 256


def test_eight_bits_hold_twice_the_tokens(engine: Worker) -> None:
    """1 GiB for 2 layers of 2 heads of 32: 512 bytes for each token in 16 bits, 256 in eight."""
    assert metrics(engine)["cache:tokens"] == pytest.approx(2**30 / 256, rel=0.01)


def test_the_page_tells_the_parts_of_the_start(engine: Worker) -> None:
    parts = {name: value for name, value in metrics(engine).items() if name.startswith("start:")}
    print("\n" + ", ".join(f"{name[6:]} {value:.1f} s" for name, value in parts.items()))
    assert parts.keys() == {f"start:{one}" for one in ("preflight", "import", "weights", "compile", "warmup")}
    assert parts["start:import"] > 0


@dataclass(frozen=True)
class Answer:
    """What came for a schema; `wrong` is empty where it is valid."""

    number: int
    tokens: int
    wrong: str


def answered(worker: Worker, number: int) -> Answer:
    wanted = schema(number)
    body = {
        "messages": [{"role": "user", "content": "Fill in the form."}],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": f"form-{number}", "schema": wanted, "strict": True},
        },
        "max_tokens": _MOST_TOKENS,
        "temperature": 1.0,
        "seed": number,
    }
    said = worker.post("/v1/chat/completions", body)
    choice, tokens = said["choices"][0], said["usage"]["completion_tokens"]
    if choice["finish_reason"] != "stop":
        return Answer(number, tokens, f"ended by {choice['finish_reason']}")
    try:
        jsonschema.validate(json.loads(choice["message"]["content"]), wanted)
    except (ValueError, jsonschema.ValidationError) as error:
        return Answer(number, tokens, str(error).splitlines()[0])
    return Answer(number, tokens, "")


def all_valid(worker: Worker, numbers: range) -> list[Answer]:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: answered(worker, number), numbers))
    wrong = [one for one in answers if one.wrong]
    assert wrong == []
    return answers


def test_answers_fit_their_schema(engine: Worker) -> None:
    all_valid(engine, range(SLICE))


@pytest.mark.thorough
def test_answers_fit_two_hundred_schemas(engine: Worker) -> None:
    answers = all_valid(engine, range(COUNT))
    used = sum((features(schema(number)) for number in range(COUNT)), start=features({}))
    print(f"\n{len(answers)} of {len(answers)} answers valid, {sum(one.tokens for one in answers)} tokens")
    print(", ".join(f"{name} {count}" for name, count in used.most_common()))
    assert min(used.values()) >= 20, "each keyword is tried often enough"


@pytest.mark.thorough
@pytest.mark.parametrize("preset", ["Throughput", "LongContext", "Batch"])
def test_every_preset_starts(preset: str, vllm_python: Path, tiny_model: Path, tmp_path: Path) -> None:
    running = Worker.start(vllm_python, tiny_model, tmp_path, *words(preset=preset))
    try:
        running.wait_until_healthy()
        assert completed(running, "Licensed", 4)["usage"]["completion_tokens"] == 4
        print(f"\n{preset}: {metrics(running)['cache:tokens']:.0f} tokens of KV cache, served as {MODEL}")
    finally:
        running.kill()


@pytest.mark.thorough
def test_a_small_model_guesses_for_a_large_one(vllm_python: Path, tiny_model: Path, tmp_path: Path) -> None:
    """The same model twice: every guess is right, which is what is seen here, and not that it pays."""
    config = {"method": "draft_model", "model": str(tiny_model), "num_speculative_tokens": 4}
    schedule = {"num_speculative_tokens_per_batch_size": [[1, 8, 4], [9, 65536, 0]]}
    flag = f"--speculative-config={json.dumps({**config, **schedule})}"
    running = Worker.start(vllm_python, tiny_model, tmp_path, flag)
    try:
        running.wait_until_healthy()
        completed(running, "Licensed under", 80)
        found = metrics(running)
        drafted = found["vllm:spec_decode_num_draft_tokens_total"]
        accepted = found["vllm:spec_decode_num_accepted_tokens_total"]
        print(f"\ndraft model: {accepted:.0f} of {drafted:.0f} guessed tokens accepted")
        assert accepted > drafted / 2
    finally:
        running.kill()
