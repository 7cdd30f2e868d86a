// A JSON document in a field: checked while it is typed, as the API would when it is stored.
import { h, show } from './dom.js';
import { Problem, post } from './api.js';
import { problemList } from './parts.js';

/**
 * @param kind triggers, templates, sources or schemas.
 * @param onValid Told of each document that could be stored.
 * @returns The elements, what is typed, and whether it may be stored.
 */
export function editor(kind, idOf, document, mayEdit, onValid = () => {}) {
  const state = h('div', { class: 'state', 'data-keep': true, role: 'status', id: 'editor-state' });
  const field = h('textarea', { class: 'editor', 'data-keep': true, spellcheck: 'false', 'aria-label': 'Document, JSON', 'aria-describedby': 'editor-state', readonly: !mayEdit });
  field.value = JSON.stringify(document, null, 2);
  let timer, asked = 0;

  const invalid = (isInvalid, ...said) => {
    field.setAttribute('aria-invalid', isInvalid);
    show(state, said);
    return !isInvalid;
  };
  async function check() {
    const turn = ++asked;
    let parsed;
    try {
      parsed = JSON.parse(field.value);
    } catch (failure) {
      return invalid(true, h('p', { class: 'bad' }, 'Not valid JSON: ' + place(failure.message, field.value)));
    }
    try {
      await post(`${kind}/${encodeURIComponent(idOf() || 'unnamed')}/check`, field.value);
      if (turn !== asked) return false;
      onValid(parsed);
      return invalid(false, h('p', { class: 'good' }, '✓ Valid'));
    } catch (problem) {
      if (!(problem instanceof Problem) || turn !== asked) return false;
      return invalid(true, problem.errors.length ? problemList(problem.errors) : h('p', { class: 'bad' }, problem.message));
    }
  }
  field.oninput = () => { clearTimeout(timer); timer = setTimeout(check, 250); };
  // Tab leaves the field, as everywhere: keyboards must not be trapped.
  return {
    field, state, check, text: () => field.value,
    fill: next => { field.value = JSON.stringify(next, null, 2); return check(); },
    /** What is stored: without a check, which would complain of the secrets that are not shown. */
    reset(stored) {
      asked++;
      field.value = JSON.stringify(stored, null, 2);
      invalid(false);
    },
  };
}

/** Parsers count characters; people look for lines. */
function place(message, text) {
  const at = message.match(/position (\d+)/)?.[1];
  return at && !/line \d+/.test(message) ? `${message}, line ${text.slice(0, at).split('\n').length}` : message;
}
