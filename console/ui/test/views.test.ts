// What the pages show of objects, in tables: a sentence, what is given, what is expected.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition, LiveService, Model, Service, Session } from "../src/api/types";
import { busiest, totals } from "../src/views/activity";
import { isWell, tone, trouble } from "../src/views/conditions";
import { EMPTY, fieldOf, spec } from "../src/views/deploying";
import { ofService, shown } from "../src/views/events";
import { loss, modelView } from "../src/views/model";
import { may, type Need, whyNot } from "../src/views/rights";
import { byUrgency, matches, serviceView, words } from "../src/views/service";
import { tenantView } from "../src/views/tenant";
import { tenantSpec } from "../src/views/tenantdraft";
import { progress } from "../src/views/transfer";

const metadata = { name: "chat", namespace: "team-a" };
const condition = (type: string, status: string, reason: string): Condition => ({
  type,
  status,
  reason,
  message: "m",
});
const service = (status?: Service["status"], spec: Service["spec"] = {}): Service => ({
  metadata,
  spec,
  status,
});
const model = (status?: Model["status"], spec: Model["spec"] = {}): Model => ({ metadata, spec, status });

for (const [sentence, conditions, reason] of [
  ["an object that nobody has read says so", undefined, "NotSeenYet"],
  ["one that is ready has no trouble", [condition("Ready", "True", "Serving")], undefined],
  [
    "Ready comes first",
    [condition("Degraded", "True", "WorkersMissing"), condition("Ready", "False", "X")],
    "X",
  ],
  ["Unknown is not ready", [condition("Ready", "Unknown", "NotChecked")], "NotChecked"],
  [
    "one that answers may be degraded",
    [condition("Ready", "True", "S"), condition("Degraded", "True", "D")],
    "D",
  ],
] as const)
  test(sentence, () => assert.equal(trouble(metadata, conditions?.slice())?.reason, reason));

test("a finding has the fix of its reason, and an unknown reason has none", () => {
  const found = trouble(metadata, [condition("Ready", "False", "Unschedulable")]);
  assert.match(found?.fix ?? "", /Add a node/);
  assert.equal(trouble(metadata, [condition("Ready", "False", "constructor")])?.fix, "");
});

test("one that is being deleted says nothing else", () => {
  const going = { ...metadata, deletionTimestamp: "2026-11-22T04:00:00Z" };
  assert.equal(trouble(going, [condition("Ready", "False", "X")])?.reason, "Deleting");
});

for (const [type, status, well] of [
  ["Ready", "True", true],
  ["Ready", "False", false],
  ["Degraded", "False", true],
  ["Degraded", "True", false],
  ["Progressing", "False", true],
] as const)
  test(`${type} ${status} is ${well ? "" : "not "}well`, () =>
    assert.equal(isWell(condition(type, status, "R")), well));

test("a phase that nobody knows is neither good nor bad, whatever its name", () => {
  assert.equal(tone("toString"), "off");
  assert.equal(tone("Failed"), "bad");
});

test("a service without a status is pending, and its model is called like it", () => {
  const view = serviceView(service());
  assert.deepEqual([view.phase, view.model, view.ready, view.answers], ["Pending", "chat", "", false]);
});

test("a download is shown while the service waits for it, and not after", () => {
  const half = { name: "m", percent: 50, bytesDone: 512, bytesTotal: 1024 };
  assert.equal(serviceView(service({ phase: "Loading", model: half })).progress?.percent, 50);
  assert.equal(serviceView(service({ phase: "Ready", model: half })).progress, null);
  assert.equal(serviceView(service({ phase: "Loading", model: { ...half, percent: 100 } })).progress, null);
});

test("what needs somebody comes first, then names", () => {
  const named = (name: string, phase: string) =>
    serviceView({ metadata: { name, namespace: "n" }, spec: {}, status: { phase } });
  const rows = [named("b", "Ready"), named("c", "Failed"), named("a", "Ready"), named("d", "Degraded")];
  assert.deepEqual(
    rows.sort(byUrgency).map(({ name }) => name),
    ["c", "d", "a", "b"],
  );
});

