// Reads conditions: which of them says what is wrong, and what helps. Pure.
import type { Condition, Meta } from "../api/types";
import { advice } from "./reasons";

export type Tone = "good" | "busy" | "warn" | "bad" | "off";

export interface Finding {
  type: string;
  reason: string;
  message: string;
  fix: string;
  since?: string;
}

const GONE: Finding = {
  type: "Ready",
  reason: "Deleting",
  message: "It is being deleted; what it owns is removed first.",
  fix: "",
};
const UNREAD: Finding = {
  type: "Ready",
  reason: "NotSeenYet",
  message: "The operator has not read it yet.",
  fix: "If this stays for more than a few seconds, look whether the operator runs: kubectl get pods -n tidegate-system",
};

export function finding(condition: Condition): Finding {
  const { type, reason, message, lastTransitionTime } = condition;
  return { type, reason, message, fix: advice(reason)?.fix ?? "", since: lastTransitionTime };
}

const named = (conditions: Condition[] | undefined, type: string) =>
  conditions?.find((condition) => condition.type === type);

/** Why an object is not as it should be: the first thing to look at, or null where all is well. */
export function trouble(meta: Meta, conditions: Condition[] | undefined): Finding | null {
  if (meta.deletionTimestamp) return GONE;
  const ready = named(conditions, "Ready");
  if (!ready) return UNREAD;
  if (ready.status !== "True") return finding(ready);
  const degraded = named(conditions, "Degraded");
  return degraded?.status === "True" ? finding(degraded) : null;
}

const PHASES: Record<string, Tone> = {
  Ready: "good",
  Pending: "busy",
  Loading: "busy",
  Downloading: "busy",
  Verifying: "busy",
  Degraded: "warn",
  Failed: "bad",
  Suspended: "off",
};

/** How a phase is coloured; an unknown one is neither good nor bad. */
export function tone(phase: string): Tone {
  return Object.hasOwn(PHASES, phase) ? (PHASES[phase] ?? "off") : "off";
}

/** Whether a condition is as one wishes: most when True, those that name a trouble when False. */
export function isWell(condition: Condition): boolean {
  const wished = condition.type === "Degraded" || condition.type === "Progressing" ? "False" : "True";
  return condition.status === wished;
}
