// Reads an LLMService for the eye: one flat value for rows and pages. Pure; tolerates whatever is missing.
import type { PoolStatus, Service } from "../api/types";
import { type Finding, type Tone, tone, trouble } from "./conditions";
import { type Progress, progress } from "./transfer";

export interface ServiceView {
  key: string;
  name: string;
  namespace: string;
  model: string;
  source: string;
  phase: string;
  tone: Tone;
  ready: string;
  pools: PoolStatus[];
  why: Finding | null;
  progress: Progress | null;
  suspended: boolean;
  /** Whether requests can be answered now. */
  answers: boolean;
  created?: string;
}

export function serviceView(service: Service): ServiceView {
  const { metadata, spec, status } = service;
  const phase = metadata.deletionTimestamp ? "Deleting" : (status?.phase ?? "Pending");
  const loading = phase === "Loading" || phase === "Pending" || phase === "Suspended";
  return {
    key: `${metadata.namespace}/${metadata.name}`,
    name: metadata.name,
    namespace: metadata.namespace,
    model: status?.modelName ?? spec.model?.name ?? metadata.name,
    source: spec.model?.uri ?? "",
    phase,
    tone: tone(phase),
    ready: status?.ready ?? "",
    pools: status?.pools ?? [],
    why: trouble(metadata, status?.conditions),
    progress: loading && status?.model?.percent !== 100 ? progress(status?.model) : null,
    suspended: spec.suspend === true,
    answers: phase === "Ready" || phase === "Degraded",
    created: metadata.creationTimestamp,
  };
}

/** Whether every word of the search is somewhere in what the row shows. */
export function matches(view: ServiceView, search: string): boolean {
  const text = `${view.name} ${view.namespace} ${view.model} ${view.source} ${view.phase} ${view.why?.reason ?? ""}`;
  return words(text, search);
}

/** Whether every word of the search is somewhere in the text, in whatever case. */
export function words(text: string, search: string): boolean {
  const lower = text.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

const URGENCY: Record<Tone, number> = { bad: 0, warn: 1, busy: 2, good: 3, off: 4 };

/** What needs somebody first, then by name: the order of the Models page. */
export function byUrgency(one: ServiceView, other: ServiceView): number {
  return URGENCY[one.tone] - URGENCY[other.tone] || one.key.localeCompare(other.key);
}
