// Making and changing elements. Text is always text: nothing that comes from the API is ever parsed as markup.

let kept = 0;
/** What is shown already and is to be kept must not leave the page for a moment, or it would lose the focus: a copy without content takes its place in what is wanted. */
function standIn(child) {
  if (!(child instanceof Element && child.isConnected && child.hasAttribute('data-keep'))) return child;
  child.dataset.key ??= `kept-${++kept}`;
  return child.cloneNode(false);
}

const fill = (made, attributes, children) => {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) made[name] = value;
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat(9).filter(child => child !== null && child !== undefined && child !== false).map(standIn));
  return made;
};

/** h('a', {href: '/', onclick}, 'text', [more]) */
export const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
export const s = (name, attributes, ...children) => fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

const handlers = ['onclick', 'ontoggle', 'onsubmit', 'oninput', 'onchange', 'onkeydown'];

function sync(live, wanted) {
  if (live.nodeType === Node.TEXT_NODE) {
    if (live.data !== wanted.data) live.data = wanted.data;
    return;
  }
  // What it holds is the reader's: a field, a frame, a disclosure.
  if (live.hasAttribute('data-keep')) return;
  for (const { name } of [...live.attributes]) if (!wanted.hasAttribute(name) && !(name === 'open' && live.nodeName === 'DETAILS')) live.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  for (const name of handlers) if (live[name] !== wanted[name]) live[name] = wanted[name];
  morph(live, wanted);
}

/** Makes the children of an element those of another one, keeping what is the same: focus, selection and scroll stay where they are. */
export function morph(live, wanted) {
  const keyed = new Map([...live.children].filter(child => child.dataset.key).map(child => [child.dataset.key, child]));
  let at = live.firstChild;
  for (const want of [...wanted.childNodes]) {
    const key = want.dataset?.key;
    const have = key ? keyed.get(key) : at && !at.dataset?.key && at.nodeName === want.nodeName ? at : null;
    if (!have || have.nodeName !== want.nodeName) {
      live.insertBefore(want, at);
    } else {
      if (have === at) at = at.nextSibling;
      else live.insertBefore(have, at);
      sync(have, want);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** Shows these children in an element. */
export const show = (live, ...children) => morph(live, h('div', null, ...children));

/** After drawing the page is left alone for so many times as long as that took. */
const drawingRest = 4;

/** Draws when told to, at the most so often and always what is newest; where drawing takes long, less often. */
export function paced(milliseconds, signal, draw) {
  let timer = null, next = 0;
  return () => {
    if (timer !== null) return;
    timer = setTimeout(async () => {
      timer = null;
      if (signal.aborted) return;
      const begun = performance.now();
      next = begun + milliseconds;
      await draw();
      next = Math.max(next, performance.now() + drawingRest * (performance.now() - begun));
    }, Math.max(0, next - performance.now()));
  };
}

/** @returns What was chosen and filled in, or null. */
export function ask(title, text, action, fields = []) {
  const dialog = document.getElementById('ask');
  const form = dialog.querySelector('form');
  dialog.querySelector('h2').textContent = title;
  dialog.querySelector('p').textContent = text;
  dialog.querySelector('.primary').textContent = action;
  dialog.querySelector('.fields').replaceChildren(...fields.map(({ options, ...field }) => h('label', null, field.label, options
    ? h('select', { name: field.name }, options.map(([value, text]) => h('option', { value }, text)))
    : h('input', { maxlength: 256, autocomplete: 'off', ...field, label: null }))));
  form.reset();
  return new Promise(resolve => {
    dialog.onclose = () => resolve(dialog.returnValue === 'yes' ? Object.fromEntries(new FormData(form)) : null);
    dialog.returnValue = 'no';
    dialog.showModal();
    dialog.querySelector('input, select')?.focus();
  });
}

/** Says in a corner what came of something. */
export function say(text, kind = 'good') {
  const toast = h('p', { class: kind }, text);
  document.getElementById('toasts').append(toast);
  setTimeout(() => toast.remove(), kind === 'bad' ? 9000 : 4000);
}
