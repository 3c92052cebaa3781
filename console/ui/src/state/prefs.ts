// What the person has set for this tab: the namespace that is looked at. Owns nothing that outlives the tab.
import { computed, signal } from "@preact/signals";
import { models, services, tenants } from "./cluster";
import { namespaces } from "./session";

/** The namespace that all pages are narrowed to; empty for all. */
export const scope = signal("");

export const seenNamespaces = computed(() => {
  const seen = [...services.value, ...models.value, ...tenants.value].map(
    ({ metadata }) => metadata.namespace,
  );
  return [...new Set([...namespaces.value, ...seen])].sort();
});

export const inScope = (of: { metadata: { namespace: string } }) =>
  scope.value === "" || of.metadata.namespace === scope.value;
