// The hash of the address and the page it means. Pure but for the signal at the end, which follows the address.
import { signal } from "@preact/signals";

export type Route =
  | { page: "models" | "chat" | "live" | "tenants" | "events"; query: URLSearchParams }
  | { page: "service"; namespace: string; name: string; query: URLSearchParams };

export const PAGES = ["models", "chat", "live", "tenants", "events"] as const;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The page of a hash; what is unknown means Models. */
export function parse(hash: string): Route {
  const [place = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const query = new URLSearchParams(search);
  const [page, ...rest] = place.split("/").map(decoded);
  const [namespace, name] = rest;
  if (page === "services" && namespace && name) return { page: "service", namespace, name, query };
  const known = PAGES.find((one) => one === page);
  return { page: known ?? "models", query };
}

export function serviceLink(namespace: string, name: string): string {
  return `#/services/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
}

export function chatLink(model: string): string {
  return `#/chat?${new URLSearchParams({ model })}`;
}

export const route = signal<Route>(parse(globalThis.location?.hash ?? ""));
globalThis.addEventListener?.("hashchange", () => {
  route.value = parse(location.hash);
});
