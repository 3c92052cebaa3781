"""Thirteen bugs that operators have had, each planted into ours: what the trials must catch to be worth anything.

Owns the bugs, half of which show only under a fault, and the first lines of the operator's process. Must import nothing
else of the tests: it runs in that process.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Object = dict[str, Any]
_SET_PARENT_DEATH_SIGNAL = 1


def random_names() -> None:
    """Every look gives a child another name."""
    _rename("pdb", lambda: secrets.token_hex(3))


def names_of_the_process() -> None:
    """A child is named after how often the process was started, so a restart makes another one."""
    count = _starts()
    if count > 1:
        _rename("networkpolicy", lambda: str(count))


def template_of_the_process() -> None:
    """The Pods' template holds which start of the process made it, so a restart replaces all workers."""
    from tidegate_operator import build

    made, count = build.deployment, _starts()
    if count == 1:
        return

    def deployment(*words: Any) -> Object:
        manifest = made(*words)
        metadata = manifest["spec"]["template"]["metadata"]
        metadata = {**metadata, "annotations": {**metadata.get("annotations", {}), "started": str(count)}}
        template = {**manifest["spec"]["template"], "metadata": metadata}
        return {**manifest, "spec": {**manifest["spec"], "template": template}}

    build.deployment = deployment  # type: ignore[assignment]


def no_pruning() -> None:
    """What is no longer wanted stays."""
    from tidegate_operator import apply

    async def prune(*_: Any) -> None:
        return None

    apply._prune = prune


def never_silent() -> None:
    """The status tells the time, so it is written at every look."""
    from tidegate_operator import reconcile

    told = reconcile.summarize

    def summarize(*words: Any) -> Object:
        status = told(*words)
        first, *rest = status["conditions"]
        said = {**first, "message": f"{first['message']} at {time.time()}"}
        return {**status, "conditions": [said, *rest]}

    reconcile.summarize = summarize


def made_anew() -> None:
    """A Deployment that is to change is deleted and made again."""
    from tidegate_operator import apply
    from tidegate_operator.errors import Waiting

    one = apply._apply_one

    async def apply_one(
        manifest: Any, live: Any, observed: Any, cluster: Any, *rest: Any, **named: Any
    ) -> Any:
        if live is not None and manifest["kind"] == "Deployment" and apply.needs_write(manifest, live):
            await cluster.delete(live)
            raise Waiting("MadeAnew", 0.5)
        return await one(manifest, live, observed, cluster, *rest, **named)

    apply._apply_one = apply_one


def lock_left_behind() -> None:
    """Who writes takes a lock that outlives the process, and nobody opens that of one who has died."""
    from tidegate_operator import reconcile
    from tidegate_operator.errors import Waiting

    true = reconcile.apply

    async def locked(*words: Any) -> Any:
        lock = _home() / "lock"
        if lock.exists() and lock.read_text() != str(os.getpid()):
            raise Waiting("Locked", 1.0)
        lock.write_text(str(os.getpid()))
        done = await true(*words)
        lock.unlink()
        return done

    reconcile.apply = locked


def acts_on_events_only() -> None:
    """Only what changes is looked at: not what was there before the process."""
    from tidegate_operator.queues import Queues

    Queues.everything = lambda *_: iter(())  # type: ignore[method-assign]


def written_once() -> None:
    """A write counts as done before it was: after one that fails, the child is never written."""
    from tidegate_operator import apply

    write, done = apply._written, set[str]()

    async def remembering(manifest: Any, *rest: Any, **named: Any) -> Any:
        mark = repr(manifest)
        if mark in done:
            return {**manifest, "metadata": {**manifest["metadata"], "uid": "?", "resourceVersion": "0"}}
        done.add(mark)
        return await write(manifest, *rest, **named)

    apply._written = remembering


def trusts_its_watches() -> None:
    """Nothing is read again after the start, so an event that was lost stays unknown."""
    from tidegate_operator import resync

    true, reads = resync.read_all, iter((True,))

    async def read_all(*words: Any) -> None:
        if next(reads, False):
            await true(*words)

    resync.read_all = read_all
    resync.read_what_is_lacking = read_all


def no_difference_seen() -> None:
    """What is there once is never compared again."""
    from tidegate_operator import apply

    apply.needs_write = lambda *_: False  # type: ignore[assignment]


def another_name_on_failure() -> None:
    """A write of which no answer came is made again under another name."""
    from tidegate_operator import apply
    from tidegate_operator.cluster import ClusterError

    write = apply._written

    async def stubborn(manifest: Any, *rest: Any, **named: Any) -> Any:
        try:
            return await write(manifest, *rest, **named)
        except ClusterError:
            if manifest["kind"] != "Service":
                raise
            metadata = {**manifest["metadata"], "name": f"{manifest['metadata']['name']}-2"}
            return await write({**manifest, "metadata": metadata}, *rest, **named)

    apply._written = stubborn


def looks_at_specs_only() -> None:
    """A spec that was brought about once is not looked at again, whatever becomes of its children."""
    from tidegate_operator import reconcile

    true = reconcile.apply

    async def once(manifests: Any, observed: Any, *rest: Any) -> Any:
        metadata, status = observed.service["metadata"], observed.service.get("status") or {}
        if status.get("observedGeneration") == metadata["generation"]:
            return observed.children
        return await true(manifests, observed, *rest)

    reconcile.apply = once


BUGS: dict[str, Callable[[], None]] = {
    one.__name__.replace("_", "-"): one
    for one in (
        random_names,
        names_of_the_process,
        template_of_the_process,
        no_pruning,
        never_silent,
        made_anew,
        lock_left_behind,
        acts_on_events_only,
        written_once,
        trusts_its_watches,
        no_difference_seen,
        another_name_on_failure,
        looks_at_specs_only,
    )
}


def run(environment: dict[str, str], log: str, bug: str | None) -> None:
    """Be the operator, in a process of its own, with or without a bug; what it says goes to the end of `log`."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    os.environ.clear()
    os.environ.update(environment)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(target, stream)
    from kubernetes.aio.config import kube_config

    from tidegate_operator.__main__ import main

    # It has been read from another environment, that of the process which this one was forked from.
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = environment["KUBECONFIG"]
    if bug is not None:
        BUGS[bug]()
    sys.exit(main(["run"]))


def _home() -> Path:
    """Return a folder of the trial's own, which outlives the process."""
    return Path(os.environ["TIDEGATE_SETTINGS"]).parent


def _starts() -> int:
    """Return the how manieth process of its trial this is."""
    mark = _home() / "starts"
    count = int(mark.read_text()) + 1 if mark.exists() else 1
    mark.write_text(str(count))
    return count


def _rename(builder: str, suffix: Callable[[], str]) -> None:
    """Give what one builder makes another name."""
    from tidegate_operator import build

    made = getattr(build, builder)

    def renamed(*words: Any) -> Object | None:
        manifest = made(*words)
        if manifest is None:
            return None
        metadata = {**manifest["metadata"], "name": f"{manifest['metadata']['name']}-{suffix()}"}
        return {**manifest, "metadata": metadata}

    setattr(build, builder, renamed)
