// The key and the parameters of a conversation. The key stays in this tab.
import { useState } from "preact/hooks";
import { apiKey, keyProblem, settings, useKey } from "../state/chat";
import { Field, TextField } from "./field";

export function Settings() {
  const [typed, setTyped] = useState(apiKey.value);
  const { system, maxTokens, temperature } = settings.value;
  const set = (change: Partial<typeof settings.value>) => {
    settings.value = { ...settings.value, ...change };
  };
  const needed = keyProblem.value !== "";
  return (
    <>
      {needed && (
        <p class="banner" role="status">
          <span dir="auto">{keyProblem.value}</span>{" "}
          <span class="quiet">
            Enter a key of a tenant below, or make one on <a href="#/tenants">Tenants</a>.
          </span>
        </p>
      )}
      <details class="settings" open={needed || undefined}>
        <summary>Key and parameters</summary>
        <form
          class="grid"
          onSubmit={(event) => {
            event.preventDefault();
            useKey(typed);
          }}
        >
          <div class="with-button">
            <TextField
              id="api-key"
              label="API key"
              type="password"
              value={typed}
              set={setTyped}
              placeholder="sk-…"
            />
            <button type="submit">Use this key</button>
          </div>
          <TextField
            id="max-tokens"
            label="Most tokens of an answer"
            type="number"
            value={String(maxTokens)}
            set={(value) => set({ maxTokens: Math.max(1, Number(value) || 1) })}
          />
          <TextField
            id="temperature"
            label="Temperature"
            type="number"
            value={String(temperature)}
            set={(value) => set({ temperature: Number(value) || 0 })}
          />
          <Field id="system" label="System prompt">
            <textarea
              id="system"
              rows={2}
              dir="auto"
              onInput={(event) => set({ system: event.currentTarget.value })}
            >
              {system}
            </textarea>
          </Field>
        </form>
      </details>
    </>
  );
}
