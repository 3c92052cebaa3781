"""A model from its name to checked files in the cache: the steps of a load, in their order.

Owns that order and what one step hands to the next. What is decided is in choice, refusals, room and verdict; what is
done in sources, fetching and cache.
"""

import errno
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tidegate_loader import choice, inspection, refusals
from tidegate_loader.cache import COMING, COMPLETE, PARTS, USED, Cache, read_json, write_json
from tidegate_loader.failure import LoadFailed
from tidegate_loader.fetching import Job, Patience, fetch_all, hash_of, is_checked, present_bytes
from tidegate_loader.listing import HashKind, Listing, RemoteFile, total_bytes
from tidegate_loader.names import COMMIT, OWN, ModelName, is_model_path, revision_problem
from tidegate_loader.room import MARGIN_BYTES, Need, Space, evictions, size
from tidegate_loader.sources import Source
from tidegate_loader.telling import Tracker
from tidegate_loader.verdict import unreachable, verdict
from tidegate_loader.web import Refused, Unreachable

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
# Configurations and an index; more than that is no document.
MAX_DOCUMENT_BYTES: Final = 64 * 1024 * 1024
# Times that a model may be taken by another loader between the look at the cache and its removal.
EVICTION_TRIES: Final = 3

PATIENCE: Final = Patience()
INDEFINITE: Final[Mapping[str, str]] = {"Model": "a model", "Adapter": "an adapter"}

