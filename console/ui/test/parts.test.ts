// The pure parts beside the views: streams, answers, units, history, routes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parser } from "../src/api/sse";
import { pause } from "../src/api/stream";
import type { Live } from "../src/api/types";
import { begun, failureOf, figures, grown } from "../src/chat/answer";
import { body } from "../src/chat/ask";
import { parse, serviceLink } from "../src/route";
import { remember, sample, series } from "../src/state/history";
import { keep } from "../src/state/keep";
import { age, bytes, count, duration, latency, MISSING, percent, rate } from "../src/views/units";
import { shortUser } from "../src/views/user";

const STREAM = ': hello\r\nevent: live\r\nid: 7\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata:x\n\nevent: none\n\n';
const MESSAGES = [
  { event: "live", data: '{"a":\n1}', id: "7" },
  { event: "message", data: "x", id: "7" },
];

test("a stream is read the same wherever it is cut", () => {
  for (let size = 1; size <= STREAM.length; size += 1) {
    const read = parser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) found.push(...read(STREAM.slice(at, at + size)));
    assert.deepEqual(found, MESSAGES, `cut each ${size}`);
  }
});

test("pauses grow, have chance in them, and end at fifteen seconds", () => {
  assert.deepEqual([pause(0, 0), pause(0, 1), pause(3, 0.5), pause(50, 1)], [250, 500, 3000, 15_000]);
});

for (const [text, of] of [
  ["512 B", bytes(512)],
  ["1.0 KiB", bytes(1024)],
  ["257 MiB", bytes(257 * 1024 * 1024)],
  [MISSING, bytes(undefined)],
  ["0", count(0)],
  ["9,812", count(9812)],
  ["12.3k", count(12_345)],
  ["1.0M", count(999_950)],
  [MISSING, count(Number.NaN)],
  ["0.0", rate(0)],
  ["1,240", rate(1240)],
  [MISSING, rate(null)],
  ["182 ms", latency(0.182)],
  ["1.00 s", latency(0.9996)],
  ["41 s", latency(41)],
  ["3 min 20 s", duration(200)],
  ["2 d 4 h", duration(2 * 86_400 + 4 * 3600 + 59)],
  ["1 h", duration(3600)],
  ["0 s", duration(0)],
  ["37%", percent(0.371)],
  [MISSING, percent(null)],
  ["4 min", age("2026-11-22T04:00:00Z", Date.parse("2026-11-22T04:04:59Z"))],
  ["0 s", age("2026-11-22T04:00:00Z", Date.parse("2026-11-22T03:00:00Z"))],
  [MISSING, age("yesterday", 0)],
] as const)
  test(`reads as ${text}`, () => assert.equal(of, text));

const chunk = (content: string) => JSON.stringify({ choices: [{ delta: { content } }] });

test("an answer's times are of its first and last words, and its tokens are the engine's count", () => {
  let answer = begun("m", 1000);
  answer = grown(answer, JSON.stringify({ choices: [{ delta: { role: "assistant", content: "" } }] }), 1050);
  answer = grown(answer, chunk("Hel"), 1200);
  answer = grown(answer, chunk("lo"), 2200);
  assert.deepEqual(figures(answer), {
    ttftSeconds: 0.2,
    tokensPerSecond: 1,
    tokens: 2,
    promptTokens: null,
    counted: false,
  });
  answer = grown(
    answer,
    JSON.stringify({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 5 } }),
    2300,
  );
  answer = grown(answer, "[DONE]", 2300);
  assert.deepEqual(figures(answer), {
    ttftSeconds: 0.2,
    tokensPerSecond: 4,
    tokens: 5,
    promptTokens: 9,
    counted: true,
  });
  assert.deepEqual([answer.text, answer.finish], ["Hello", "stop"]);
});

test("an answer without a word has no times", () => {
  assert.deepEqual(figures(begun("m", 0)), {
    ttftSeconds: null,
    tokensPerSecond: null,
    tokens: null,
    promptTokens: null,
    counted: false,
  });
});

test("an answer that was read all at once has no rate", () => {
  const answer = grown(grown(begun("m", 0), chunk("Hel"), 1880), chunk("lo"), 1880.6);
  assert.equal(figures(answer).tokensPerSecond, null);
});

