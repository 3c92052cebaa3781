// The form that makes a service. The API server tries it first, and what it refuses is said at the field.
import { useState } from "preact/hooks";
import { deploy } from "../api/actions";
import type { ApiError } from "../api/client";
import { asApiError, tell } from "../state/act";
import { models } from "../state/cluster";
import { scope, seenNamespaces } from "../state/prefs";
import { session, token } from "../state/session";
import { type Draft, type DraftField, EMPTY, fieldOf, spec } from "../views/deploying";
import { Dialog } from "./dialog";
import { Field, SelectField, TextField } from "./field";

function Size({ draft, set, error }: FormPart) {
  const number = (id: DraftField, label: string) => (
    <TextField
      id={id}
      label={label}
      type="number"
      value={draft[id]}
      set={(value) => set({ [id]: value })}
      error={error(id)}
    />
  );
  return (
    <>
      <Field id="follows" label="Workers">
        <select
          id="follows"
          value={draft.follows ? "load" : "fixed"}
          onChange={(event) => set({ follows: event.currentTarget.value === "load" })}
        >
          <option value="fixed">A fixed number</option>
          <option value="load">As many as the load takes</option>
        </select>
      </Field>
      {draft.follows ? (
        <div class="pair">
          {number("least", "At least")}
          {number("most", "At most")}
        </div>
      ) : (
        number("replicas", "How many")
      )}
    </>
  );
}

interface FormPart {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  error: (field: DraftField) => string | undefined;
}

function Fields(part: FormPart) {
  const { draft, set, error } = part;
  const profiles = session.value?.profiles ?? [];
  const text = (id: DraftField, label: string, hint?: string, list?: string) => (
    <TextField
      id={id}
      label={label}
      value={draft[id]}
      set={(value) => set({ [id]: value })}
      error={error(id)}
      hint={hint}
      list={list}
      required
    />
  );
  return (
    <>
      <div class="pair">
        {text("name", "Name", "Lower-case letters, digits and -")}
        {text("namespace", "Namespace", undefined, "known-namespaces")}
      </div>
      <datalist id="known-namespaces">
        {seenNamespaces.value.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {text("uri", "Model", "hf://ORG/NAME, ms://ORG/NAME, pvc://CLAIM/PATH, oci://IMAGE …", "known-models")}
      <datalist id="known-models">
        {[...new Set(models.value.map(({ spec: { uri } }) => uri))].map((uri) => (
          <option key={uri} value={uri} />
        ))}
      </datalist>
      <div class="pair">
        {profiles.length > 0 ? (
          <SelectField
            id="profile"
            label="Resource profile"
            value={draft.profile}
            set={(profile) => set({ profile })}
            options={profiles.map((name) => [name, name] as const)}
            error={error("profile")}
          />
        ) : (
          text("profile", "Resource profile")
        )}
        <TextField
          id="count"
          label="Units for each worker"
          type="number"
          value={draft.count}
          set={(count) => set({ count })}
        />
      </div>
      <Size {...part} />
    </>
  );
}

export function Deploy({ onClose }: { onClose: () => void }) {
  const start = scope.value || seenNamespaces.value[0] || "default";
  const [draft, setDraft] = useState<Draft>({
    ...EMPTY,
    namespace: start,
    profile: session.value?.profiles[0] ?? "cpu",
  });
  const [wrong, setWrong] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const field = wrong && fieldOf(wrong);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const body = { namespace: draft.namespace.trim(), name: draft.name.trim(), spec: spec(draft) };
    try {
      await deploy(token.value, body, true);
      await deploy(token.value, body, false);
      tell(true, `${body.name} is being deployed.`);
      onClose();
    } catch (raised) {
      setWrong(asApiError(raised));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Deploy a service" onClose={onClose}>
      <form onSubmit={submit}>
        <Fields
          draft={draft}
          set={(change) => setDraft({ ...draft, ...change })}
          error={(id) => (wrong && id === field ? wrong.message : undefined)}
        />
        {wrong && (
          <p class="error" role="alert">
            {field ? "Nothing was deployed." : wrong.message} {wrong.fix}
          </p>
        )}
        <footer class="choices">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy}>
            {busy ? "Checking …" : "Deploy"}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
