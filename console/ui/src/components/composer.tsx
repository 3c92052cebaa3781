// Where the question is written. Enter sends, Shift+Enter makes a line, Escape stops the answers.
import { useEffect, useState } from "preact/hooks";
import { send, sides, stop, streaming } from "../state/chat";

export function Composer() {
  const [text, setText] = useState("");
  const ready = sides.value.every((model) => model !== "");
  const submit = () => {
    if (streaming.value || !text.trim() || !ready) return;
    void send(text);
    setText("");
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && streaming.value) stop();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        aria-label="Your question"
        placeholder={ready ? "Ask something" : "No model to ask: enter a key first"}
        rows={3}
        dir="auto"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
          event.preventDefault();
          submit();
        }}
      />
      {streaming.value ? (
        <button type="button" class="danger" onClick={stop}>
          Stop
        </button>
      ) : (
        <button type="submit" class="primary" disabled={!ready || !text.trim()}>
          Send
        </button>
      )}
    </form>
  );
}
