"""Another engine than vLLM: how its container is started, and what is said where nothing of it is known.

Owns the variables by which it learns what to serve. Must not know any engine: where it needs a flag, its user names it.
"""

from typing import Final

from tidegate_api.names import MODEL_PATH_VARIABLE, WORKER_PORT
from tidegate_api.serving import Engine
from tidegate_operator.desired import Custom, Fitting, ModelVolume
from tidegate_operator.errors import Stalled

MODEL_NAME: Final = "MODEL_NAME"
PORT: Final = "PORT"
MAX_NUM_SEQS: Final = "MAX_NUM_SEQS"
_OWNED: Final = frozenset({MODEL_PATH_VARIABLE, MODEL_NAME, PORT, MAX_NUM_SEQS})
# The root file system is read-only; /tmp is the one place to write, and nothing is fetched or reported.
_ENV: Final = {
    "HOME": "/tmp",  # noqa: S108
    "TMPDIR": "/tmp",  # noqa: S108
    "XDG_CACHE_HOME": "/tmp/cache",  # noqa: S108
    "HF_HUB_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}
NOT_RECKONED: Final = Fitting(
    {
        "message": "Nothing is reckoned of the memory: spec.engine.type is Custom, and what its engine needs only it "
        "knows."
    }
)


def custom(engine: Engine) -> Custom | None:
    """Return how the container of another engine is started and asked, None for vLLM."""
    if engine.type != "Custom":
        return None
    return Custom(
        command=tuple(engine.command),
        port=WORKER_PORT if engine.port is None else engine.port,
        health_path=engine.health_path or "/health",
        ready_path=engine.ready_path or "/v1/models",
    )


def environment(engine: Engine, started: Custom, model: ModelVolume, model_name: str) -> dict[str, str]:
    """Return the variables of another engine; raises Stalled where the user sets one that is Tidegate's.

    The first ones come first, since Kubernetes puts into a variable only what is set before it.
    """
    for index, variable in enumerate(engine.env):
        if variable.name in _OWNED:
            raise Stalled(
                "ForbiddenVariable",
                f"spec.engine.env[{index}]: {variable.name} may not be set: Tidegate sets it, from spec.model, "
                "spec.engine.port and spec.engine.maxNumSeqs",
            )
    most = {} if engine.max_num_seqs is None else {MAX_NUM_SEQS: str(engine.max_num_seqs)}
    return {
        MODEL_PATH_VARIABLE: model.path,
        MODEL_NAME: model_name,
        PORT: str(started.port),
        **most,
        **_ENV,
    }
