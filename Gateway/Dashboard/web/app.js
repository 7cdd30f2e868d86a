// The frame around the pages: who is looking, which page, search, keys.
import { h, say, show } from './dom.js';
import { Lost, Problem, get, link, post, setLink } from './api.js';
import { empty, encode, face } from './parts.js';

const byId = id => document.getElementById(id);
const main = byId('main');

/** By the first segment of the address: the module without and with something behind it. */
const pages = {
  '': ['home'], customers: ['customers', 'customer'], triggers: ['triggers', 'trigger'], templates: ['templates', 'template'],
  senders: ['senders', 'sender'], data: ['data', 'data-part'], cluster: ['cluster'], suppressions: ['suppressions'],
};

let caller = null;
let leaving = new AbortController();

const mayOperate = () => caller?.role === 'operate' || caller?.role === 'admin';

/** @param isInstead It takes the place of the page that is left, so that Back does not lead there. */
export function go(path, isInstead = false) {
  history[isInstead ? 'replaceState' : 'pushState'](null, '', path);
  open();
}

async function open(isRetry = false) {
  leaving.abort();
  const here = leaving = new AbortController();
  const [page, ...rest] = location.pathname.slice(1).split('/').filter((part, at) => part || at === 0);
  const id = rest.length ? decodeURIComponent(rest.join('/')) : null;
  for (const entry of document.querySelectorAll('[data-page]')) entry.setAttribute('aria-current', entry.dataset.page === page ? 'page' : 'false');
  // On a narrow screen they do not all fit.
  document.querySelector('[data-page][aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  const module = pages[page]?.[id === null ? 0 : 1];
  document.title = `${id ?? document.querySelector(`[data-page="${CSS.escape(page)}"] span`)?.textContent ?? 'Not found'} · Personalize`;
  if (!isRetry) main.replaceChildren(h('div', { class: 'skeleton', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')));
  main.setAttribute('aria-busy', 'true');
  scrollTo(0, 0);
  try {
    if (!module) throw new Problem(404, { detail: 'There is no such page.' });
    const { default: start } = await import(`./${module}.js`).catch(failure => { throw navigator.onLine ? failure : new Lost(); });
    if (here.signal.aborted) return;
    main.replaceChildren();
    await start(main, { id, query: new URLSearchParams(location.search), signal: here.signal, mayOperate: mayOperate(), workspace: caller.workspace, go });
  } catch (problem) {
    if (here.signal.aborted) return;
    fail(problem);
    // What does not answer is asked again; what answers no would say no again.
    if (problem instanceof Lost) setTimeout(() => here.signal.aborted || open(true), 2000);
  } finally {
    main.removeAttribute('aria-busy');
  }
}

function fail(problem) {
  const [title, text] = problem.status === 404 ? ['Nothing here', problem.message]
    : problem.status === 403 ? ['Not with this key', problem.message]
    : problem instanceof Problem ? ['That did not work', problem.message]
    : problem instanceof Lost ? ['The server does not answer', 'This page keeps trying.']
    : ['This page has failed', 'That is a mistake of ours; the browser’s console says more.'];
  main.replaceChildren(empty(title, text, h('p', null, h('a', { href: '/' }, 'Home'), ' · ', h('button', { type: 'button', onclick: () => open() }, 'Try again'))));
  if (!(problem instanceof Problem || problem instanceof Lost)) console.error(problem);
}

// What nobody waits for: a button's action that failed, a page that stopped.
addEventListener('unhandledrejection', event => {
  if (event.reason?.name === 'AbortError') return event.preventDefault();
  if (event.reason instanceof Problem || event.reason instanceof Lost) {
    event.preventDefault();
    say(event.reason.message, 'bad');
  }
});

document.addEventListener('click', event => {
  const to = event.target.closest('a');
  if (!to || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || to.origin !== location.origin || to.hash || to.download || to.target) return;
  event.preventDefault();
  go(to.pathname + to.search);
  main.focus({ preventScroll: true });
});
addEventListener('popstate', () => caller && open());

// Logging in.
async function start() {
  const handed = new URLSearchParams(location.hash.slice(1));
  if (handed.has('key') || handed.has('login')) history.replaceState(null, '', location.pathname + location.search);
  if (handed.has('key')) sessionStorage.apiKey = handed.get('key');
  if (handed.has('login')) {
    try {
      sessionStorage.apiKey = (await post('login', { token: handed.get('login') })).key;
    } catch (problem) {
      return leave(problem.message);
    }
  }
  if (!sessionStorage.apiKey) return leave();
  try {
    caller = await get('keys/current');
  } catch (problem) {
    if (problem.status === 401) return;
    setLink('lost');
    return setTimeout(start, 1500);
  }
  if (caller.role === 'ingest') return leave('This key may only send events. Use one with the role read, operate or admin.');
  byId('who').replaceChildren(h('b', null, caller.workspace), h('span', null, caller.role));
  byId('login').hidden = true;
  byId('shell').hidden = false;
  open();
}
function leave(why = '') {
  leaving.abort();
  caller = null;
  delete sessionStorage.apiKey;
  byId('refused').textContent = why;
  byId('shell').hidden = true;
  byId('login').hidden = false;
  byId('key').focus();
}
addEventListener('sign-out', event => leave(event.detail));
byId('login').onsubmit = event => {
  event.preventDefault();
  sessionStorage.apiKey = byId('key').value.trim();
  event.target.reset();
  start();
};
byId('leave').onclick = () => leave();

const linkWords = { wait: 'Connecting', live: 'Live', lost: 'Reconnecting' };
link.addEventListener('change', ({ detail }) => {
  byId('link').dataset.state = detail;
  byId('link').lastElementChild.textContent = linkWords[detail];
});

function turnTheme() {
  const isDark = getComputedStyle(document.documentElement).getPropertyValue('--is-dark').trim() === '1';
  localStorage.theme = document.documentElement.dataset.theme = isDark ? 'light' : 'dark';
}
byId('theme').onclick = turnTheme;

// Search, from everywhere.
const query = byId('find').q;
const found = byId('found');
let typing, chosen = -1;
const choices = () => [...found.querySelectorAll('a')];
function choose(at) {
  const all = choices();
  chosen = all.length ? (at + all.length) % all.length : -1;
  all.forEach((choice, index) => choice.parentElement.setAttribute('aria-selected', index === chosen));
  query.setAttribute('aria-activedescendant', all[chosen]?.parentElement.id ?? '');
}
function closeSearch() {
  found.hidden = true;
  query.setAttribute('aria-expanded', 'false');
}
async function search() {
  const text = query.value.trim();
  const { items } = await get(`customers?limit=8&search=${encode(text)}`);
  if (query.value.trim() !== text || document.activeElement !== query) return;
  show(found, items.length
    ? items.map((hit, at) => h('li', { role: 'option', id: 'found-' + at, 'data-key': hit.customer }, h('a', { href: '/customers/' + encode(hit.customer), tabindex: -1 }, face(hit.customer, 26), h('span', null, hit.customer), h('small', null, hit.email ?? ''))))
    : h('li', { class: 'none' }, `Nobody's id, address or declared trait starts with “${text}”.`));
  found.hidden = false;
  query.setAttribute('aria-expanded', 'true');
  choose(0);
}
query.oninput = query.onfocus = () => { clearTimeout(typing); typing = setTimeout(search, 120); };
query.onblur = () => setTimeout(closeSearch, 150);
query.onkeydown = event => {
  if (event.key === 'ArrowDown') choose(chosen + 1);
  else if (event.key === 'ArrowUp') choose(chosen - 1);
  else if (event.key === 'Escape') { query.value = ''; query.blur(); }
  else return;
  event.preventDefault();
};
byId('find').onsubmit = event => {
  event.preventDefault();
  const to = found.hidden ? null : choices()[Math.max(0, chosen)];
  go(to ? to.getAttribute('href') : '/customers?q=' + encode(query.value.trim()));
  query.value = '';
  query.blur();
};

// Keys: / searches, arrows walk through rows, Escape goes up.
addEventListener('keydown', event => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest('input, textarea, select, dialog')) return;
  if (event.key === '/') { event.preventDefault(); query.focus(); }
  else if (event.key === 't') turnTheme();
  else if (event.key === 'Escape' && location.pathname.split('/').length > 2) go(location.pathname.slice(0, location.pathname.lastIndexOf('/')));
  else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    const rows = [...main.querySelectorAll('a.row')];
    if (!rows.length) return;
    event.preventDefault();
    const at = rows.indexOf(document.activeElement);
    rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === 'ArrowDown' ? 1 : -1)))].focus();
  }
});

start();
