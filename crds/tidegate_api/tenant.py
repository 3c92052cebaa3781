"""The custom resource LLMTenant: who calls, how much they matter, how much they may use, and what they have used.

Owns its fields, bounds and rules. Must not know how limits are kept: gateways do that.
"""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from tidegate_api.condition import Condition
from tidegate_api.names import DEFAULT_BATCH_CLASS, DEFAULT_CLASS, PRIORITY_BY_CLASS, QosClass
from tidegate_api.schema import Model, list_map, pattern_message, rules
from tidegate_api.windows import Window

_BATCH_ABOVE: Final = "batchQosClass must not be above qosClass: lower it, or raise qosClass"

ServiceName = Annotated[
    str,
    Field(
        max_length=50,
        pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        json_schema_extra=pattern_message(
            "services must be names of LLMServices of the tenant's own namespace, without the namespace: those of "
            "another namespace cannot be reached"
        ),
    ),
]


class TenantKey(Model):
    """One API key, by its digest: the key itself is never stored."""

    name: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        description="Who or what uses this key, such as `ci` or `web-frontend`.",
        json_schema_extra=pattern_message("keys.name must be lower-case letters, digits and '-'"),
    )
    sha256: str = Field(
        max_length=64,
        pattern=r"^[0-9a-f]{64}$",
        description="Lower-case hex SHA-256 of the whole key, `sk-` included. `tidegate keys create` makes both.",
        json_schema_extra=pattern_message(
            "keys.sha256 must be the lower-case hex SHA-256 of the key, 64 characters, never the key itself: "
            "`printf %s KEY | sha256sum` prints it"
        ),
    )
    not_after: str | None = Field(
        None,
        description="Refused after this moment (RFC 3339). Unset: until it is removed.",
        json_schema_extra={"format": "date-time"},
    )


class Limits(Model):
    """How much a tenant may use at a time, over all its keys and all gateways. What is not set has no limit."""

    requests_per_minute: int | None = Field(
        None, ge=0, le=10**9, description="Requests in any minute; 0 refuses all."
    )
    tokens_per_minute: int | None = Field(
        None,
        ge=0,
        le=10**12,
        description="Tokens in any minute, of prompts and answers. A request takes an estimate when it comes, and what "
        "it has really used when it ends; 0 refuses all.",
    )
    concurrency: int | None = Field(
        None, ge=0, le=10**6, description="Requests at a time, waiting ones included; 0 refuses all."
    )


class Budget(Model):
    """How many tokens a tenant may use in a window of the calendar."""

    tokens: int = Field(
        ge=0, le=10**15, description="Tokens, of prompts and answers; once they are used, requests get 429."
    )
    window: Window = Field(
        "Month",
        description="When it begins anew, in UTC: with each hour, at midnight, at midnight before Monday, or before "
        "the first of the month.",
    )


class LLMTenantSpec(Model):
    """Who may call the models of this namespace, how much they matter, and how much they may use."""

    model_config = rules(
        (
            "!(self.qosClass == 'low' && self.batchQosClass != 'low') && "
            "!(self.qosClass == 'medium' && self.batchQosClass == 'high')",
            _BATCH_ABOVE,
        ),
    )

    qos_class: QosClass = Field(
        DEFAULT_CLASS,
        description="How much its requests matter: when the engine is full, high is served before medium before low. "
        "Only this decides; nothing that a client sends does.",
    )
    batch_qos_class: QosClass = Field(
        DEFAULT_BATCH_CLASS,
        description="The same for its requests to /v1/batch, which are not urgent by their nature. Never above "
        "`qosClass`.",
    )
    limits: Limits = Field(Limits(), description="How much it may use at a time.")
    budget: Budget | None = Field(None, description="How much it may use in all. Unset: no limit.")
    services: list[ServiceName] = Field(
        [],
        max_length=64,
        description="Names of the LLMServices that it may call, all of its own namespace. Empty: every one there. "
        "Those of another namespace are never reachable.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    keys: list[TenantKey] = Field(
        [], max_length=64, description="Its API keys.", json_schema_extra=list_map("name")
    )

    @model_validator(mode="after")
    def _batches_matter_no_more_than_the_rest(self) -> Self:
        if PRIORITY_BY_CLASS[self.batch_qos_class] > PRIORITY_BY_CLASS[self.qos_class]:
            raise ValueError(_BATCH_ABOVE)
        return self


class Usage(Model):
    """What a tenant has used, over all gateways that ever were; it only grows."""

    requests: int = Field(ge=0, description="Requests that were admitted.")
    prompt_tokens: int = Field(ge=0, description="Tokens of their prompts.")
    completion_tokens: int = Field(ge=0, description="Tokens of the answers, as far as they were sent.")
    total_tokens: int = Field(ge=0, description="Tokens of prompts and answers.")
    since: str = Field(
        description="When counting began (RFC 3339, UTC).", json_schema_extra={"format": "date-time"}
    )


class BudgetStatus(Model):
    """How much of the budget is used."""

    window_start: str = Field(
        description="When the present window began (RFC 3339, UTC).",
        json_schema_extra={"format": "date-time"},
    )
    tokens: int = Field(
        ge=0, description="Tokens used since, as far as they have been read from the gateways."
    )


class GatewayUsage(Model):
    """What one gateway process has counted for the tenant since it started, as last read; part of `usage` already."""

    instance: str = Field(max_length=128, description="Which process: the uid of its Pod, and of its start.")
    requests: int = Field(ge=0, description="Requests.")
    prompt_tokens: int = Field(ge=0, description="Tokens of prompts.")
    completion_tokens: int = Field(ge=0, description="Tokens of answers.")


class LLMTenantStatus(Model):
    """How the tenant stands: written by the operator only."""

    observed_generation: int | None = Field(
        None, ge=0, description="The generation of the spec that was read."
    )
    active_keys: int | None = Field(None, ge=0, description="Keys that have not expired.")
    usage: Usage | None = Field(None, description="What it has used in all.")
    budget: BudgetStatus | None = Field(None, description="How much of its budget is used.")
    gateways: list[GatewayUsage] | None = Field(
        None,
        max_length=256,
        description="What was last read from each gateway, so that nothing is counted twice or lost when a gateway or "
        "the operator starts anew.",
        json_schema_extra=list_map("instance"),
    )
    conditions: list[Condition] | None = Field(
        None,
        max_length=16,
        description="Ready: it has a key that is accepted, and something to call.",
        json_schema_extra=list_map("type"),
    )


class LLMTenant(Model):
    """A caller of the LLMServices in its namespace."""

    spec: LLMTenantSpec = Field(description="What the tenant may do.")
    status: LLMTenantStatus | None = Field(None, description="What it has used, and how it stands.")
