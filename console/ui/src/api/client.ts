// Asks the console's API, with the user's token where there is one. Owns the form of errors; keeps nothing.

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly fix = "",
    readonly reason = "",
    /** Paths of the fields that it is about, such as spec.model.uri. */
    readonly fields: readonly string[] = [],
  ) {
    super(message);
  }
}

const UNREACHABLE = "The console does not answer.";
const UNREACHABLE_FIX =
  "Look whether its Pod runs and the port-forward is still there; the page goes on by itself.";

const sentence = (text: string) =>
  text && text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

/** The error of an answer that is not a success: in the API's words, or by its status where a proxy answered. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const text = await answer.text().catch(() => "");
  try {
    const { message, fix, reason, fields } = JSON.parse(text).error;
    const named = Array.isArray(fields) ? fields.map(String) : [];
    return new ApiError(
      answer.status,
      String(message),
      sentence(String(fix ?? "")),
      String(reason ?? ""),
      named,
    );
  } catch {
    return new ApiError(
      answer.status,
      `The console answered with status ${answer.status}.`,
      "Try again in a moment.",
    );
  }
}

export function headers(token: string): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** One call; raises ApiError with what was wrong and what to do. */
export async function call<T>(token: string, method: string, path: string, body?: unknown): Promise<T> {
  const sent: RequestInit = { method, headers: headers(token), cache: "no-store" };
  if (body !== undefined) {
    sent.body = JSON.stringify(body);
    sent.headers = { ...headers(token), "Content-Type": "application/json" };
  }
  const answer = await fetch(`/api/v1/${path}`, sent).catch(() => {
    throw new ApiError(0, UNREACHABLE, UNREACHABLE_FIX, "Unreachable");
  });
  if (!answer.ok) throw await errorOf(answer);
  const text = await answer.text();
  return (text ? JSON.parse(text) : null) as T;
}

/** A path of names that may hold any character. */
export function path(...parts: string[]): string {
  return parts.map(encodeURIComponent).join("/");
}
