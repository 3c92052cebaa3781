"""From an LLMService and the operator's settings to a Service whose every value is concrete.

Owns how it is put together: what spec and settings say, how the engine is run, what is known of its memory. Must not
read children, pods or the clock.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tidegate_api.names import WORKER_PORT
from tidegate_api.settings import ResourceProfile, Settings
from tidegate_operator import customengine, engine, fitting, podtemplate, weights
from tidegate_operator.adapters.volumes import side_volumes
from tidegate_operator.asked import Asked, read_asked
from tidegate_operator.basis import Basis, accelerators, basis_of, explain, model_name, words_of
from tidegate_operator.build.inspection import inspection_name
from tidegate_operator.desired import (
    Custom,
    Fitting,
    Inspection,
    ModelVolume,
    NetworkAccess,
    Placement,
    Service,
)
from tidegate_operator.errors import Withheld
from tidegate_operator.facts import Observed
from tidegate_operator.features import Extras, extras, grown
from tidegate_operator.pools import pools
from tidegate_operator.tuning import Words, tune

__all__ = ["Service", "accelerators", "explain", "model_name", "resolve", "service_url"]


@dataclass(frozen=True, slots=True)
class _Run:
    """How the engine is run: its own words, those of others, its variables, and what its fields come to beside these.

    `custom` is None for vLLM; `ask` reads what words ask of memory.
    """

    model: ModelVolume
    own: Sequence[str]
    env: Mapping[str, str]
    ask: Callable[[Sequence[str]], Asked]
    words: Words
    extra: Extras
    custom: Custom | None = None


def resolve(observed: Observed, settings: Settings) -> Service:
    """Return the service to bring about; raises Stalled for what only its user can mend."""
    basis = basis_of(observed, settings)
    spec = basis.spec
    custom = customengine.custom(spec.engine)
    podtemplate.check(spec.pod_template, WORKER_PORT if custom is None else custom.port)
    volume, missing = weights.place(observed, spec.model, settings)
    run = (
        _vllm(basis, volume, observed, settings)
        if custom is None
        else _other(basis, volume, custom, settings)
    )
    service = _service(basis, run, observed, settings)
    return _fitted(service, basis, run, observed, missing)


def _vllm(basis: Basis, volume: ModelVolume, observed: Observed, settings: Settings) -> _Run:
    lora, words = basis.spec.model.lora, words_of(basis)
    env = {
        **engine.environment(basis.profile.accelerator),
        **(engine.LORA_ENVIRONMENT if lora else {}),
        **engine.tracing_environment(settings.tracing, *observed.key),
        **basis.env,
    }
    ask = _reader(basis, env, settings)
    extra = extras(observed, basis.spec.engine, ask(words.all), settings)
    own = [
        *engine.own_args(volume, basis.model_name, basis.drain_seconds),
        *engine.lora_args(lora),
        *engine.tracing_args(settings.tracing),
    ]
    return _Run(volume, own, {**env, **extra.env, **basis.env}, ask, words, extra)


def _other(basis: Basis, volume: ModelVolume, custom: Custom, settings: Settings) -> _Run:
    asked = basis.spec.engine
    env = {**customengine.environment(asked, custom, volume, basis.model_name), **basis.env}
    ask = _reader(basis, env, settings)
    return _Run(replace(volume, is_inspected=False), asked.args, env, ask, Words(), Extras(), custom)


def _reader(basis: Basis, env: Mapping[str, str], settings: Settings) -> Callable[[Sequence[str]], Asked]:
    """Return what reads from words of the engine how much memory they ask for."""

    def ask(words: Sequence[str]) -> Asked:
        chosen, profiles = basis.spec.resource_profile, settings.resource_profiles
        return replace(read_asked(words, env, basis.limits, chosen, profiles), nodes=basis.spread.nodes)

    return ask


def _service(basis: Basis, run: _Run, observed: Observed, settings: Settings) -> Service:
    """Return the service as far as it can be told before its memory is looked at."""
    spec, profile, extra = basis.spec, basis.profile, run.extra
    secret = spec.model.credentials_secret_ref
    return Service(
        key=observed.key,
        uid=observed.service["metadata"].get("uid", ""),
        model_name=basis.model_name,
        model=run.model,
        url=service_url(settings),
        image=spec.engine.image or getattr(settings.worker_images, profile.accelerator),
        image_pull_policy=settings.image_pull_policy,
        image_pull_secrets=tuple(settings.image_pull_secrets),
        engine_args=tuple(run.own),
        env=run.env,
        requests=grown(basis.requests, extra.memory),
        limits=grown(basis.limits, extra.memory),
        shared_memory=extra.memory,
        placement=_placement(profile),
        network=_network(settings, reaches_out=run.model.source is None),
        drain_seconds=basis.drain_seconds,
        pools=pools(
            spec,
            settings.priority_class_names,
            profile.priority_class_name or settings.priority_class_name,
            basis.accelerators,
        ),
        suspended=spec.suspend,
        pod_template=spec.pod_template,
        credentials=secret.name if secret else None,
        inspection=_inspection(settings) if run.model.is_inspected else None,
        custom=run.custom,
        spread=basis.spread,
        side_volumes=(*side_volumes(observed, run.model, settings), *extra.volumes),
    )


def _fitted(
    service: Service, basis: Basis, run: _Run, observed: Observed, missing: Withheld | None
) -> Service:
    """Return the service with the words that its memory and its model's shape lead to, or why no workers are made."""
    fit: Fitting | None = customengine.NOT_RECKONED
    asked = run.ask(())
    if run.custom is None:
        shape = fitting.shape_of(observed, inspection_name(service))
        plain = run.ask(run.words.all)
        tuned = tune(basis.spec.engine, run.words, run.extra.choices, plain, shape)
        asked = replace(run.ask(tuned.words), draft=run.extra.draft)
        fit = fitting.fit(shape, asked) if shape is not None else None
        service = replace(service, engine_args=(*run.own, *tuned.words), engine_state=tuned.state)
    withheld = fitting.crowded(asked) or _withheld(fit, missing or run.extra.missing)
    return replace(service, ranks=asked.ranks, fitting=fit, withheld=None if basis.spec.suspend else withheld)


