// Where events come from, and how that goes.
import { h } from './dom.js';
import { get } from './api.js';
import { badge, count, encode, span, time } from './parts.js';

/** Those with a document, and those that merely call themselves so: what is known of each, and since when it is counted. */
export async function readSources(signal) {
  const [{ items: documents }, stats] = await Promise.all([get('sources', signal), get('sources/stats', signal)]);
  const polled = new Map(await Promise.all(documents.filter(({ document }) => document.type === 'poll').map(async ({ id }) => [id, await get(`sources/${encode(id)}/status`, signal).catch(() => null)])));
  const ids = [...new Set([...documents.map(({ id }) => id), ...stats.items.map(({ source }) => source)])];
  return {
    since: stats.since,
    items: ids.map(id => ({ id, stored: documents.find(one => one.id === id), numbers: stats.items.find(one => one.source === id), status: polled.get(id) })),
  };
}

export const sourceState = ({ stored, status }) => !stored ? badge('direct', 'mute')
  : stored.document.enabled === false ? badge('off', 'mute')
  : status?.error ? badge('failing', 'bad')
  : badge('on', 'good');

/** What was refused and what failed, of its events and of asking for them. */
export const errorsOf = ({ numbers, status }) => (numbers?.rejected ?? 0) + (numbers?.failed ?? 0) + (status?.refused ?? 0) + (status?.failures ?? 0);

export const rate = numbers => (numbers?.perSecond ? `${numbers.perSecond.toLocaleString(undefined, { maximumSignificantDigits: 2 })}/s` : '0/s');
/** How late the events of the last minute were. */
export const lag = numbers => (!numbers?.lagSeconds ? '–' : numbers.lagSeconds.mean < 1 ? '< 1 s' : span(numbers.lagSeconds.mean * 1000));

const stat = (value, words, kind) => h('span', { class: 'stat' }, h('b', kind ? { class: kind } : null, value), h('small', null, words));

export function sourceRow(source) {
  const { id, stored, numbers, status } = source;
  const errors = errorsOf(source);
  const said = [
    stored ? stored.document.type : 'named by its events',
    status?.error ? status.error : status?.nextAt ? ['asked next ', time(status.nextAt)] : numbers?.lastAt ? ['last ', time(numbers.lastAt)] : 'nothing yet since this process began'];
  return h(stored ? 'a' : 'div', { class: stored ? 'row source' : 'item source', href: stored ? '/data/sources/' + encode(id) : null, 'data-key': id },
    sourceState(source), h('span', null, h('b', null, stored?.document.name ?? id), h('small', null, said[0], ' · ', said[1])),
    stat(rate(numbers), 'rate'), stat(lag(numbers), 'lag'), stat(count(errors), 'errors', errors ? 'bad' : null),
    stat(count(numbers?.open), 'quarantined', numbers?.open ? 'warn' : null));
}
