// A model of the cache as a row of the Models page, with its progress and what can be done about it.
import { deleteModel, pauseModel, resumeModel } from "../api/actions";
import type { Model } from "../api/types";
import { run } from "../state/act";
import { loss, type ModelView, modelView } from "../views/model";
import { Age, Bar, Pill, Why } from "./basics";
import { Act, Confirmed } from "./buttons";
import { memo } from "./memo";

function Acts({ view }: { view: ModelView }) {
  const { name } = view;
  return (
    <td class="acts">
      {view.paused ? (
        <Act
          needs={{ kind: "models", verb: "patch", namespace: view.namespace }}
          label={`Resume ${name}`}
          onPress={() => void run(`${name} goes on.`, (token) => resumeModel(token, view))}
        >
          Resume
        </Act>
      ) : (
        view.pausable && (
          <Act
            needs={{ kind: "models", verb: "patch", namespace: view.namespace }}
            label={`Pause ${name}`}
            onPress={() =>
              void run(`${name} is paused; what is there stays.`, (token) => pauseModel(token, view))
            }
          >
            Pause
          </Act>
        )
      )}
      <Confirmed
        needs={{ kind: "models", verb: "delete", namespace: view.namespace }}
        label={`Delete ${name}`}
        title={`Delete the model ${name}?`}
        text={loss(view)}
        verb="Delete"
        onPress={() => void run(`${name} is being deleted.`, (token) => deleteModel(token, view))}
      >
        Delete
      </Confirmed>
    </td>
  );
}

function Row({ model }: { model: Model }) {
  const view = modelView(model);
  return (
    <tbody>
      <tr>
        <th scope="row">
          <span class="clip" dir="auto" title={view.uri}>
            {view.uri || view.name}
          </span>
          <span class="quiet under clip">
            {view.namespace}/{view.name}
          </span>
        </th>
        <td class="hide-m">
          <code>{view.revision}</code>
        </td>
        <td>
          <Pill text={view.phase} as={view.tone} />
        </td>
        <td class="right num">{view.size}</td>
        <td class="hide-m">
          <span class="clip short">{view.license}</span>
        </td>
        <td class="hide-m">
          <span class="clip short" title={view.usedBy.join(", ")}>
            {view.usedBy.length > 0 ? view.usedBy.join(", ") : <span class="quiet">nobody</span>}
          </span>
        </td>
        <td class="right hide-s">
          <Age at={view.created} />
        </td>
        <Acts view={view} />
      </tr>
      {(view.progress || view.why) && (
        <tr class="more">
          <td colSpan={8}>
            {view.progress && <Bar progress={view.progress} label={`Download of ${view.name}`} />}
            {view.why && !view.progress && <Why finding={view.why} as={view.tone} />}
          </td>
        </tr>
      )}
    </tbody>
  );
}

export const ModelRow = memo(Row, (before, after) => before.model === after.model);
