"""What an LLMService and the operator's settings say together of one worker, before an engine is thought of.

Owns what is refused of a spec: names that are taken, profiles that are not there, flags and variables that are not the
user's. Must not read children, pods or the clock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from tidegate_api.settings import ResourceProfile, Settings
from tidegate_api.v1alpha1 import LLMServiceSpec
from tidegate_operator import engine, flags, parallel, quantities
from tidegate_operator.asked import GPU
from tidegate_operator.errors import Stalled
from tidegate_operator.facts import Manifest, Observed
from tidegate_operator.forbidden import why_not_variable
from tidegate_operator.tuning import Words


@dataclass(frozen=True, slots=True)
class Basis:
    """What a worker is to serve and on what; `env` is what profile and user set, `spread` over how many Pods."""

    spec: LLMServiceSpec
    model_name: str
    profile: ResourceProfile
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    env: Mapping[str, str]
    spread: parallel.Spread
    drain_seconds: int

    @property
    def accelerators(self) -> int:
        """Return the accelerators that one worker holds, all its Pods together; one without any counts as 1."""
        return accelerators(self.limits) * self.spread.nodes


def basis_of(observed: Observed, settings: Settings) -> Basis:
    """Return the basis of an LLMService; raises Stalled for what only its user can mend."""
    spec, name = _spec(observed.service), model_name(observed.service)
    _refuse_taken_name(observed, name)
    profile, count = _profile(spec, settings)
    requests, limits = _resources(spec, profile, count)
    env, gpus = _environment(spec, profile), _gpus(limits)
    profile_name = spec.resource_profile.rpartition(":")[0]
    return Basis(
        spec=spec,
        model_name=name,
        profile=profile,
        requests=requests,
        limits=limits,
        env=env,
        spread=parallel.spread(spec.parallelism, profile_name, gpus or count, has_gpus=gpus > 0),
        drain_seconds=spec.rollout.drain_seconds or settings.drain_seconds,
    )


def words_of(basis: Basis) -> Words:
    """Return what vLLM is told by profile, fields and user; raises Stalled for flags that are not theirs to set."""
    spec, profile, table = basis.spec, basis.profile, flags.engine_table()
    name = spec.resource_profile.rpartition(":")[0]
    _raise_first(
        flags.problems(profile.args, table, f"resourceProfiles.{name}.args of the operator's settings")
    )
    _raise_first(flags.problems(spec.engine.args, table, "spec.engine.args"))
    gpus = _gpus(basis.limits)
    words = Words(profile.args, [*engine.field_args(spec.engine), *spec.engine.args])
    if spec.parallelism is not None:
        parallel.refuse_flags(sets_them=flags.sets_any(words.all, parallel.FLAGS, table))
        return replace(words, profile=[*parallel.words(spec.parallelism, basis.spread), *profile.args])
    if gpus > 1 and not flags.sets_any(words.all, engine.PARALLEL_FLAGS, table):
        # GPUs that nobody spread the model over would be paid for and idle.
        return replace(words, profile=["--tensor-parallel-size", str(gpus), *profile.args])
    return words


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
    mine = age(observed.service)
    rivals = [other for other in observed.siblings if model_name(other) == name and age(other) < mine]
    rivals = [other for other in rivals if "deletionTimestamp" not in other["metadata"]]
    if rivals:
        first = min(rivals, key=age)["metadata"]["name"]
        raise Stalled(
            "ModelNameTaken",
            f"the model name {name!r} belongs to the older LLMService {first!r} of this namespace: set another "
            "spec.model.name, or delete that one",
        )


def age(service: Manifest) -> tuple[str, str]:
    """Return by what LLMServices are ordered: of two that claim one name, the first has it."""
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
