// The small parts that every page is made of. Owns no state.
import type { ComponentChildren } from "preact";
import { now } from "../state/clock";
import type { Finding, Tone } from "../views/conditions";
import { tone } from "../views/conditions";
import type { Progress } from "../views/transfer";
import { age, MISSING } from "../views/units";

export function Pill({ text, as }: { text: string; as?: Tone }) {
  return <span class={`pill ${as ?? tone(text)}`}>{text}</span>;
}

/** A value; what is not known is said to be so. */
export function Value({ text }: { text: string }) {
  return text === MISSING ? <span class="missing">{MISSING}</span> : <span class="num">{text}</span>;
}

export function Age({ at }: { at?: string | undefined }) {
  return (
    <time dateTime={at} title={at}>
      {age(at, now.value)}
    </time>
  );
}

export function Bar({ progress, label }: { progress: Progress; label: string }) {
  const { percent, words } = progress;
  return (
    <div class="progress">
      <progress max={100} value={percent ?? undefined} aria-label={label} />
      <span class="num">{percent === null ? "" : `${percent}%`}</span>
      <span class="quiet num">{words}</span>
    </div>
  );
}

/** Text in which `code` is set as code. */
export function Prose({ text }: { text: string }) {
  return (
    <>{text.split("`").map((part, index) => (index % 2 ? <code key={`${index}`}>{part}</code> : part))}</>
  );
}

/** Why something is not as it should be: reason, message, what to do. */
export function Why({ finding, as = "warn" }: { finding: Finding; as?: Tone }) {
  return (
    <div class={`why ${as === "busy" && finding.fix ? "warn" : as}`}>
      <p>
        <strong>{finding.reason}</strong>{" "}
        <span dir="auto">
          <Prose text={finding.message} />
        </span>
      </p>
      {finding.fix && (
        <p class="fix">
          <span class="label">What to do</span> <Prose text={finding.fix} />
        </p>
      )}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      {children}
    </div>
  );
}

export function Command({ text }: { text: string }) {
  return (
    <pre class="command">
      <code>{text}</code>
    </pre>
  );
}

export function Section({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section>
      <header class="bar">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
