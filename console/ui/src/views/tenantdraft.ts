// What the form of a tenant holds, and the spec that follows from it. Pure.

export interface TenantDraft {
  name: string;
  namespace: string;
  qosClass: string;
  requests: string;
  tokens: string;
}

/** The spec of the LLMTenant: a limit that is left empty is none, and 0 is a limit. */
export function tenantSpec(draft: TenantDraft): object {
  const limits = {
    ...(draft.requests === "" ? {} : { requestsPerMinute: Number(draft.requests) }),
    ...(draft.tokens === "" ? {} : { tokensPerMinute: Number(draft.tokens) }),
  };
  return { qosClass: draft.qosClass, ...(Object.keys(limits).length > 0 ? { limits } : {}) };
}
