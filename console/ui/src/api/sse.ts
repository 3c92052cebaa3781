// Reads an event stream (WHATWG HTML §9.2.6) from text that is cut anywhere. Pure; the caller does the reading.

export interface Message {
  event: string;
  data: string;
  id: string;
}

/** A parser with its rest: give it each piece of text, and it returns the messages that are complete by then. */
export function parser(): (text: string) => Message[] {
  let rest = "";
  let event = "";
  let data: string[] = [];
  let id = "";

  const line = (text: string, done: Message[]): void => {
    if (text === "") {
      if (data.length > 0) done.push({ event: event || "message", data: data.join("\n"), id });
      event = "";
      data = [];
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    const raw = colon < 0 ? "" : text.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "data") data.push(value);
    else if (field === "event") event = value;
    else if (field === "id") id = value;
  };

  return (text) => {
    const done: Message[] = [];
    const whole = rest + text;
    // A carriage return at the very end may be the first half of a line's end.
    const held = whole.endsWith("\r") ? "\r" : "";
    const lines = whole.slice(0, whole.length - held.length).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "") + held;
    for (const one of lines) line(one, done);
    return done;
  };
}
