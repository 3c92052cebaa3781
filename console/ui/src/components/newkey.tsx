// Makes a key and shows it once.
import { useState } from "preact/hooks";
import { makeKey } from "../api/actions";
import { asApiError } from "../state/act";
import { useKey } from "../state/chat";
import { token } from "../state/session";
import { Dialog } from "./dialog";
import { TextField } from "./field";

export interface Wanted {
  namespace: string;
  tenant: string;
}

function Made({ made, onClose }: { made: string; onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(made);
    setCopied(true);
  };
  const use = () => {
    useKey(made);
    onClose();
    location.hash = "#/chat";
  };
  return (
    <>
      <p>This is shown once. Nobody can read it again: only its digest is stored.</p>
      <pre class="command">
        <code>{made}</code>
      </pre>
      <footer class="choices">
        <button type="button" onClick={() => void copy()}>
          {copied ? "Copied" : "Copy"}
        </button>
        <button type="button" onClick={use}>
          Use it in Chat
        </button>
        <button type="button" class="primary" onClick={onClose}>
          Done
        </button>
      </footer>
    </>
  );
}

export function NewKey({ wanted, onClose }: { wanted: Wanted; onClose: () => void }) {
  const [name, setName] = useState("");
  const [until, setUntil] = useState("");
  const [made, setMade] = useState("");
  const [wrong, setWrong] = useState("");
  const submit = async (event: Event) => {
    event.preventDefault();
    const body = {
      ...wanted,
      ...(name.trim() ? { name: name.trim() } : {}),
      ...(until ? { notAfter: `${until}T23:59:59Z` } : {}),
    };
    try {
      setMade((await makeKey(token.value, body)).key);
    } catch (raised) {
      const { message, fix } = asApiError(raised);
      setWrong(`${message} ${fix}`);
    }
  };
  return (
    <Dialog title={`A key for ${wanted.tenant}`} onClose={onClose}>
      {made ? (
        <Made made={made} onClose={onClose} />
      ) : (
        <form onSubmit={submit}>
          <TextField
            id="key-name"
            label="Name"
            value={name}
            set={setName}
            hint="Who or what uses it, such as ci or web-frontend"
            error={wrong}
          />
          <TextField
            id="key-until"
            label="Good until"
            type="date"
            value={until}
            set={setUntil}
            hint="Empty: until it is revoked"
          />
          <footer class="choices">
            <button type="button" onClick={onClose}>
              Cancel
            </button>
            <button type="submit" class="primary">
              Make the key
            </button>
          </footer>
        </form>
      )}
    </Dialog>
  );
}