test("a search needs all of its words, in any case and order", () => {
  const view = serviceView(service({ phase: "Ready" }, { model: { uri: "hf://Qwen/Qwen3-8B" } }));
  assert.ok(matches(view, "qwen CHAT"));
  assert.ok(!matches(view, "qwen llama"));
  assert.ok(words("anything", ""));
});

for (const [sentence, transfer, expected] of [
  ["nothing was said of a download", {}, null],
  ["its size is not known yet", { bytesDone: 2048 }, { percent: null, words: "2.0 KiB" }],
  [
    "all is known",
    { percent: 37, bytesDone: 37, bytesTotal: 100, bytesPerSecond: 2_000_000, remainingSeconds: 200 },
    { percent: 37, words: "37 B of 100 B · 2.0 MB/s · 3 min 20 s left" },
  ],
  [
    "it stands still",
    { percent: 37, bytesDone: 37, bytesTotal: 100, bytesPerSecond: 0 },
    { percent: 37, words: "37 B of 100 B" },
  ],
] as const)
  test(`progress where ${sentence}`, () => assert.deepEqual(progress(transfer), expected));

test("deleting a model that is used says by whom, and of another what is lost", () => {
  assert.match(loss(modelView(model({ usedBy: ["chat"] }))), /chat uses it/);
  assert.match(loss(modelView(model({ size: "257 MiB" }))), /257 MiB.*removed/);
});

test("only a model on its way can be paused", () => {
  assert.equal(modelView(model({ phase: "Ready" })).pausable, false);
  assert.equal(modelView(model({ phase: "Downloading" })).pausable, true);
  assert.equal(modelView(model({ phase: "Suspended" }, { suspend: true })).paused, true);
});

test("usage that is not known is no data, not 0, and a limit of 0 is a limit", () => {
  const tenant = { metadata, spec: { limits: { requestsPerMinute: 0 } } };
  const [requests, tokens] = tenantView(tenant, undefined).meters;
  assert.equal(requests?.words, "no data of 0");
  assert.equal(tokens?.words, "no data");
});

test("an empty limit of a new tenant is none, and 0 is one", () => {
  const draft = { name: "t", namespace: "n", qosClass: "low", requests: "", tokens: "0" };
  assert.deepEqual(tenantSpec(draft), { qosClass: "low", limits: { tokensPerMinute: 0 } });
  assert.deepEqual(tenantSpec({ ...draft, tokens: "" }), { qosClass: "low" });
});

test("a draft follows the load or has a number, never both", () => {
  const draft = { ...EMPTY, uri: " hf://a/b ", profile: "cpu", count: "2" };
  const fixed = { model: { uri: "hf://a/b" }, resourceProfile: "cpu:2" };
  assert.deepEqual(spec(draft), { ...fixed, replicas: 1 });
  assert.deepEqual(spec({ ...draft, follows: true }), {
    ...fixed,
    scaling: { minReplicas: 1, maxReplicas: 3 },
  });
});

for (const [message, fields, field] of [
  ["spec.model: Invalid value: model.uri has an unknown scheme", ["spec.model"], "uri"],
  ["metadata.name must be at most 50 characters", [], "name"],
  ["spec: minReplicas must not be above maxReplicas", ["spec"], "least"],
  ["anything", ["spec.resourceProfile"], "profile"],
  ["anything", ["metadata.name"], "name"],
  ["anything", ["namespace"], "namespace"],
  ["no route to host", [], null],
] as const)
  test(`the error '${message}' of [${fields}] belongs to ${field}`, () =>
    assert.equal(fieldOf({ message, fields }), field));

