// Finds a model on a hub and has it downloaded into the cache of a namespace. The rows of the page show how far it is.
import { useState } from "preact/hooks";
import { pull, search } from "../api/actions";
import type { HubModel } from "../api/types";
import { asApiError, run } from "../state/act";
import { scope, seenNamespaces } from "../state/prefs";
import { token } from "../state/session";
import { bytes, count } from "../views/units";
import { Dialog } from "./dialog";
import { SelectField, TextField } from "./field";

const HUBS = [
  ["hf", "Hugging Face"],
  ["ms", "ModelScope"],
] as const;

const facts = (of: HubModel) =>
  [
    of.task,
    of.parameters ? `${count(of.parameters)} parameters` : "",
    of.sizeBytes ? bytes(of.sizeBytes) : "",
    of.license,
    of.downloads ? `${count(of.downloads)} downloads` : "",
    of.gated ? "gated: needs a token" : "",
  ]
    .filter(Boolean)
    .join(" · ");

function Found({ found, onPull }: { found: HubModel[]; onPull: (uri: string) => void }) {
  if (found.length === 0) return <p class="quiet">The hub has nothing of this name.</p>;
  return (
    <ul class="found" aria-label="Models found">
      {found.map((model) => (
        <li key={model.uri}>
          <div>
            <span dir="auto">{model.uri}</span>
            <span class="quiet under">{facts(model)}</span>
          </div>
          <button type="button" aria-label={`Pull ${model.uri}`} onClick={() => onPull(model.uri)}>
            Pull
          </button>
        </li>
      ))}
    </ul>
  );
}

export function Pull({ onClose }: { onClose: () => void }) {
  const [hub, setHub] = useState("hf");
  const [query, setQuery] = useState("");
  const [namespace, setNamespace] = useState(scope.value || seenNamespaces.value[0] || "default");
  const [secret, setSecret] = useState("");
  const [found, setFound] = useState<HubModel[] | null>(null);
  const [problem, setProblem] = useState("");
  const isUri = /^(hf|ms):\/\/./.test(query.trim());
  const fetchModel = async (uri: string) => {
    const body = { namespace, uri, ...(secret.trim() ? { tokenSecretRef: { name: secret.trim() } } : {}) };
    if (await run(`${uri} is being pulled into ${namespace}.`, (used) => pull(used, body))) onClose();
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setProblem("");
    if (isUri) return fetchModel(query.trim());
    try {
      setFound(await search(token.value, query.trim(), hub));
    } catch (raised) {
      const { message, fix } = asApiError(raised);
      setFound(null);
      setProblem(`${message} ${fix}`);
    }
  };
  return (
    <Dialog title="Pull a model" onClose={onClose} wide>
      <form onSubmit={submit}>
        <div class="pair">
          <TextField
            id="query"
            label="Name, or hf://ORG/NAME"
            value={query}
            set={setQuery}
            error={problem}
            required
          />
          <SelectField id="hub" label="Hub" value={hub} set={setHub} options={HUBS} />
        </div>
        <div class="pair">
          <TextField
            id="into"
            label="Into the cache of namespace"
            value={namespace}
            set={setNamespace}
            required
          />
          <TextField
            id="secret"
            label="Secret with a token, if gated"
            value={secret}
            set={setSecret}
            placeholder="none"
          />
        </div>
        <footer class="choices">
          <button type="submit" class="primary" disabled={!query.trim()}>
            {isUri ? "Pull" : "Search"}
          </button>
        </footer>
      </form>
      {found && <Found found={found} onPull={(uri) => void fetchModel(uri)} />}
    </Dialog>
  );
}
