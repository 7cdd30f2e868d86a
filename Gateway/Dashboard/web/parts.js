// What several pages show in the same way.
import { h, s } from './dom.js';
import { now } from './api.js';

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const number = new Intl.NumberFormat();

export const count = value => number.format(value ?? 0);
export const clock = at => hour.format(new Date(at));
export const encode = encodeURIComponent;

/** An instant: the time of today, else with its day; the whole of it on hovering. */
export function time(at) {
  if (!at) return h('span', { class: 'soft' }, 'never');
  const then = new Date(at);
  const isToday = then.toDateString() === new Date().toDateString();
  return h('time', { datetime: at, title: then.toISOString() }, isToday ? clock(at) : `${day.format(then)}, ${clock(at).slice(0, 5)}`);
}

const units = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
/** A span of milliseconds, in its two greatest units. */
export function span(milliseconds) {
  let seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const parts = [];
  for (const [size, unit] of units) {
    if (seconds >= size || (parts.length && size > 0)) parts.push(`${Math.floor(seconds / size)} ${unit}`);
    seconds %= size;
  }
  return parts.slice(0, 2).filter((part, index) => index === 0 || !part.startsWith('0 ')).join(' ') || 'now';
}

const names = {
  'trigger-removed': 'trigger removed', 'trigger-disabled': 'trigger paused', 'wait-limit': 'too many waits', 'outbox-full': 'too many sends',
  'quiet-hours': 'quiet hours', unless: 'unless', condition: 'condition', consent: 'no consent', holdout: 'control group', shadow: 'shadow',
  cap: 'channel cap', provider: 'provider refused', rollout: 'outside of rollout', superseded: 'superseded', operator: 'by an operator',
};
/** A code of the API in words. */
export const inWords = code => names[code] ?? code.replaceAll('-', ' ');

const kinds = {
  send: 'good', sent: 'good', delivered: 'good', closed: 'good', accepted: 'good',
  failed: 'bad', held: 'bad', open: 'bad', bounced: 'bad', complained: 'bad',
  pending: 'info', authorized: 'info', parked: 'warn', 'half-open': 'warn',
};
export const kindOf = state => kinds[state] ?? 'mute';
export const badge = (text, kind = kindOf(text)) => h('span', { class: 'badge ' + kind }, inWords(text));

/** What a decision came to: the word, and why not. */
export const outcome = decision => decision.outcome === 'send'
  ? badge('send', 'good')
  : badge(decision.reason ?? decision.outcome, decision.reason === 'holdout' || decision.reason === 'shadow' ? 'info' : 'mute');

/** A value of JSON, short. */
export function value(json) {
  if (json === null || json === undefined) return h('span', { class: 'soft' }, 'none');
  if (typeof json === 'boolean') return h('code', { class: json ? 'good' : 'bad' }, String(json));
  return typeof json === 'string' ? json : h('code', null, JSON.stringify(json));
}

export const money = (amount, currency) => amount === null || amount === undefined ? '' : amount.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 }) + (currency ? ' ' + currency : '');

