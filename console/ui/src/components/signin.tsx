// The sign-in dialog: takes a Kubernetes token, and says what became of it.
import { useState } from "preact/hooks";
import { asApiError, tell } from "../state/act";
import { refused, signIn, signInOpen } from "../state/session";
import { Command } from "./basics";
import { Dialog } from "./dialog";
import { TextField } from "./field";

export function SignIn() {
  const [candidate, setCandidate] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  if (!signInOpen.value) return null;
  const close = () => {
    signInOpen.value = false;
    setCandidate("");
    setError("");
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await signIn(candidate);
      close();
      tell(true, "Signed in.");
    } catch (raised) {
      const { message, fix } = asApiError(raised);
      setError(`${message} ${fix}`.trim());
    }
    setBusy(false);
  };
  return (
    <Dialog title="Sign in" onClose={close}>
      <form onSubmit={submit}>
        {refused.value && <p class="error">{refused.value.message}</p>}
        <p>
          With a Kubernetes token the console does what that account may do, and nothing else. It is kept in
          this tab only, until you close it or sign out.
        </p>
        <TextField
          id="token"
          label="Kubernetes token"
          type="password"
          value={candidate}
          set={setCandidate}
          error={error}
          required
        />
        <p class="quiet">A token of a service account, good for eight hours:</p>
        <Command text="kubectl create token NAME -n NAMESPACE --duration=8h" />
        <footer class="choices">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || !candidate.trim()}>
            Sign in
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
