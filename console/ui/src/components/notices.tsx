// What was done and what failed, and the question before something is lost.
import { asking, dismiss, notices } from "../state/act";
import { Dialog } from "./dialog";

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ id, good, text, fix }) => (
        <div key={id} class={good ? "notice good" : "notice bad"}>
          <p>
            <span dir="auto">{text}</span> {fix && <span class="quiet">{fix}</span>}
          </p>
          <button type="button" class="icon" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}

export function Question() {
  const open = asking.value;
  if (!open) return null;
  const close = () => {
    asking.value = null;
  };
  return (
    <Dialog title={open.title} onClose={close}>
      <p dir="auto">{open.text}</p>
      <footer class="choices">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button
          type="button"
          class="danger"
          onClick={() => {
            close();
            open.act();
          }}
        >
          {open.verb}
        </button>
      </footer>
    </Dialog>
  );
}
