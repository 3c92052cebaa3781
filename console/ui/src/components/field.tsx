// A labelled field of a form, with its hint and the error that belongs to it. Owns no state.
import type { ComponentChildren } from "preact";

interface Props {
  id: string;
  label: string;
  hint?: string;
  error?: string;
  children: ComponentChildren;
}

export function Field({ id, label, hint, error, children }: Props) {
  return (
    <div class={error ? "field wrong" : "field"}>
      <label for={id}>{label}</label>
      {children}
      {error ? (
        <p class="error" id={`${id}-help`} role="alert">
          {error}
        </p>
      ) : (
        hint && (
          <p class="hint" id={`${id}-help`}>
            {hint}
          </p>
        )
      )}
    </div>
  );
}

type Kind = "text" | "number" | "password" | "date";

interface Text {
  id: string;
  label: string;
  value: string;
  set: (value: string) => void;
  hint?: string;
  error?: string;
  placeholder?: string;
  required?: boolean;
  type?: Kind;
  list?: string;
}

export function TextField({
  id,
  label,
  value,
  set,
  hint,
  error,
  placeholder,
  required,
  type = "text",
  list,
}: Text) {
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      <input
        id={id}
        type={type as "text"}
        value={value}
        placeholder={placeholder}
        required={required}
        list={list}
        step={type === "number" ? "any" : undefined}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={error ? true : undefined}
        aria-describedby={hint || error ? `${id}-help` : undefined}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </Field>
  );
}

interface Choice {
  id: string;
  label: string;
  value: string;
  set: (value: string) => void;
  options: readonly (readonly [string, string])[];
  hint?: string;
  error?: string;
}

export function SelectField({ id, label, value, set, options, hint, error }: Choice) {
  return (
    <Field id={id} label={label} hint={hint} error={error}>
      <select
        id={id}
        value={value}
        aria-describedby={hint || error ? `${id}-help` : undefined}
        onChange={(event) => set(event.currentTarget.value)}
      >
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}
