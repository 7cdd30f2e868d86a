// The public REST API, with the key of this tab.

/** What the API answered instead: problem details (RFC 9457). */
export class Problem extends Error {
  constructor(status, details) {
    super(details?.detail ?? details?.title ?? `The server answered ${status}.`);
    this.status = status;
    this.errors = details?.errors ?? [];
  }
}

/** No answer: the server or the way to it is gone, perhaps for a moment. */
export class Lost extends Error {
  constructor() { super('The server does not answer.'); }
}

/** How the connection is: changes with what requests come to. */
export const link = new EventTarget();
let state = 'wait';
export function setLink(next) {
  if (state === next) return;
  state = next;
  link.dispatchEvent(new CustomEvent('change', { detail: next }));
}

let skew = 0;
/** The server's clock, in milliseconds: countdowns are its business. */
export const now = () => Date.now() + skew;

async function request(method, path, { body, headers = {}, signal } = {}) {
  let answer;
  try {
    answer = await fetch('/v1/' + path, {
      method, signal, cache: 'no-store',
      headers: { Authorization: 'Bearer ' + sessionStorage.apiKey, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      body: body === undefined || typeof body === 'string' || body instanceof Blob ? body : JSON.stringify(body),
    });
  } catch (failure) {
    if (failure.name === 'AbortError') throw failure;
    setLink('lost');
    throw new Lost();
  }
  if (answer.ok) setLink('live');
  // The header has whole seconds; less than two are no skew.
  const apart = new Date(answer.headers.get('Date')) - Date.now();
  skew = Math.abs(apart) > 2000 ? apart : 0;
  if (answer.ok) return answer;
  if (answer.status === 401) dispatchEvent(new CustomEvent('sign-out', { detail: 'This key is not known here.' }));
  throw new Problem(answer.status, await answer.json().catch(() => null));
}

const read = async answer => JSON.parse(await answer.text() || null);
export const get = async (path, signal) => read(await request('GET', path, { signal }));
export const post = async (path, body = {}) => read(await request('POST', path, { body }));
/** @param ifMatch The version that it takes the place of; 0: there must be none yet. */
export const put = async (path, body, ifMatch) =>
  read(await request('PUT', path, { body, headers: ifMatch === 0 ? { 'If-None-Match': '*' } : ifMatch ? { 'If-Match': `"${ifMatch}"` } : {} }));
export const remove = async path => read(await request('DELETE', path));
/** A piece of a file (https://datatracker.ietf.org/doc/draft-ietf-httpbis-resumable-upload/). @param piece A Blob. */
export const append = async (path, piece, offset) => read(await request('PATCH', path, { body: piece, headers: { 'Content-Type': 'application/partial-upload', 'Upload-Offset': offset } }));

/** The server says something every ten seconds; after so many milliseconds without it the line is dead. */
const silenceMax = 25_000;

/** The server's events (https://html.spec.whatwg.org/multipage/server-sent-events.html). EventSource cannot send a key. */
async function* stream(path, signal, onSilence) {
  const answer = await request('GET', path, { signal, headers: { Accept: 'text/event-stream' } });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ''; ;) {
    const silence = setTimeout(onSilence, silenceMax);
    const { done, value } = await reader.read();
    clearTimeout(silence);
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = block.split('\n').map(line => line.match(/^(id|event|data): ?(.*)$/)).filter(Boolean);
      const of = name => fields.filter(field => field[1] === name).map(field => field[2]).join('\n');
      if (of('data')) yield { id: of('id'), event: of('event'), data: JSON.parse(of('data')) };
    }
  }
}

const pause = (milliseconds, signal) => new Promise(resolve => {
  const timer = setTimeout(resolve, milliseconds);
  signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
});

/** Does something now and again until the signal, slower while nobody looks; a failure is shown and tried again. */
export async function every(milliseconds, signal, action) {
  for (let failures = 0; !signal.aborted;) {
    try {
      await action();
      failures = 0;
    } catch (problem) {
      if (signal.aborted) return;
      if (problem instanceof Problem && problem.status < 500 && problem.status !== 429) throw problem;
      setLink('lost');
      failures++;
    }
    await pause(failures ? Math.min(8000, 500 * 2 ** failures) : document.hidden ? Math.max(5000, milliseconds) : milliseconds, signal);
  }
}

/** A customer as it changes, until the signal. A line that breaks is taken up where it broke. */
export async function follow(path, after, signal, onChange) {
  await every(250, signal, async () => {
    const line = new AbortController();
    const cut = () => line.abort();
    signal.addEventListener('abort', cut, { once: true });
    addEventListener('offline', cut, { once: true });
    try {
      for await (const change of stream(`${path}/live?after=${after}`, line.signal, cut)) {
        await onChange(change);
        after = change.id || after;
      }
    } finally {
      cut();
      removeEventListener('offline', cut);
    }
    if (!signal.aborted) setLink('lost');
  });
}
