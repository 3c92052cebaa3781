// Reads an LLMModel for the eye. Pure.
import type { Model } from "../api/types";
import { type Finding, type Tone, tone, trouble } from "./conditions";
import { type Progress, progress } from "./transfer";
import { bytes } from "./units";

export interface ModelView {
  key: string;
  name: string;
  namespace: string;
  uri: string;
  revision: string;
  phase: string;
  tone: Tone;
  size: string;
  license: string;
  usedBy: string[];
  why: Finding | null;
  progress: Progress | null;
  paused: boolean;
  /** Whether there is a download that can be paused or resumed. */
  pausable: boolean;
  created?: string;
}

export function modelView(model: Model): ModelView {
  const { metadata, spec, status } = model;
  const phase = metadata.deletionTimestamp ? "Deleting" : (status?.phase ?? "Pending");
  const total = status?.sizeBytes ?? status?.bytesTotal;
  return {
    key: `${metadata.namespace}/${metadata.name}`,
    name: metadata.name,
    namespace: metadata.namespace,
    uri: spec.uri ?? "",
    revision: (status?.revision ?? spec.revision ?? "").slice(0, 12),
    phase,
    tone: tone(phase),
    size: status?.size ?? (total === undefined ? "" : bytes(total)),
    license: status?.license ?? "",
    usedBy: status?.usedBy ?? [],
    why: trouble(metadata, status?.conditions),
    progress: phase === "Ready" ? null : progress(status),
    paused: spec.suspend === true,
    pausable: phase !== "Ready" && phase !== "Deleting",
    created: metadata.creationTimestamp,
  };
}

/** What somebody loses who deletes the model: said before they do. */
export function loss(view: ModelView): string {
  if (view.usedBy.length > 0)
    return `${view.usedBy.join(", ")} uses it, so it is made again at once. Delete or change that LLMService first.`;
  const size = view.size ? `${view.size} on` : "Its files on";
  return `${size} the cache of ${view.namespace} are removed. To have it again it must be downloaded again.`;
}
