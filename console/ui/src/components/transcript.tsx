// The conversation: questions, and under them the answers with their figures.
import { useEffect, useMemo, useRef } from "preact/hooks";
import { type Answer, figures } from "../chat/answer";
import { html } from "../chat/markdown";
import { exchanges, streaming } from "../state/chat";
import { count, latency, rate } from "../views/units";
import { Empty, Value } from "./basics";

function Markdown({ text }: { text: string }) {
  const safe = useMemo(() => ({ __html: html(text) }), [text]);
  // The one place where HTML is set as text: `html` has it from DOMPurify.
  return <div class="markdown" dir="auto" dangerouslySetInnerHTML={safe} />;
}

function Figures({ answer }: { answer: Answer }) {
  const of = figures(answer);
  const about = of.counted || of.tokens === null ? "" : "about ";
  return (
    <dl class="answer-figures">
      <div>
        <dt>TTFT</dt>
        <dd>
          <Value text={latency(of.ttftSeconds)} />
        </dd>
      </div>
      <div>
        <dt>tok/s</dt>
        <dd>
          <Value text={rate(of.tokensPerSecond)} />
        </dd>
      </div>
      <div>
        <dt>tokens</dt>
        <dd>
          <Value text={`${about}${count(of.tokens)}`} />
        </dd>
      </div>
      <div>
        <dt>prompt</dt>
        <dd>
          <Value text={count(of.promptTokens)} />
        </dd>
      </div>
      {answer.finish && (
        <div>
          <dt>end</dt>
          <dd>{answer.finish}</dd>
        </div>
      )}
    </dl>
  );
}

function Answered({ answer }: { answer: Answer | null }) {
  if (!answer) return <div class="answer waiting">Waiting for the first token</div>;
  const { failure } = answer;
  return (
    <article class="answer" aria-label={`Answer of ${answer.model}`} aria-busy={answer.endedAt === null}>
      <h3 dir="auto">{answer.model}</h3>
      {answer.reasoning && (
        <details>
          <summary>Reasoning</summary>
          <p class="quiet reasoning" dir="auto">
            {answer.reasoning}
          </p>
        </details>
      )}
      {answer.text ? (
        <Markdown text={answer.text} />
      ) : (
        !failure && answer.endedAt === null && <p class="quiet">…</p>
      )}
      {failure && (
        <div class="why bad" role="alert">
          <p>
            <strong>{failure.code}</strong> <span dir="auto">{failure.message}</span>
          </p>
          {failure.requestId && (
            <p class="quiet">
              Request <code>{failure.requestId}</code>
            </p>
          )}
        </div>
      )}
      {(answer.text || answer.endedAt !== null) && !(failure && !answer.text) && <Figures answer={answer} />}
    </article>
  );
}

export function Transcript() {
  const end = useRef<HTMLDivElement>(null);
  const near = () => document.documentElement.scrollHeight - scrollY - innerHeight < 160;
  useEffect(() => {
    if (streaming.value && near()) end.current?.scrollIntoView({ block: "end" });
  }, [exchanges.value]);
  if (exchanges.value.length === 0)
    return (
      <Empty title="Ask a model of this cluster">
        <p>
          The answer streams as the model writes it. Under it: the time to its first token, tokens per second,
          and how many tokens it had.
        </p>
      </Empty>
    );
  return (
    <div class="transcript">
      {exchanges.value.map(({ id, prompt, answers }) => (
        <section key={id} aria-label={`Question ${id}`}>
          <p class="prompt" dir="auto">
            {prompt}
          </p>
          <div class={answers.length > 1 ? "answers two" : "answers"}>
            {answers.map((answer, side) => (
              <Answered key={`${side}`} answer={answer} />
            ))}
          </div>
        </section>
      ))}
      <div ref={end} />
    </div>
  );
}
