// A field that narrows a list, with the count of what is left. Owns no state.
export function Search({
  label,
  value,
  set,
  left,
  all,
  unit,
}: {
  label: string;
  value: string;
  set: (value: string) => void;
  left: number;
  all: number;
  unit: string;
}) {
  return (
    <div class="search">
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        spellcheck={false}
        onInput={(event) => set(event.currentTarget.value)}
      />
      <span class="quiet num" role="status">
        {left === all ? all : `${left} of ${all}`} {all === 1 ? unit.replace(/s$/, "") : unit}
      </span>
    </div>
  );
}
