"""Questions to the API server, by path, as its user: what comes back is what it sent, as plain JSON.

Owns the calls of all commands that ask for more than models. Must not know what an answer means; what goes wrong is a
ModelsError with what, where and what to do.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from kubernetes import client
from urllib3.exceptions import HTTPError

from tidegate_api import applied
from tidegate_api.names import (
    MODEL_KIND,
    MODELS_PLURAL,
    SERVICE_KIND,
    SERVICES_PLURAL,
    TENANT_KIND,
    TENANTS_PLURAL,
)
from tidegate_models.errors import ClusterDown
from tidegate_models.refusals import refusal, unreached

Json = dict[str, Any]
_PAGE: Final = 500
_KINDS: Final = {
    SERVICES_PLURAL: SERVICE_KIND,
    MODELS_PLURAL: MODEL_KIND,
    TENANTS_PLURAL: TENANT_KIND,
    "pods": "Pod",
}


def subject(path: str) -> tuple[str, str]:
    """Return what a path of the API server is about, in the words of users: a kind, with a name; and where it is."""
    parts = path.strip("/").split("/")
    # /api/VERSION or /apis/GROUP/VERSION, then /namespaces/NAME for what is in one.
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    where = "all namespaces"
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        where, rest = f"namespace {rest[1]}", rest[2:]
    if not rest:
        return "/".join(parts), where
    kind = _KINDS.get(rest[0], rest[0])
    return f"{kind} {rest[1].partition(':')[0]!r}" if len(rest) > 1 else kind, where


@dataclass(frozen=True, slots=True)
class Kube:
    """The API server, and the namespace that is meant where none is named."""

    api: Any
    namespace: str

    def read(self, path: str, **query: Any) -> Json:
        """Return the JSON at a path; raises Missing, Denied or ClusterDown."""
        found: Json = json.loads(self._call("GET", path, query))
        return found

    def text(self, path: str, **query: Any) -> str:
        """Return the text at a path, such as what a Pod answers through the API server's proxy."""
        return self._call("GET", path, query).decode(errors="replace")

    def items(self, path: str, **query: Any) -> list[Json]:
        """Return all objects of a list, page by page."""
        return list(self._pages(path, query))

    def create(self, path: str, body: Json) -> Json:
        """Create an object, or ask a question that is one, such as a SelfSubjectAccessReview."""
        made: Json = json.loads(self._call("POST", path, {}, body))
        return made

    def apply(self, path: str, manifest: Json, manager: str, *, force: bool, dry_run: bool) -> Json:
        """Apply a manifest server-side and return the object; raises Conflict where others own a field."""
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        made: Json = json.loads(
            self._call("PATCH", path, query, applied.as_yaml(manifest), applied.CONTENT_TYPE)
        )
        return made

    def _pages(self, path: str, query: Json) -> Iterator[Json]:
        after = ""
        while True:
            more = {"continue": after} if after else {}
            page = self.read(path, **query, limit=_PAGE, **more)
            yield from page.get("items") or ()
            after = (page.get("metadata") or {}).get("continue") or ""
            if not after:
                return

    def _call(
        self,
        method: str,
        path: str,
        query: Json,
        body: Json | str | None = None,
        kind: str = "application/json",
    ) -> bytes:
        headers = {"Accept": "application/json, */*", **({"Content-Type": kind} if body is not None else {})}
        try:
            asked = self.api.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            answer = self.api.call_api(*asked)
            data: bytes = answer.read() or b""
            if not 200 <= answer.status <= 299:
                raise client.ApiException(status=answer.status, reason=answer.reason, body=data.decode())
        except client.ApiException as error:
            what, where = subject(path)
            raise refusal(error, where, what) from error
        except (HTTPError, OSError) as error:
            raise unreached(error, self.api.configuration.host) from error
        except ValueError as error:
            raise ClusterDown(f"the API server's answer makes no sense: {error}", path, "") from error
        return data