test("a failure within a stream keeps what was said before it", () => {
  const answer = grown(
    grown(begun("m", 0), chunk("Hi"), 1),
    '{"error":{"message":"gone","code":"worker_failed","request_id":"r"}}',
    2,
  );
  assert.deepEqual(
    [answer.text, answer.failure],
    ["Hi", { message: "gone", code: "worker_failed", requestId: "r" }],
  );
});

test("text that is no JSON changes nothing, and a page of a proxy is told by its status", () => {
  const answer = begun("m", 0);
  assert.equal(grown(answer, "<html>", 1), answer);
  assert.deepEqual(failureOf(502, "<html>", "r"), {
    message: "The gateway answered with status 502.",
    code: "502",
    requestId: "r",
  });
});

test("a question asks for usage and leaves out what is not set", () => {
  const question = { model: "m", messages: [], maxTokens: null, temperature: 0 };
  assert.deepEqual(body(question), {
    model: "m",
    messages: [],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0,
  });
});

for (const [hash, expected] of [
  ["", { page: "models" }],
  ["#/live", { page: "live" }],
  ["#/nowhere", { page: "models" }],
  ["#/services/team-a/chat", { page: "service", namespace: "team-a", name: "chat" }],
  ["#/services/team-a", { page: "models" }],
  ["#/services/%E0%A4/x", { page: "service", namespace: "%E0%A4", name: "x" }],
] as const)
  test(`${hash || "no hash"} is ${expected.page}`, () => {
    const { query: _, ...rest } = parse(hash);
    assert.deepEqual(rest, expected);
  });

test("a link to a service leads back to its names, whatever they hold", () => {
  const { query: _, ...rest } = parse(serviceLink("a/b", "c?d#e"));
  assert.deepEqual(rest, { page: "service", namespace: "a/b", name: "c?d#e" });
});

const at = (tokensPerSecond: number | null, missing: string | null = null): Live => ({
  at: "",
  gateways: 1,
  missing,
  tenants: {},
  services: {
    "a/x": {
      queued: { high: 0, medium: 1, low: 2 },
      running: 1,
      batchSize: null,
      kvUsedRatio: 0.5,
      requestsPerSecond: 0,
      errorsPerSecond: 0,
      tokensPerSecond,
      ttftP50Seconds: null,
      ttftP90Seconds: null,
      pools: [],
    },
  },
});

test("what is missing becomes a gap and never a 0, and 0 stays 0", () => {
  let history = remember([], sample(at(0), { "a/x": 3 }, 1000));
  history = remember(history, sample(at(null), {}, 3000));
  history = remember(history, sample(at(9, "no gateway answers"), {}, 5000));
  assert.deepEqual(series(history, "a/x", ["tokens", "kv", "workers", "wanted"]), [
    [1, 3, 5],
    [0, null, null],
    [50, 50, null],
    [null, null, null],
    [3, null, null],
  ]);
});

test("a line is interrupted where nothing was heard for ten seconds, and forgotten after fifteen minutes", () => {
  let history = remember([], sample(at(1), {}, 0));
  history = remember(history, sample(at(2), {}, 60_000));
  assert.deepEqual(series(history, "a/x", ["tokens"]), [
    [0, 0.001, 60],
    [1, null, 2],
  ]);
  history = remember(history, sample(at(3), {}, 16 * 60_000 - 1));
  assert.equal(series(history, "a/x", ["tokens"])[1]?.includes(1), false);
});

test("a service account is shown by its namespace and name, and people as they are", () => {
  assert.equal(shortUser("system:serviceaccount:team-a:deployer"), "team-a:deployer");
  assert.equal(shortUser("ada@example.com"), "ada@example.com");
});

test("what has not changed stays the same object", () => {
  const before = [
    { id: "a", n: 1 },
    { id: "b", n: 1 },
  ];
  const after = keep(
    before,
    [
      { id: "b", n: 1 },
      { id: "a", n: 2 },
    ],
    ({ id }) => id,
  );
  assert.equal(after[0], before[1]);
  assert.notEqual(after[1], before[0]);
});
