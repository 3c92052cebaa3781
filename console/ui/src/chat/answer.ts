// One answer as it grows: from chunks of an OpenAI stream to a text with its times. Pure; times are arguments (ms).

export interface Failure {
  message: string;
  code: string;
  requestId: string;
}

export interface Answer {
  model: string;
  text: string;
  reasoning: string;
  startedAt: number;
  firstTokenAt: number | null;
  lastTokenAt: number | null;
  endedAt: number | null;
  chunks: number;
  promptTokens: number | null;
  completionTokens: number | null;
  finish: string;
  failure: Failure | null;
}

export const begun = (model: string, at: number): Answer => ({
  model,
  text: "",
  reasoning: "",
  startedAt: at,
  firstTokenAt: null,
  lastTokenAt: null,
  endedAt: null,
  chunks: 0,
  promptTokens: null,
  completionTokens: null,
  finish: "",
  failure: null,
});

interface Chunk {
  choices?: {
    delta?: { content?: string | null; reasoning?: string | null; reasoning_content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  error?: unknown;
}

/** The failure in an error body of ours, or of whoever answered in its place. */
export function failureOf(status: number, body: string, requestId: string): Failure {
  try {
    const { message, code, request_id } = JSON.parse(body).error;
    return {
      message: String(message),
      code: String(code ?? status),
      requestId: String(request_id ?? requestId),
    };
  } catch {
    return { message: `The gateway answered with status ${status}.`, code: String(status), requestId };
  }
}

/** The answer after one event of the stream; text that is no JSON is passed over. */
export function grown(answer: Answer, data: string, at: number): Answer {
  if (data === "[DONE]") return { ...answer, finish: answer.finish || "stop" };
  let chunk: Chunk;
  try {
    chunk = JSON.parse(data);
  } catch {
    return answer;
  }
  if (chunk.error) return { ...answer, failure: failureOf(0, data, "") };
  const choice = chunk.choices?.[0];
  const text = choice?.delta?.content ?? "";
  const reasoning = choice?.delta?.reasoning ?? choice?.delta?.reasoning_content ?? "";
  const spoke = text !== "" || reasoning !== "";
  return {
    ...answer,
    text: answer.text + text,
    reasoning: answer.reasoning + reasoning,
    firstTokenAt: answer.firstTokenAt ?? (spoke ? at : null),
    lastTokenAt: spoke ? at : answer.lastTokenAt,
    chunks: answer.chunks + (spoke ? 1 : 0),
    promptTokens: chunk.usage?.prompt_tokens ?? answer.promptTokens,
    completionTokens: chunk.usage?.completion_tokens ?? answer.completionTokens,
    finish: choice?.finish_reason ?? answer.finish,
  };
}

export interface Figures {
  ttftSeconds: number | null;
  tokensPerSecond: number | null;
  tokens: number | null;
  promptTokens: number | null;
  /** False where the engine has not counted: then tokens are the stream's events. */
  counted: boolean;
}

/** Less than this between the first token and the last is how the stream was read, not how fast it was computed. */
const MEASURABLE_SECONDS = 0.01;

/** The figures under an answer; a rate needs two tokens and some time between them. */
export function figures(answer: Answer): Figures {
  const tokens = answer.completionTokens ?? (answer.chunks > 0 ? answer.chunks : null);
  const { firstTokenAt: first, lastTokenAt: last } = answer;
  const span = first !== null && last !== null ? (last - first) / 1000 : 0;
  return {
    ttftSeconds: first === null ? null : (first - answer.startedAt) / 1000,
    tokensPerSecond: tokens !== null && tokens > 1 && span >= MEASURABLE_SECONDS ? (tokens - 1) / span : null,
    tokens,
    promptTokens: answer.promptTokens,
    counted: answer.completionTokens !== null,
  };
}
