"""The table of the API: methods, paths, who answers, and what is said of each in its description.

Owns this table. The process routes by it, and openapi.json and the reference page are made of it, so that none of
them can say another thing.
"""

from dataclasses import dataclass
from typing import Final

from tidegate_console import bodies

BASE: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `handler` is a method of `Api`."""

    method: str
    path: str
    handler: str
    summary: str
    # What else a caller should know.
    detail: str = ""
    needs_user: bool = True
    body: type[bodies.Body] | None = None
    # Name and meaning.
    query: tuple[tuple[str, str], ...] = ()
    status: int = 200
    # Name of the schema of the answer.
    answer: str = "Changed"


_NAMESPACE: Final = ("namespace", "Only what is in this namespace.")
_DRY_RUN: Final = ("dryRun", "`true`: check it as if it were written, and write nothing.")
_FORCE: Final = ("force", "`true`: also fields that somebody else has set.")

ROUTES: Final = (
    Route(
        "GET",
        "/session",
        "session",
        "Who is signed in",
        "With the namespaces where LLMServices may be listed, what the caller may change in each (at most a minute "
        "old; a namespace of which the cluster does not tell it is left out), and the resource profiles.",
        needs_user=False,
        answer="Session",
    ),
    Route(
        "GET",
        "/stream",
        "stream",
        "Everything, and each change",
        "Server-sent events: `snapshot` with all sections, then `services`, `models`, `tenants` or `events` with that "
        "section whole when it has changed (at most twice a second), and `live` every two seconds. It ends when the "
        "token is not good any more.",
        needs_user=False,
        query=(_NAMESPACE,),
        answer="Snapshot",
    ),
    Route(
        "GET",
        "/hub/models",
        "search",
        "Search a hub for models",
        query=(
            ("q", "Words to search for."),
            ("hub", "`hf`, the Hugging Face Hub, or `ms`, ModelScope."),
            ("limit", "How many, 1 to 50; 20 if it is not said."),
        ),
        answer="HubModels",
    ),
    Route(
        "POST",
        "/models",
        "pull",
        "Bring a model into a namespace's cache",
        "It is downloaded once; where it is there or on its way already, nothing is started anew.",
        body=bodies.Pull,
        status=201,
        answer="Pulled",
    ),
    Route("DELETE", "/models/{namespace}/{name}", "remove_model", "Remove a model that no LLMService uses"),
    Route("POST", "/models/{namespace}/{name}/pause", "pause_model", "Stop a download; what is there stays"),
    Route("POST", "/models/{namespace}/{name}/resume", "resume_model", "Let a paused download go on"),
    Route(
        "POST",
        "/services",
        "deploy",
        "Make an LLMService, or change one",
        "By server-side apply, as `tidegate-console`. A field that somebody else has set since is a 409.",
        body=bodies.Applied,
        query=(_DRY_RUN, _FORCE),
        status=201,
        answer="Object",
    ),
    Route("POST", "/services/{namespace}/{name}/load", "load_service", "Let a service have workers again"),
    Route(
        "POST",
        "/services/{namespace}/{name}/unload",
        "unload_service",
        "Take a service's workers down",
        "They finish what they have; its address, its settings and its cached model stay.",
    ),
    Route(
        "POST", "/services/{namespace}/{name}/renew", "renew_service", "Have a service's workers made anew"
    ),
    Route("DELETE", "/services/{namespace}/{name}", "remove_service", "Delete an LLMService"),
    Route(
        "POST",
        "/tenants",
        "make_tenant",
        "Make an LLMTenant, or change one",
        body=bodies.Applied,
        query=(_DRY_RUN, _FORCE),
        status=201,
        answer="Object",
    ),
    Route(
        "POST",
        "/keys",
        "make_key",
        "Make an API key",
        "The key is in this answer and nowhere else: the LLMTenant holds its SHA-256.",
        body=bodies.NewKey,
        status=201,
        answer="MadeKey",
    ),
    Route(
        "GET",
        "/keys",
        "list_keys",
        "List the keys of a namespace's tenants",
        needs_user=False,
        query=(("namespace", "The namespace; it must be given."),),
        answer="Keys",
    ),
    Route(
        "DELETE",
        "/keys/{namespace}/{name}",
        "remove_key",
        "Remove a key",
        query=(("tenant", "Its tenant, where several have a key of this name."),),
    ),
)