/** Columns of a small height: one for each number. */
export function bars(numbers, label) {
  const top = Math.max(1, ...numbers);
  const width = 100 / Math.max(1, numbers.length);
  return s('svg', { class: 'spark', viewBox: '0 0 100 28', preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    numbers.map((one, at) => s('rect', { x: at * width + width * .12, width: width * .76, y: one ? 27 - 26 * one / top : 27, height: one ? 26 * one / top + 1 : 1, rx: .5, class: one ? '' : 'zero' })));
}

/** A line with its ground filled. */
export function line(numbers, label) {
  if (numbers.length === 1) numbers = [numbers[0], numbers[0]];
  const top = Math.max(1, ...numbers) * 1.08;
  const step = 100 / Math.max(1, numbers.length - 1);
  const points = numbers.map((one, at) => `${(at * step).toFixed(2)},${(39 - 38 * one / top).toFixed(2)}`).join(' ');
  return s('svg', { class: 'spark line', viewBox: '0 0 100 40', preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    s('polygon', { points: `0,40 ${points} 100,40` }), s('polyline', { points, 'vector-effect': 'non-scaling-stroke' }));
}

/** Shares of a whole, the greatest first. */
export function shares(entries, kind = () => 'info') {
  const sorted = Object.entries(entries).filter(([, many]) => many > 0).sort((one, other) => other[1] - one[1]);
  const top = Math.max(1, ...sorted.map(([, many]) => many));
  return h('ul', { class: 'shares' }, sorted.map(([name, many]) => h('li', { 'data-key': name },
    h('span', null, inWords(name)), h('span', { class: 'num' }, count(many)),
    s('svg', { viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true', class: kind(name) }, s('rect', { width: 100, height: 4, class: 'ground' }), s('rect', { width: Math.max(1, 100 * many / top), height: 4 })))));
}

/** So long a notice stays, that it can be read. */
const noticeTime = 6000;

/** Counts what has come and what of it was drawn, each time something is drawn; where that is not all, it has words for it. */
export function sampler(seconds) {
  let since = performance.now(), came = 0, drawn = 0, said = null, until = 0;
  return {
    note(more, shown) {
      came += more;
      drawn += shown;
      const past = (performance.now() - since) / 1000;
      if (past < seconds) return;
      if (came > drawn) [said, until] = [`showing ${count(Math.round(drawn / past))} of ${count(Math.round(came / past))} a second`, performance.now() + noticeTime];
      [since, came, drawn] = [performance.now(), 0, 0];
    },
    /** Null while all is shown. */
    get words() { return performance.now() < until ? said : null; },
  };
}

const round = 2 * Math.PI * 15;
/** A ring that runs empty, with what is left beside it; ticks by itself. */
export function countdown(from, until) {
  const ring = s('svg', { class: 'ring', viewBox: '0 0 36 36', width: 36, height: 36, 'aria-hidden': 'true' },
    s('circle', { cx: 18, cy: 18, r: 15 }), s('circle', { cx: 18, cy: 18, r: 15, class: 'left', 'stroke-dasharray': round, transform: 'rotate(-90 18 18)' }));
  return tick(h('span', { class: 'countdown', 'data-from': from, 'data-until': until, role: 'timer' }, ring, h('b', null, ' ')));
}
function tick(element) {
  const [from, until] = [new Date(element.dataset.from), new Date(element.dataset.until)];
  const left = until - now();
  element.querySelector('b').textContent = left <= 0 ? 'due' : span(left);
  element.querySelector('.left').setAttribute('stroke-dashoffset', (round * (1 - Math.min(1, Math.max(0, left / Math.max(1, until - from))))).toFixed(1));
  return element;
}
setInterval(() => document.querySelectorAll('.countdown').forEach(tick), 250);

export const card = (title, aside, ...body) => h('section', { class: 'card', 'data-key': title, 'aria-label': title }, h('header', null, h('h2', null, title), aside), ...body);
export const empty = (title, text, ...more) => h('div', { class: 'empty' }, h('b', null, title), h('p', null, text), ...more);
export const head = (title, sub, ...tools) => h('div', { class: 'head' }, h('div', null, h('h1', null, title), sub && h('p', { class: 'soft' }, sub)), h('div', { class: 'tools' }, tools));
/** A button that does something once at a time. */
export const button = (text, action, more = {}) => h('button', {
  type: 'button', ...more,
  onclick: async event => {
    const pressed = event.currentTarget;
    pressed.setAttribute('aria-busy', 'true');
    try { await action(event); } finally { pressed.removeAttribute('aria-busy'); }
  },
}, text);
export const customerLink = id => h('a', { href: '/customers/' + encode(id), class: 'strong' }, id);
export const triggerLink = id => h('a', { href: '/triggers/' + encode(id) }, id);
export const problemList = errors => h('ul', { class: 'problems' }, errors.map(error => h('li', null, h('code', null, error.pointer || '/'), ' ', error.detail)));

/** A person's initials on a colour of their own. */
export function face(id, size = 36) {
  let hue = 0;
  for (const letter of id) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  const letters = id.replace(/[^\p{L}\p{N} ._-]/gu, '').split(/[ ._-]+/).filter(Boolean).map(part => [...part][0]).slice(0, 2).join('').toUpperCase() || '?';
  return s('svg', { class: 'face', viewBox: '0 0 36 36', width: size, height: size, 'aria-hidden': 'true' },
    s('circle', { cx: 18, cy: 18, r: 18, fill: `hsl(${hue} 42% 40%)` }),
    s('text', { x: 18, y: 18.5, 'text-anchor': 'middle', 'dominant-baseline': 'central', fill: '#fff', 'font-size': letters.length > 1 ? 13 : 15, 'font-weight': 600 }, letters));
}
