"""LLMModels and LLMServices of one namespace, read, written and watched with its user's own rights.

Owns the Kubernetes calls and turns what they end with into this package's errors. Must not know what a status means.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from kubernetes import client, watch
from urllib3.exceptions import HTTPError

from tidegate_api.names import (
    GROUP,
    MODEL_KIND,
    MODELS_PLURAL,
    SERVICE_KIND,
    SERVICES_PLURAL,
    VERSION,
)
from tidegate_models.errors import Missing
from tidegate_models.refusals import is_unknown_kind, refusal, unreached

Object = dict[str, Any]
_PLURALS: Final = {MODEL_KIND: MODELS_PLURAL, SERVICE_KIND: SERVICES_PLURAL}
# To connect, and to wait for an answer.
_SECONDS: Final = (5, 30)
# A watch is ended by the server first; what says nothing for longer than that is a dead connection.
_WATCH_SECONDS: Final = 60
_WATCH_TIMEOUT: Final = (5, _WATCH_SECONDS + 15)


class WatchCut(Exception):
    """A watch that ended otherwise than by its time: read again, and go on from there."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One namespace, through a `kubernetes.client.CustomObjectsApi`; every method raises ModelsError kinds only."""

    objects: Any
    namespace: str

    def find(self, kind: str, name: str) -> Object | None:
        """Return an object, None where there is none of that name."""
        with self._spoken(kind):
            try:
                found: Object = self.objects.get_namespaced_custom_object(
                    *self._where(kind), name, _request_timeout=_SECONDS
                )
                return found
            except client.ApiException as error:
                if error.status == 404 and not is_unknown_kind(error):
                    return None
                raise

    def read(self, kind: str, name: str) -> Object:
        """Return an object; raises Missing where there is none."""
        found = self.find(kind, name)
        if found is None:
            raise Missing(f"there is no {kind} {name!r}", f"namespace {self.namespace}")
        return found

    def list(self, kind: str) -> list[Object]:
        """Return all objects of a kind in the namespace."""
        with self._spoken(kind):
            listed = self.objects.list_namespaced_custom_object(*self._where(kind), _request_timeout=_SECONDS)
            return list(listed["items"])

    def create(self, kind: str, manifest: Object) -> Object | None:
        """Make an object and return it; None where there is one of its name already."""
        with self._spoken(kind):
            try:
                made: Object = self.objects.create_namespaced_custom_object(
                    *self._where(kind), manifest, _request_timeout=_SECONDS
                )
                return made
            except client.ApiException as error:
                if error.status == 409:
                    return None
                raise

    def merge(self, kind: str, name: str, patch: Object) -> Object:
        """Apply a merge patch and return the object."""
        with self._spoken(kind, name):
            patched: Object = self.objects.patch_namespaced_custom_object(
                *self._where(kind),
                name,
                patch,
                _content_type="application/merge-patch+json",
                _request_timeout=_SECONDS,
            )
            return patched

    def delete(self, kind: str, name: str, uid: str) -> None:
        """Remove that very object; one that is gone already is as well."""
        with self._spoken(kind):
            try:
                self.objects.delete_namespaced_custom_object(
                    *self._where(kind),
                    name,
                    body=client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=uid)),
                    _request_timeout=_SECONDS,
                )
            except client.ApiException as error:
                if error.status not in {404, 409} or is_unknown_kind(error):
                    raise

    def changes(self, kind: str, name: str, version: str) -> Iterator[Object | None]:
        """Yield an object each time it changes after a version, None when it is deleted; ends after a minute.

        Raises WatchCut when the connection breaks or the version is too old.
        """
        try:
            for event in watch.Watch().stream(
                self.objects.list_namespaced_custom_object,
                *self._where(kind),
                field_selector=f"metadata.name={name}",
                resource_version=version,
                timeout_seconds=_WATCH_SECONDS,
                _request_timeout=_WATCH_TIMEOUT,
            ):
                yield None if event["type"] == "DELETED" else event["object"]
        except client.ApiException as error:
            if error.status is not None and error.status in {401, 403}:
                raise refusal(error, f"namespace {self.namespace}", kind) from error
            raise WatchCut(str(error.reason)) from error
        except (HTTPError, OSError, ValueError) as error:
            raise WatchCut(str(error)) from error

    def _where(self, kind: str) -> tuple[str, str, str, str]:
        return GROUP, VERSION, self.namespace, _PLURALS[kind]

    @contextlib.contextmanager
    def _spoken(self, kind: str, name: str | None = None) -> Iterator[None]:
        where = f"namespace {self.namespace}"
        try:
            yield
        except client.ApiException as error:
            raise refusal(error, where, f"{kind} {name!r}" if name else kind) from error
        except (HTTPError, OSError) as error:
            raise unreached(error, where) from error
