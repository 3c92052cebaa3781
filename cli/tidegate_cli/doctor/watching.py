"""Checks of what scaling and dashboards are fed by: Prometheus, and what it reads. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tidegate_cli.doctor.facts import Facts
from tidegate_cli.doctor.finding import Finding, asked_in_vain

Json = Mapping[str, Any]
_READS: Final = re.compile(r"^tidegate_operator_engine_reads_total\{(.*)\} (\S+)", re.MULTILINE)
# Of readings that fail, the share that is worth a look.
_MANY: Final = 0.1


def prometheus(facts: Facts) -> Iterator[Finding]:
    """Yield whether the operator gets answers from Prometheus, by what it counts itself."""
    check = "Prometheus"
    if not facts.is_installed:
        return
    if facts.settings is None:
        yield asked_in_vain(
            check, facts.unknown.get("settings", "the operator's settings cannot be read"), "list configmaps"
        )
        return
    url = (facts.settings.get("prometheus") or {}).get("url")
    if not url:
        yield Finding(check, "ok", "none is set: the operator reads workers itself")
        return
    if not facts.operator_page:
        why = facts.unknown.get("operator_page", "no operator that leads tells its metrics")
        yield asked_in_vain(check, why, "get pods/proxy in the operator's namespace")
        return
    done, failed = _reads(facts.operator_page)
    if failed and not done:
        yield Finding(
            check,
            "fail",
            f"{url} gives the operator no usable answer ({failed} asked in vain)",
            "check prometheus.url in the chart's values, network policies, and that it scrapes the workers",
        )
    elif not done:
        yield Finding(check, "ok", f"{url} (nothing was asked yet: no service has spec.scaling)")
    else:
        share = failed / (done + failed)
        yield Finding(
            check,
            "warn" if share > _MANY else "ok",
            f"{url}: {done} readings, {failed} failed",
            "look at the operator's log, and at what Prometheus scrapes" if share > _MANY else "",
        )


def monitors(facts: Facts) -> Iterator[Finding]:
    """Yield whether a Prometheus operator would find our PodMonitors: by their labels."""
    check = "PodMonitors"
    for what in ("monitors", "prometheuses"):
        if what in facts.unknown:
            yield asked_in_vain(check, facts.unknown[what], f"list {what}")
            return
    ours = [
        one
        for one in facts.monitors
        if (one["metadata"].get("labels") or {}).get("app.kubernetes.io/name") == "tidegate"
    ]
    if not facts.knows_monitors:
        yield Finding(check, "ok", "the cluster has no Prometheus operator: Pods carry prometheus.io/scrape")
    elif not ours:
        yield Finding(
            check, "warn", "there are none of Tidegate", "set podMonitors.enabled=true in the chart's values"
        )
    else:
        unseen = [
            one["metadata"]["name"]
            for one in ours
            if not any(_selects(each, one) for each in facts.prometheuses)
        ]
        if unseen and facts.prometheuses:
            wanted = " or ".join(sorted({str(_labels_wanted(one)) for one in facts.prometheuses}))
            yield Finding(
                check,
                "fail",
                f"no Prometheus selects {', '.join(unseen)}",
                f"set podMonitors.labels in the chart's values to what it selects by: {wanted}",
            )
        else:
            yield Finding(check, "ok", ", ".join(one["metadata"]["name"] for one in ours))


def _reads(page: str) -> tuple[int, int]:
    """Return how many readings by way of Prometheus were done, and how many failed."""
    counts = {"done": 0.0, "failed": 0.0}
    for labels, value in _READS.findall(page):
        if 'way="prometheus"' in labels:
            outcome = "done" if 'outcome="done"' in labels else "failed"
            counts[outcome] += float(value)
    return int(counts["done"]), int(counts["failed"])


def _labels_wanted(prometheus: Json) -> Mapping[str, str]:
    selector = prometheus["spec"].get("podMonitorSelector") or {}
    found: Mapping[str, str] = selector.get("matchLabels") or {}
    return found


def _selects(prometheus: Json, monitor: Json) -> bool:
    """Tell whether a Prometheus takes a PodMonitor by its labels: an unset selector takes none, an empty one all."""
    selector = prometheus["spec"].get("podMonitorSelector")
    labels = monitor["metadata"].get("labels") or {}
    if selector is None:
        return False
    return all(labels.get(name) == value for name, value in (selector.get("matchLabels") or {}).items())


ALL: Final[Sequence[Any]] = (prometheus, monitors)
