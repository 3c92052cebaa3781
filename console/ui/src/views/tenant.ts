// Reads an LLMTenant and what it uses now. Pure.
import type { LiveTenant, Tenant } from "../api/types";
import { type Finding, trouble } from "./conditions";
import { count } from "./units";

export interface Meter {
  label: string;
  used: number | null;
  limit: number | null;
  words: string;
}

export interface TenantView {
  key: string;
  name: string;
  namespace: string;
  qosClass: string;
  services: string[];
  keys: { name: string; notAfter?: string }[];
  activeKeys: number | null;
  meters: Meter[];
  requests: number | null;
  tokens: number | null;
  why: Finding | null;
}

function meter(label: string, used: number | null | undefined, limit: number | undefined): Meter {
  const words = limit === undefined ? count(used) : `${count(used)} of ${count(limit)}`;
  return { label, used: used ?? null, limit: limit ?? null, words };
}

export function tenantView(tenant: Tenant, live: LiveTenant | undefined): TenantView {
  const { metadata, spec, status } = tenant;
  const meters = [
    meter("Requests a minute", live?.requestsPerMinute, spec.limits?.requestsPerMinute),
    meter("Tokens a minute", live?.tokensPerMinute, spec.limits?.tokensPerMinute),
  ];
  if (spec.budget?.tokens !== undefined)
    meters.push(
      meter(
        `Budget of the ${(spec.budget.window ?? "Month").toLowerCase()}`,
        status?.budget?.tokens,
        spec.budget.tokens,
      ),
    );
  return {
    key: `${metadata.namespace}/${metadata.name}`,
    name: metadata.name,
    namespace: metadata.namespace,
    qosClass: spec.qosClass ?? "medium",
    services: spec.services ?? [],
    keys: spec.keys ?? [],
    activeKeys: status?.activeKeys ?? null,
    meters,
    requests: status?.usage?.requests ?? null,
    tokens: status?.usage?.totalTokens ?? null,
    why: trouble(metadata, status?.conditions),
  };
}
