// What the stream said last: the objects, the live figures, and how fresh they are. Owns the one connection.
import { batch, computed, effect, signal } from "@preact/signals";
import type { ApiError } from "../api/client";
import type { Message } from "../api/sse";
import { follow } from "../api/stream";
import type { ClusterEvent, Live, Meta, Model, Service, Snapshot, Tenant } from "../api/types";
import { eventKey } from "../views/events";
import { now } from "./clock";
import { remember, type Sample, sample } from "./history";
import { keep } from "./keep";
import { refreshSession, refused, token } from "./session";

export const services = signal<Service[]>([]);
export const models = signal<Model[]>([]);
export const tenants = signal<Tenant[]>([]);
export const events = signal<ClusterEvent[]>([]);
export const live = signal<Live | null>(null);
export const history = signal<Sample[]>([]);
/** False until the first snapshot: then nothing is known, which is not the same as nothing being there. */
export const known = signal(false);
export const connected = signal(false);
export const problem = signal<ApiError | null>(null);
const heardAt = signal(0);
const liveAt = signal(0);

/** Live figures come every 2 s; older than this they are not shown as live. */
const STALE_MS = 8_000;
export const stale = computed(() => known.value && (!connected.value || now.value - heardAt.value > 20_000));
export const staleFor = computed(() => Math.max(0, (now.value - heardAt.value) / 1000));
export const liveStale = computed(
  () => live.value !== null && (stale.value || now.value - liveAt.value > STALE_MS),
);

const id = ({ metadata }: { metadata: Meta }) => metadata.uid ?? `${metadata.namespace}/${metadata.name}`;

const wantedWorkers = () =>
  Object.fromEntries(
    services.value.flatMap(({ metadata, status }) =>
      status?.desiredReplicas === undefined
        ? []
        : [[`${metadata.namespace}/${metadata.name}`, status.desiredReplicas]],
    ),
  );

function readLive(next: Live | null): void {
  if (!next) return;
  live.value = next;
  liveAt.value = Date.now();
  history.value = remember(history.value, sample(next, wantedWorkers(), Date.now()));
}

const SECTIONS: Record<string, (data: never) => void> = {
  snapshot: (data: Snapshot) => {
    SECTIONS.services?.(data.services as never);
    SECTIONS.models?.(data.models as never);
    SECTIONS.tenants?.(data.tenants as never);
    SECTIONS.events?.(data.events as never);
    live.value = null;
    readLive(data.live);
    known.value = true;
  },
  services: (data: Service[]) => {
    services.value = keep(services.value, data, id);
  },
  models: (data: Model[]) => {
    models.value = keep(models.value, data, id);
  },
  tenants: (data: Tenant[]) => {
    tenants.value = keep(tenants.value, data, id);
  },
  events: (data: ClusterEvent[]) => {
    events.value = keep(events.value, data, eventKey);
  },
  live: readLive,
};

export function receive(message: Message): void {
  const section = Object.hasOwn(SECTIONS, message.event) ? SECTIONS[message.event] : undefined;
  if (section) batch(() => section(JSON.parse(message.data) as never));
}

function forget(): void {
  batch(() => {
    known.value = false;
    connected.value = false;
    for (const section of [services, models, tenants, events, history]) section.value = [];
    live.value = null;
  });
}

/** Follow the cluster for as long as the page is open, anew whenever another token is used. */
export function startStream(): void {
  effect(() => {
    const used = token.value;
    const stop = follow(used, {
      opened: () => {
        connected.value = true;
        problem.value = null;
      },
      heard: () => {
        heardAt.value = Date.now();
      },
      message: receive,
      lost: (error) => {
        connected.value = false;
        problem.value = error;
        if (error.status === 401 || error.status === 403) refused.value = error;
        void refreshSession();
      },
    });
    return () => {
      stop();
      forget();
    };
  });
}