def _withheld(fit: Fitting | None, missing: Withheld | None) -> Withheld | None:
    """Return why there are no workers to be: what can never work comes before what is not there yet."""
    if fit is None:
        return missing
    if fit.refusal is not None:
        return fit.refusal
    if missing is None:
        return None
    return Withheld(missing.reason, missing.message, estimate=fit.estimate)


def service_url(settings: Settings) -> str:
    """Return the base URL for clients of any model."""
    return f"{settings.gateway_url}/v1"


def _placement(profile: ResourceProfile) -> Placement:
    return Placement(
        node_selector=profile.node_selector,
        tolerations=tuple(profile.tolerations),
        runtime_class_name=profile.runtime_class_name,
    )


def _inspection(settings: Settings) -> Inspection:
    resources = settings.models.resources
    return Inspection(settings.models.loader_image, resources.requests, resources.limits)


def _network(settings: Settings, *, reaches_out: bool) -> NetworkAccess | None:
    if not settings.network_policy.enabled:
        return None
    return NetworkAccess(
        gateway_namespace=settings.gateway_service.namespace,
        prometheus_namespace=settings.network_policy.prometheus_namespace or None,
        reaches_out=reaches_out,
        collector_port=_port_of(settings.tracing.endpoint),
    )


def _port_of(url: str) -> int | None:
    if not url:
        return None
    port = re.match(r"https?://[^/]*?(?::(\d+))?(?:/|$)", url)
    if port is not None and port[1]:
        return int(port[1])
    return 443 if url.startswith("https:") else 80