const figures = (tokensPerSecond: number | null, queued = 0): LiveService => ({
  queued: { high: queued, medium: 0, low: 0 },
  running: null,
  batchSize: null,
  kvUsedRatio: null,
  requestsPerSecond: 1,
  errorsPerSecond: 0,
  tokensPerSecond,
  ttftP50Seconds: null,
  ttftP90Seconds: null,
  pools: [],
});
const live = (services: Record<string, LiveService>, missing: string | null = null) => ({
  at: "",
  gateways: 1,
  missing,
  services,
  tenants: {},
});

test("totals are of what is known, and unknown where nothing is", () => {
  const some = totals(live({ "a/x": figures(2), "a/y": figures(null), "b/z": figures(8) }), (key) =>
    key.startsWith("a/"),
  );
  assert.deepEqual([some.tokensPerSecond, some.requestsPerSecond, some.running], [2, 2, null]);
  assert.equal(totals(live({ "a/x": figures(2) }, "no gateway"), () => true).tokensPerSecond, null);
  assert.equal(totals(null, () => true).queued, null);
});

test("the busiest are those with most to do, and of idle ones the first by name", () => {
  const now = live({ "a/x": figures(5), "a/y": figures(1, 9) });
  assert.deepEqual(busiest(now, ["a/z", "a/x", "a/w", "a/y"], 3), ["a/y", "a/x", "a/w"]);
});

const event = (kind: string, name: string, type = "Normal") => ({
  namespace: "team-a",
  kind,
  name,
  type,
  reason: "R",
  message: "m",
  at: "",
  count: 1,
});

test("a service's events are its own and its Pods'", () => {
  const all = [
    event("LLMService", "chat"),
    event("Pod", "chat-shared-1"),
    event("Pod", "chatty-1"),
    event("LLMModel", "chat"),
  ];
  assert.deepEqual(
    ofService(all, "team-a", "chat").map(({ name }) => name),
    ["chat", "chat-shared-1"],
  );
});

test("events are narrowed by words and to warnings", () => {
  const all = [event("Pod", "a", "Warning"), event("Pod", "b")];
  assert.equal(shown(all, { search: "", warningsOnly: true }).length, 1);
  assert.equal(shown(all, { search: "pod B", warningsOnly: false })[0]?.name, "b");
});

const none = { services: [], models: [], tenants: [] };
const signedIn: Session = {
  version: "1",
  user: "ada",
  readOnly: false,
  namespaces: ["team-a", "team-b"],
  rights: { "team-a": none, "team-b": { ...none, services: ["patch"] } },
  profiles: [],
};
const toPatch = (namespace?: string): Need => ({ kind: "services", verb: "patch", namespace });
for (const [sentence, session, need, expected] of [
  ["who has not signed in may do nothing", { ...signedIn, readOnly: true }, toPatch("team-b"), false],
  ["before anything is known nothing is offered", null, toPatch("team-b"), false],
  ["what a namespace allows is offered", signedIn, toPatch("team-b"), true],
  ["what it does not allow is not", signedIn, toPatch("team-a"), false],
  ["another verb is another right", signedIn, { ...toPatch("team-b"), verb: "delete" }, false],
  ["a namespace that is not known is offered", signedIn, toPatch("team-c"), true],
  ["one with the name of what every object has is not known", signedIn, toPatch("constructor"), true],
  ["without a namespace one that allows it is enough", signedIn, toPatch(), true],
  ["and none is not", signedIn, { kind: "models", verb: "create" }, false],
  ["where no namespace is known it is offered", { ...signedIn, namespaces: [], rights: {} }, toPatch(), true],
] as [string, Session | null, Need, boolean][])
  test(sentence, () => assert.equal(may(session, need), expected));

test("why not says what, where and what to do", () => {
  const said = "Your account may not change services in team-a. Ask for the cluster's role edit there.";
  assert.equal(whyNot(signedIn, toPatch("team-a")), said);
  assert.match(whyNot(signedIn, { kind: "models", verb: "create" }), /may not make models in any namespace/);
  assert.equal(whyNot({ ...signedIn, user: null }, toPatch()), "Sign in to do this.");
});
