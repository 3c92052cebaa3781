// Asks a model over /v1/chat/completions and hands the growing answer on. Owns the request; keeps nothing.
import { parser } from "../api/sse";
import { type Answer, begun, failureOf, grown } from "./answer";

export interface Turn {
  role: "system" | "user" | "assistant";
  content: string;
}

export interface Question {
  model: string;
  messages: Turn[];
  maxTokens: number | null;
  temperature: number | null;
}

export function body(question: Question): object {
  return {
    model: question.model,
    messages: question.messages,
    stream: true,
    stream_options: { include_usage: true },
    ...(question.maxTokens === null ? {} : { max_tokens: question.maxTokens }),
    ...(question.temperature === null ? {} : { temperature: question.temperature }),
  };
}

const authorization = (key: string): Record<string, string> =>
  key ? { Authorization: `Bearer ${key}` } : {};

/** Ask, and call `show` with each new state of the answer; the last one has its end. Never raises. */
export async function ask(
  key: string,
  question: Question,
  stop: AbortSignal,
  show: (answer: Answer) => void,
): Promise<Answer> {
  let answer = begun(question.model, performance.now());
  const say = (next: Answer) => {
    answer = next;
    show(next);
  };
  try {
    const reply = await fetch("/v1/chat/completions", {
      method: "POST",
      headers: { ...authorization(key), "Content-Type": "application/json" },
      body: JSON.stringify(body(question)),
      signal: stop,
    });
    const requestId = reply.headers.get("x-request-id") ?? "";
    if (!reply.ok || !reply.body) {
      say({ ...answer, failure: failureOf(reply.status, await reply.text(), requestId) });
    } else {
      const [parse, decoder, reader] = [parser(), new TextDecoder(), reply.body.getReader()];
      for (let part = await reader.read(); !part.done; part = await reader.read())
        for (const { data } of parse(decoder.decode(part.value, { stream: true })))
          say(grown(answer, data, performance.now()));
      if (!answer.finish && !answer.failure) say({ ...answer, failure: broken(requestId) });
    }
  } catch {
    if (stop.aborted) say({ ...answer, finish: "stopped" });
    else say({ ...answer, failure: broken("") });
  }
  say({ ...answer, endedAt: performance.now() });
  return answer;
}

const broken = (requestId: string) => ({
  message: "The answer broke off: the connection to the console or the gateway ended. Ask again.",
  code: "connection_lost",
  requestId,
});

/** The models that a key may use, in the gateway's order; raises what the gateway said where it refuses. */
export async function modelsOf(key: string): Promise<string[]> {
  const reply = await fetch("/v1/models", { headers: authorization(key), cache: "no-store" });
  const text = await reply.text();
  if (!reply.ok)
    throw new Error(failureOf(reply.status, text, reply.headers.get("x-request-id") ?? "").message);
  return (JSON.parse(text).data as { id: string }[]).map(({ id }) => id);
}
