// All triggers: what they say, how they stand, what came of them.
import { h, show } from './dom.js';
import { every, get } from './api.js';
import { badge, bars, card, count, empty, encode, head } from './parts.js';
import { reading } from './reading.js';

const sum = counted => Object.values(counted ?? {}).reduce((all, one) => all + one, 0);

export function standing(document) {
  if (document.enabled === false) return badge('paused', 'warn');
  if (document.rollout?.mode === 'shadow') return badge('shadow', 'info');
  const percent = document.rollout?.percent ?? 100;
  return percent < 100 ? badge(percent + ' %', 'info') : badge('live', 'good');
}

/** Decisions by hour of the last two days, oldest first. */
export function hourly(counts) {
  const last = Math.floor(Date.now() / 3600000);
  const byHour = new Map((counts?.hours ?? []).map(one => [Math.floor(new Date(one.hour) / 3600000), sum(one.counts.decisions)]));
  return Array.from({ length: 48 }, (_, at) => byHour.get(last - 47 + at) ?? 0);
}

export default async function triggers(view, { signal, mayOperate }) {
  await every(2500, signal, async () => {
    const [{ items }, counts] = await Promise.all([get('triggers', signal), get('triggers/counts', signal)]);
    const counted = new Map(counts.items.map(one => [one.trigger, one]));
    const add = mayOperate ? h('a', { class: 'button primary', href: '/triggers/new' }, 'New trigger') : null;
    show(view, head('Triggers', 'When what happens, wait how long, unless what, send what', add), items.length
      ? card('All', h('small', null, 'decisions of the last 48 hours'), h('div', { class: 'rows' }, items.map(({ id, document }) => {
        const one = counted.get(id);
        const sent = one?.total.decisions.send ?? 0;
        return h('a', { class: 'row trigger', href: '/triggers/' + encode(id), 'data-key': id },
          h('div', null, h('b', null, document.name ?? id), h('small', null, reading(document).textContent)),
          standing(document), bars(hourly(one), `Decisions of ${id} by hour`),
          stat('sent', one?.total.sends.sent), stat('not sent', sum(one?.total.decisions) - sent), stat('failed', (one?.total.sends.failed ?? 0) + (one?.total.sends.held ?? 0)));
      })))
      : h('section', { class: 'card' }, empty('No trigger yet', 'A trigger is a rule: on this event, wait this long, unless that happens, send that.', add && h('p', null, add))));
  });
}

const stat = (name, many) => h('span', { class: 'stat' }, h('b', { class: name === 'failed' && many ? 'bad' : null }, count(many)), h('small', null, name));
