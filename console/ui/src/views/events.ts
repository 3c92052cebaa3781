// Reads events: which are shown, and what they belong to. Pure.
import type { ClusterEvent } from "../api/types";
import { words } from "./service";

export interface EventFilter {
  search: string;
  warningsOnly: boolean;
}

export function shown(events: ClusterEvent[], filter: EventFilter): ClusterEvent[] {
  return events.filter(
    (event) =>
      (!filter.warningsOnly || event.type === "Warning") &&
      words(`${event.kind} ${event.namespace}/${event.name} ${event.reason} ${event.message}`, filter.search),
  );
}

/** Events of one service: its own, and those of Pods and objects whose names begin with its name. */
export function ofService(events: ClusterEvent[], namespace: string, name: string): ClusterEvent[] {
  return events.filter(
    (event) =>
      event.namespace === namespace &&
      (event.kind === "LLMService"
        ? event.name === name
        : event.kind === "Pod" && event.name.startsWith(`${name}-`)),
  );
}

/** A key that stays with an event while its count grows. */
export function eventKey(event: ClusterEvent): string {
  return [event.namespace, event.kind, event.name, event.reason, event.message].join("\n");
}
