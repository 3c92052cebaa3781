// The Chat page: one question to one model, or to two side by side.
import { useEffect } from "preact/hooks";
import { Settings } from "../components/chatsettings";
import { Composer } from "../components/composer";
import { Transcript } from "../components/transcript";
import {
  announcement,
  choose,
  clear,
  compare,
  exchanges,
  offered,
  refreshModels,
  sides,
} from "../state/chat";

function Side({ side, model }: { side: number; model: string }) {
  const names = offered.value.includes(model) || !model ? offered.value : [model, ...offered.value];
  return (
    <select
      aria-label={side === 0 ? "Model" : "Second model"}
      value={model}
      onChange={(event) => choose(side, event.currentTarget.value)}
    >
      {names.length === 0 && <option value="">no model</option>}
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}

export function Chat({ query }: { query: URLSearchParams }) {
  const asked = query.get("model") ?? "";
  useEffect(() => {
    if (asked) choose(0, asked);
    void refreshModels();
  }, [asked]);
  const two = sides.value.length > 1;
  return (
    <div class="chat-page">
      <header class="bar page">
        <h1 tabIndex={-1}>Chat</h1>
        {sides.value.map((model, side) => (
          <Side key={`${side}`} side={side} model={model} />
        ))}
        <label class="check">
          <input type="checkbox" checked={two} onChange={(event) => compare(event.currentTarget.checked)} />{" "}
          Side by side
        </label>
        <div class="right-side">
          <button type="button" onClick={clear} disabled={exchanges.value.length === 0}>
            New conversation
          </button>
        </div>
      </header>
      <Settings />
      <Transcript />
      <p class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </p>
      <Composer />
    </div>
  );
}
