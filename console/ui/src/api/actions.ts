// Everything that changes something, one function each, as the API has it. Owns paths and bodies only.
import { call, path } from "./client";
import type { HubModel, Session } from "./types";

export interface Named {
  namespace: string;
  name: string;
}

export const whoAmI = (token: string) => call<Session>(token, "GET", "session");

export const search = async (token: string, query: string, hub: string): Promise<HubModel[]> => {
  const asked = new URLSearchParams({ q: query, hub, limit: "20" });
  const found = await call<{ models: HubModel[] } | HubModel[]>(token, "GET", `hub/models?${asked}`);
  return Array.isArray(found) ? found : found.models;
};

export const pull = (
  token: string,
  body: { namespace: string; uri: string; revision?: string; tokenSecretRef?: object },
) => call<unknown>(token, "POST", "models", body);
export const pauseModel = (token: string, of: Named) =>
  call<unknown>(token, "POST", `models/${path(of.namespace, of.name)}/pause`);
export const resumeModel = (token: string, of: Named) =>
  call<unknown>(token, "POST", `models/${path(of.namespace, of.name)}/resume`);
export const deleteModel = (token: string, of: Named) =>
  call<unknown>(token, "DELETE", `models/${path(of.namespace, of.name)}`);

export const deploy = (token: string, body: Named & { spec: object }, dryRun: boolean) =>
  call<unknown>(token, "POST", `services${dryRun ? "?dryRun=true" : ""}`, body);
export const load = (token: string, of: Named) =>
  call<unknown>(token, "POST", `services/${path(of.namespace, of.name)}/load`);
export const unload = (token: string, of: Named) =>
  call<unknown>(token, "POST", `services/${path(of.namespace, of.name)}/unload`);
export const renew = (token: string, of: Named) =>
  call<unknown>(token, "POST", `services/${path(of.namespace, of.name)}/renew`);
export const deleteService = (token: string, of: Named) =>
  call<unknown>(token, "DELETE", `services/${path(of.namespace, of.name)}`);

export const makeTenant = (token: string, body: Named & { spec: object }) =>
  call<unknown>(token, "POST", "tenants", body);
export const makeKey = (
  token: string,
  body: { namespace: string; tenant: string; name?: string; notAfter?: string },
) => call<{ key: string }>(token, "POST", "keys", body);
export const deleteKey = (token: string, of: { namespace: string; tenant: string; name: string }) =>
  call<unknown>(
    token,
    "DELETE",
    `keys/${path(of.namespace, of.name)}?${new URLSearchParams({ tenant: of.tenant })}`,
  );