Say = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be there in the end, and what must stay."""

    model: ModelName
    revision: str
    in_use: frozenset[str] = frozenset()
    limit_bytes: int | None = None
    offline: bool = False
    verify: bool = False
    kind: choice.Kind = "Model"


@dataclass
class Loader:
    """One load: where to, whom to tell, and what had to leave on the way."""

    cache: Cache
    source: Source
    tracker: Tracker
    say: Say
    patience: Patience = PATIENCE
    evicted: list[str] = field(default_factory=list)

    def load(self, wish: Wish) -> dict[str, Any]:
        """Return the result of a load. Raises LoadFailed; what has come so far stays for the next one."""
        try:
            if problem := revision_problem(wish.revision):
                raise LoadFailed("RevisionNotFound", f"{problem}.")
            self.cache.prepare()
            for path in wish.in_use:
                if is_model_path(path):
                    self.cache.touch(path)
            with self.cache.locked(wish.model.folder):
                return self._load(wish)
        except OSError as error:
            raise self._of_disk(wish, error) from error

    def _load(self, wish: Wish) -> dict[str, Any]:
        if COMMIT.fullmatch(wish.revision) and (found := self._complete(wish, wish.revision)):
            return found
        if wish.offline:
            return self._offline(wish)
        listing = self._listing(wish)
        path = wish.model.path(listing.commit)
        if problem := strange(listing, wish):
            raise LoadFailed("LoaderFailed", f"{self.source.endpoint} {problem} of {wish.model.uri}.")
        self.tracker.resolved(listing.commit, path)
        self.say("resolved", uri=wish.model.uri, revision=listing.commit, files=len(listing.files))
        if found := self._complete(wish, listing.commit):
            return found
        if refused := refusals.refuse_listing(listing, self.source.page(wish.model), wish.kind):
            raise refused
        return self._bring(wish, listing)

    def _complete(self, wish: Wish, commit: str) -> dict[str, Any] | None:
        """Return the result if the model is there at this commit, whole; with `verify`, by its hashes."""
        path = wish.model.path(commit)
        marker = self.cache.marker(path)
        if marker is None:
            return None
        if (there := marker.get("type", "Model")) != wish.kind:
            message = f"{wish.model.uri} is in the cache as {INDEFINITE[there]}, and wanted as {INDEFINITE[wish.kind]}."
            raise LoadFailed("InvalidModelConfig", f"{message} Use it as one of them only.")
        folder = self.cache.folder(path)
        bad = damaged(folder, marker) if wish.verify else []
        if bad:
            self.say("damaged", path=path, files=bad)
            (folder / OWN / COMPLETE).unlink()
            for name in bad:
                (folder / name).unlink(missing_ok=True)
            return None
        self.tracker.resolved(commit, path)
        held, count = int(marker["bytes"]), len(marker["files"])
        self.tracker.expect(held, count, done=held, files_done=count)
        return self._done(path, marker)

    def _done(self, path: str, marker: Mapping[str, Any]) -> dict[str, Any]:
        self.cache.touch(path)
        self.tracker.step("Done")
        told = {name: marker[name] for name in ("revision", "bytes", "license", "shape") if name in marker}
        return {**told, "path": path, "evicted": list(self.evicted)}

    def _offline(self, wish: Wish) -> dict[str, Any]:
        """Return the newest model in the cache that was loaded as this revision."""
        paths = [path for path in self.cache.paths() if path.startswith(f"{wish.model.folder}/")]
        markers = [marker for path in paths if (marker := self.cache.marker(path))]
        fitting = [marker for marker in markers if wish.revision in (marker["requested"], marker["revision"])]
        if not fitting:
            what = f"{wish.model.uri} at {wish.revision!r:.140} is not in the cache"
            message = f"{what}, and hubs are not to be asked (models.offline)."
            raise LoadFailed("HubOffline", f"{message} Bring the model in once with models.offline off.")
        newest = max(fitting, key=lambda marker: float(marker["loadedAt"]))
        found = self._complete(wish, newest["revision"])
        if found is None:
            message = (
                f"{wish.model.uri} in the cache is damaged, and hubs are not to be asked (models.offline)."
            )
            raise LoadFailed("HubOffline", f"{message} Bring the model in once with models.offline off.")
        return found

    def _listing(self, wish: Wish) -> Listing:
        """Ask the hub, again where that may help."""
        asked = self.source.asked(wish.model, wish.revision)
        failures = 0
        while True:
            failures += 1
            try:
                return self.source.listing(wish.model, wish.revision)
            except Refused as error:
                if not error.said.passing or failures >= self.patience.failures:
                    raise verdict(error.said, asked) from error
                wait = self.patience.wait(failures, error.said.retry_after)
            except Unreachable as error:
                if failures >= self.patience.failures:
                    raise unreachable(asked, str(error)) from error
                wait = self.patience.wait(failures, None)
            time.sleep(wait)

    def _bring(self, wish: Wish, listing: Listing) -> dict[str, Any]:
        """Fetch what is needed, check it, and mark it as complete."""
        folder = self.cache.folder(wish.model.path(listing.commit))
        job = Job(
            self.source, wish.model, listing.commit, folder, self.patience, self.tracker, threading.Event()
        )
        index = self._documents(wish, listing, job)
        names = set(choice.wanted_files(listing.names, index, wish.kind))
        files = tuple(file for file in listing.files if file.name in names)
        self._room(wish, files, job)
        done, checked = present_bytes(job, files), sum(is_checked(job, file) for file in files)
        self.tracker.expect(total_bytes(files), len(files), done=done, files_done=checked)
        self.tracker.step("Downloading")
        self.say("downloading", path=folder.name, files=len(files), bytes=total_bytes(files), present=done)
        fetch_all(job, files)
        self.tracker.step("Verifying")
        marker = self._marker(wish, listing, files, folder)
        write_json(folder / OWN / COMPLETE, marker)
        tidy(folder)
        return self._done(wish.model.path(listing.commit), marker)

    def _documents(self, wish: Wish, listing: Listing, job: Job) -> Mapping[str, Any] | None:
        """Fetch and judge what says what the other files are; return the index of the weights."""
        first = set(choice.first_files(listing.names, wish.kind))
        files = tuple(file for file in listing.files if file.name in first)
        large = next((file for file in files if file.size > MAX_DOCUMENT_BYTES), None)
        if large is not None:
            raise LoadFailed(
                "InvalidModelConfig", f"{large.name} of {wish.model.uri} has {size(large.size)}."
            )
        if self.cache.free_bytes() < total_bytes(files) + MARGIN_BYTES:
            names = set(choice.wanted_files(listing.names, None, wish.kind))
            self._room(wish, tuple(file for file in listing.files if file.name in names), job)
        try:
            fetch_all(job, files)
        except LoadFailed:
            # Of a model that may not be had, nothing is left behind.
            if not present_bytes(job, files):
                self.cache.remove(wish.model.path(listing.commit))
            raise
        documents = {file.name: read_json(job.place(file)) for file in files}
        page = self.source.page(wish.model)
        if refused := refusals.refuse_documents(listing, documents, page, wish.kind):
            self.cache.remove(wish.model.path(listing.commit))
            raise refused
        return documents.get(choice.INDEX)

    def _room(self, wish: Wish, files: Sequence[RemoteFile], job: Job) -> None:
        """Make room for these files, one loader at a time. Raises LoadFailed where there is not enough."""
        path, mine = wish.model.path(job.commit), wish.model.folder
        need = Need(wish.model.uri, path, total_bytes(tuple(files)), present_bytes(job, files))
        with self.cache.locked("room"):
            for _ in range(EVICTION_TRIES):
                space = Space(self.cache.free_bytes(), wish.limit_bytes)
                leaving = evictions(need, space, self.cache.stored(wish.in_use, mine))
                gone = [self._evict(other, mine) for other in leaving]
                if all(gone):
                    break
            else:
                message = f"models that could leave for {wish.model.uri} are being loaded by others."
                raise LoadFailed("InsufficientStorage", f"{message} Wait for them.")
            before = (read_json(job.folder / OWN / COMING) or {}).get("evicted", [])
            self.evicted[:] = [*before, *(other for other in self.evicted if other not in before)]
            write_json(job.folder / OWN / COMING, {"bytes": need.total, "evicted": self.evicted})

    def _evict(self, path: str, mine: str) -> bool:
        """Remove a model, unless another loader has taken it meanwhile; return whether it is gone."""
        self.tracker.step("Evicting")
        with self.cache.held(path, mine) as free:
            if free:
                held = self.cache.remove(path)
                self.evicted.append(path)
                self.say("evicted", path=path, bytes=held)
        return free

    def _marker(
        self, wish: Wish, listing: Listing, files: Sequence[RemoteFile], folder: Path
    ) -> dict[str, Any]:
        """Return what will be known of the model from now on. Raises LoadFailed where its weights are not whole."""
        facts = inspection.check_weights(folder, wish.model.uri)
        return {
            "uri": wish.model.uri,
            "requested": wish.revision,
            "revision": listing.commit,
            **({"type": wish.kind} if wish.kind != "Model" else {}),
            "bytes": total_bytes(tuple(files)),
            "files": [{"name": f.name, "size": f.size, f.hash_kind: f.hash} for f in files],
            **({"license": listing.license} if listing.license else {}),
            **inspection.shape_of(facts),
            "loadedAt": time.time(),
        }

    def _of_disk(self, wish: Wish, error: OSError) -> LoadFailed:
        """Return what an error of the disk means."""
        root, told = self.cache.root, self.tracker.tell()
        if error.errno in NO_SPACE:
            there = f"{size(told['bytesDone'])} of {size(told['bytesTotal'])} are there and stay"
            message = f"the volume of {root} is full before {wish.model.uri} was complete: {there}."
            return LoadFailed(
                "InsufficientStorage", f"{message} Make room or enlarge it; the download goes on from there."
            )
        message = f"{root} cannot be used: {error.strerror or error}."
        return LoadFailed(
            "CacheUnavailable", f"{message} It must be a volume that this Pod's user may write to."
        )


def strange(listing: Listing, wish: Wish) -> str | None:
    """Return what is wrong with a list, so that nothing of it can be relied on."""
    if not is_model_path(wish.model.path(listing.commit)):
        return f"names {listing.commit!r:.100} as a commit"
    if COMMIT.fullmatch(wish.revision) and listing.commit != wish.revision:
        return f"answers with commit {listing.commit} when asked for {wish.revision}"
    bad = next((file for file in listing.files if not file.can_be_checked), None)
    return f"gives no size or hash that could be checked for {bad.name!r:.200}" if bad else None


def damaged(folder: Path, marker: Mapping[str, Any]) -> list[str]:
    """Return the files of a complete model whose content is not what it was."""
    bad = []
    for entry in marker["files"]:
        kind: HashKind = "sha256" if "sha256" in entry else "git-sha1"
        file = RemoteFile(entry["name"], entry["size"], kind, entry[kind])
        if hash_of(folder / file.name, file) != file.hash:
            bad.append(file.name)
    return bad


def tidy(folder: Path) -> None:
    """Remove what was there only on the way."""
    (folder / OWN / COMING).unlink(missing_ok=True)
    parts = folder / OWN / PARTS
    for left in parts.iterdir():
        left.unlink()
    parts.rmdir()
    (folder / OWN / USED).touch()
