// The shapes of what the console's API sends. Owns no logic. Whatever a controller writes may be missing:
// an object is shown from the moment it is made.

export interface Meta {
  name: string;
  namespace: string;
  uid?: string;
  resourceVersion?: string;
  creationTimestamp?: string;
  generation?: number;
  deletionTimestamp?: string;
}

export interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
}

export interface Transfer {
  bytesDone?: number;
  bytesTotal?: number;
  percent?: number;
  bytesPerSecond?: number;
  remainingSeconds?: number;
}

export interface PoolStatus {
  name: string;
  desired: number;
  ready: number;
  queued?: number;
  running?: number;
  creditsUsed?: number;
  creditsLimit?: number;
}

export interface ScalingTerm {
  name: string;
  value: string;
  target: string;
  replicas: string;
}

export interface ScalingStatus {
  pool: string;
  mode: string;
  wanted: number;
  binding: string;
  message: string;
  decidedAt: string;
  terms?: ScalingTerm[];
  clamps?: { reason: string; message: string }[];
  history?: { at: string; from: number; to: number; binding: string; message: string }[];
}

export interface RolloutStatus {
  phase?: string;
  step?: number;
  steps?: number;
  weight?: number;
  verdict?: string;
  message?: string;
}

export interface AdapterStatus {
  name: string;
  phase: string;
  loaded: string;
  message?: string;
}

export interface ServiceStatus {
  phase?: string;
  url?: string;
  modelName?: string;
  observedGeneration?: number;
  ready?: string;
  readyReplicas?: number;
  desiredReplicas?: number;
  image?: string;
  model?: Transfer & { name: string; revision?: string };
  estimate?: { message?: string };
  startup?: { medianMilliseconds?: Record<string, number> };
  engine?: { preset?: string; flags?: { flag: string; reason: string }[] };
  pools?: PoolStatus[];
  scaling?: ScalingStatus[];
  adapters?: AdapterStatus[];
  rollout?: RolloutStatus;
  conditions?: Condition[];
}

export interface ServiceSpec {
  model?: { uri?: string; revision?: string; name?: string };
  engine?: { type?: string };
  resourceProfile?: string;
  replicas?: number;
  scaling?: { mode?: string; minReplicas?: number; maxReplicas?: number };
  suspend?: boolean;
}

export interface Service {
  metadata: Meta;
  spec: ServiceSpec;
  status?: ServiceStatus;
}

export interface ModelStatus extends Transfer {
  phase?: string;
  observedGeneration?: number;
  revision?: string;
  filesDone?: number;
  filesTotal?: number;
  size?: string;
  sizeBytes?: number;
  license?: string;
  usedBy?: string[];
  conditions?: Condition[];
}

export interface Model {
  metadata: Meta;
  spec: { uri?: string; revision?: string; type?: string; suspend?: boolean };
  status?: ModelStatus;
}

export interface TenantSpec {
  qosClass?: string;
  batchQosClass?: string;
  limits?: { requestsPerMinute?: number; tokensPerMinute?: number; concurrency?: number };
  budget?: { tokens?: number; window?: string };
  services?: string[];
  keys?: { name: string; notAfter?: string }[];
}

export interface Tenant {
  metadata: Meta;
  spec: TenantSpec;
  status?: {
    observedGeneration?: number;
    activeKeys?: number;
    usage?: {
      requests: number;
      promptTokens: number;
      completionTokens: number;
      totalTokens: number;
      since: string;
    };
    budget?: { windowStart: string; tokens: number };
    conditions?: Condition[];
  };
}

export interface ClusterEvent {
  namespace: string;
  kind: string;
  name: string;
  type: string;
  reason: string;
  message: string;
  at: string;
  count: number;
}

export interface LivePool {
  name: string;
  workersReady: number;
  kvUsedRatio: number | null;
  creditsUsedTokens: number;
  creditsLimitTokens: number;
}

export interface LiveService {
  queued: { high: number; medium: number; low: number };
  running: number | null;
  batchSize: number | null;
  kvUsedRatio: number | null;
  requestsPerSecond: number | null;
  errorsPerSecond: number | null;
  tokensPerSecond: number | null;
  ttftP50Seconds: number | null;
  ttftP90Seconds: number | null;
  pools: LivePool[];
}

export interface LiveTenant {
  requestsPerMinute: number | null;
  tokensPerMinute: number | null;
  requestsTotal: number | null;
  tokensTotal: number | null;
}

export interface Live {
  at: string;
  gateways: number;
  missing: string | null;
  services: Record<string, LiveService>;
  tenants: Record<string, LiveTenant>;
}

export interface Snapshot {
  services: Service[];
  models: Model[];
  tenants: Tenant[];
  events: ClusterEvent[];
  live: Live | null;
}

export type Kind = "services" | "models" | "tenants";
export type Change = "create" | "update" | "patch" | "delete";

export interface Session {
  version: string;
  user: string | null;
  readOnly: boolean;
  namespaces: string[];
  /** By namespace; one of which the cluster does not say it is left out. */
  rights: Record<string, Record<Kind, Change[]>>;
  profiles: string[];
}

export interface HubModel {
  uri: string;
  downloads?: number | null;
  likes?: number | null;
  gated?: boolean | null;
  task?: string | null;
  license?: string | null;
  parameters?: number | null;
  sizeBytes?: number | null;
}
