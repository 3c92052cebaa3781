"""From an LLMService and the operator's settings to a Service whose every value is concrete.

Owns what is cross-field or depends on settings or neighbours. Must not read children, pods or the clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from pydantic import ValidationError

from tidegate_api.fit.shape import Shape
from tidegate_api.names import WORKER_PORT
from tidegate_api.settings import ResourceProfile, Settings
from tidegate_api.v1alpha1 import LLMServiceSpec
from tidegate_operator import customengine, engine, fitting, flags, parallel, podtemplate, quantities, weights
from tidegate_operator.adapters.volumes import side_volumes
from tidegate_operator.asked import GPU, Asked, read_asked
from tidegate_operator.build.inspection import inspection_name
from tidegate_operator.desired import Fitting, Inspection, NetworkAccess, Placement, Service
from tidegate_operator.errors import Stalled, Withheld
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.features import Extras, extras, grown
from tidegate_operator.forbidden import why_not_variable
from tidegate_operator.pools import pools
from tidegate_operator.tuning import Tuned, Words, tune

__all__ = ["Service", "accelerators", "explain", "resolve", "service_url"]


def resolve(observed: Observed, settings: Settings) -> Service:
    """Return the service to bring about; raises Stalled for what only its user can mend."""
    spec = _spec(observed.service)
    name = model_name(observed.service)
    _refuse_taken_name(observed, name)
    custom = customengine.custom(spec.engine)
    podtemplate.check(spec.pod_template, WORKER_PORT if custom is None else custom.port)
    profile, count = _profile(spec, settings)
    requests, limits = _resources(spec, profile, count)
    drain = spec.rollout.drain_seconds or settings.drain_seconds
    volume, missing = weights.place(observed, spec.model, settings)
    given = _environment(spec, profile)
    gpus = _gpus(limits)
    profile_name = spec.resource_profile.rpartition(":")[0]
    found = parallel.spread(spec.parallelism, profile_name, gpus or count, has_gpus=gpus > 0)
    if custom is None:
        lora = spec.model.lora
        own = [*engine.own_args(volume, name, drain), *engine.lora_args(lora)]
        words = _words(spec, profile, limits, found)
        env = {
            **engine.environment(profile.accelerator),
            **(engine.LORA_ENVIRONMENT if lora else {}),
            **given,
        }
    else:
        volume, own, words = replace(volume, is_inspected=False), spec.engine.args, Words()
        env = {**customengine.environment(spec.engine, custom, volume, name), **given}
    ask = partial(
        read_asked, env=env, limits=limits, chosen=spec.resource_profile, profiles=settings.resource_profiles
    )
    plain = replace(ask(words.all), nodes=found.nodes)
    extra = Extras() if custom is not None else extras(observed, spec.engine, plain, settings)
    service = Service(
        key=observed.key,
        uid=observed.service["metadata"].get("uid", ""),
        model_name=name,
        model=volume,
        url=service_url(settings),
        image=spec.engine.image or getattr(settings.worker_images, profile.accelerator),
        image_pull_policy=settings.image_pull_policy,
        image_pull_secrets=tuple(settings.image_pull_secrets),
        engine_args=tuple(own),
        env={**env, **extra.env, **given},
        requests=grown(requests, extra.memory),
        limits=grown(limits, extra.memory),
        shared_memory=extra.memory,
        placement=_placement(profile),
        network=_network(settings, reaches_out=volume.source is None),
        drain_seconds=drain,
        pools=pools(
            spec,
            settings.priority_class_names,
            profile.priority_class_name or settings.priority_class_name,
            accelerators(limits) * found.nodes,
        ),
        suspended=spec.suspend,
        pod_template=spec.pod_template,
        credentials=spec.model.credentials_secret_ref.name if spec.model.credentials_secret_ref else None,
        inspection=_inspection(settings) if volume.is_inspected else None,
        custom=custom,
        spread=found,
        side_volumes=(*side_volumes(observed, volume, settings), *extra.volumes),
    )
    shape = fitting.shape_of(observed, inspection_name(service))
    tuned = Tuned(()) if custom is not None else tune(spec.engine, words, extra.choices, plain, shape)
    asked = replace(ask(tuned.words), nodes=found.nodes, draft=extra.draft)
    fit = customengine.NOT_RECKONED if custom is not None else _fit(shape, asked)
    withheld = fitting.crowded(asked) or _withheld(fit, missing or extra.missing)
    return replace(
        service,
        engine_args=(*own, *tuned.words),
        engine_state=tuned.state,
        ranks=asked.ranks,
        fitting=fit,
        withheld=None if spec.suspend else withheld,
    )


def _fit(shape: Shape | None, asked: Asked) -> Fitting | None:
    return fitting.fit(shape, asked) if shape is not None else None


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


def model_name(service: Manifest) -> str:
    """Return what clients call the model of an LLMService, resolved or not."""
    named: str | None = service.get("spec", {}).get("model", {}).get("name")
    name: str = service["metadata"]["name"]
    return named or name


def explain(error: ValidationError, root: str) -> str:
    """Return what pydantic found, one clause for each field, without the values: they may be secret."""
    clauses = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem["loc"]]
        # What a rule of ours says comes with pydantic's own words before it.
        said = problem["msg"].removeprefix("Value error, ")
        what = "there is no such field" if problem["type"] == "extra_forbidden" else said
        clauses.append(f"{root}{''.join(steps)}: {what}")
    return "; ".join(clauses)


def _spec(service: Manifest) -> LLMServiceSpec:
    try:
        return LLMServiceSpec.model_validate(service.get("spec", {}))
    except ValidationError as error:
        raise Stalled("InvalidValue", explain(error, "spec")) from error


def _refuse_taken_name(observed: Observed, name: str) -> None:
    """Refuse a model name that an older LLMService of the namespace has: the gateway sends it all requests."""
    mine = _age(observed.service)
    rivals = [other for other in observed.siblings if model_name(other) == name and _age(other) < mine]
    rivals = [other for other in rivals if "deletionTimestamp" not in other["metadata"]]
    if rivals:
        first = min(rivals, key=_age)["metadata"]["name"]
        raise Stalled(
            "ModelNameTaken",
            f"the model name {name!r} belongs to the older LLMService {first!r} of this namespace: set another "
            "spec.model.name, or delete that one",
        )


def _age(service: Manifest) -> tuple[str, str]:
    metadata = service["metadata"]
    return metadata.get("creationTimestamp") or "", metadata["name"]


def _profile(spec: LLMServiceSpec, settings: Settings) -> tuple[ResourceProfile, int]:
    name, _, count = spec.resource_profile.rpartition(":")
    profile = settings.resource_profiles.get(name)
    if profile is None:
        known = ", ".join(sorted(settings.resource_profiles)) or "none"
        raise Stalled(
            "UnknownResourceProfile",
            f"spec.resourceProfile: there is no profile {name!r}: use one of {known}, or have an administrator "
            "add it to resourceProfiles in the chart's values",
        )
    return profile, int(count)


def _resources(
    spec: LLMServiceSpec, profile: ResourceProfile, count: int
) -> tuple[dict[str, str], dict[str, str]]:
    """Return requests and limits; raises Stalled for a pair that the API server would refuse."""
    scaled_requests = {name: quantities.times(value, count) for name, value in profile.requests.items()}
    scaled_limits = {name: quantities.times(value, count) for name, value in profile.limits.items()}
    requests = {**scaled_requests, **spec.resources.requests}
    limits = {**scaled_limits, **spec.resources.limits}
    for name in sorted(requests.keys() & limits.keys()):
        least, most = quantities.parse(requests[name]), quantities.parse(limits[name])
        if least > most:
            raise _resource_problem(name, requests[name], "is over the limit", limits[name], spec)
        if "/" in name and least != most:
            raise _resource_problem(name, requests[name], "is not the limit", limits[name], spec)
    return requests, limits


def _resource_problem(name: str, request: str, what: str, limit: str, spec: LLMServiceSpec) -> Stalled:
    return Stalled(
        "InvalidValue",
        f"spec.resources: the request of {name}, {request}, {what}, {limit} (with what {spec.resource_profile} "
        "gives): set both",
    )


def _words(
    spec: LLMServiceSpec, profile: ResourceProfile, limits: Mapping[str, str], found: parallel.Spread
) -> Words:
    table = flags.engine_table()
    name = spec.resource_profile.rpartition(":")[0]
    _raise_first(
        flags.problems(profile.args, table, f"resourceProfiles.{name}.args of the operator's settings")
    )
    _raise_first(flags.problems(spec.engine.args, table, "spec.engine.args"))
    gpus = _gpus(limits)
    words = Words(profile.args, [*engine.field_args(spec.engine), *spec.engine.args])
    if spec.parallelism is not None:
        parallel.refuse_flags(sets_them=flags.sets_any(words.all, parallel.FLAGS, table))
        return replace(words, profile=[*parallel.words(spec.parallelism, found), *profile.args])
    if gpus > 1 and not flags.sets_any(words.all, engine.PARALLEL_FLAGS, table):
        # GPUs that nobody spread the model over would be paid for and idle.
        return replace(words, profile=["--tensor-parallel-size", str(gpus), *profile.args])
    return words


def accelerators(limits: Mapping[str, str]) -> int:
    """Return the accelerators that one worker with these limits holds; one without any counts as 1."""
    return max(_gpus(limits), 1)


def _gpus(limits: Mapping[str, str]) -> int:
    return int(quantities.parse(limits.get(GPU, "0")))


def _raise_first(problems: Sequence[flags.Problem]) -> None:
    """Raise Stalled with every problem's words under the first one's reason."""
    if problems:
        raise Stalled(problems[0].reason, "; ".join(problem.message for problem in problems[:5]))


def _environment(spec: LLMServiceSpec, profile: ResourceProfile) -> dict[str, str]:
    for index, variable in enumerate(spec.engine.env):
        why = why_not_variable(variable.name)
        if why is not None:
            message = f"spec.engine.env[{index}]: {variable.name} may not be set: {why}"
            raise Stalled("ForbiddenVariable", message)
    return {entry.name: entry.value for entry in (*profile.env, *spec.engine.env)}


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
    )
