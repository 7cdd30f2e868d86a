// The processes behind this page: who is there, what they hold in memory, and who wakes the customers whose deadlines come.
import { h, show } from './dom.js';
import { every, get } from './api.js';
import { badge, card, count, empty, head, shares, span, time } from './parts.js';

const statusKind = status => (status === 'active' ? 'good' : status === 'dead' ? 'bad' : 'warn');
const sum = counted => Object.values(counted).reduce((all, one) => all + one, 0);

export default async function cluster(view, { signal }) {
  await every(3000, signal, async () => draw(view, await get('cluster', signal)));
}

function draw(view, { runtime, at, silos, deadlineShards, tracesUrl, consoleUrl }) {
  const isOne = runtime === 'embedded';
  const active = silos.filter(silo => silo.status === 'active');
  const awake = deadlineShards.filter(shard => shard.silo);
  const kinds = {};
  for (const silo of silos) for (const [kind, many] of Object.entries(silo.activations)) kinds[kind] = (kinds[kind] ?? 0) + many;
  show(view, head('Cluster', isOne ? 'One process holds everything: this build has no other members to find or to lose' : 'Silos on Microsoft Orleans, as their membership knows them',
    consoleUrl ? h('a', { class: 'button', href: consoleUrl, target: '_blank', rel: 'noreferrer' }, 'Orleans Dashboard') : null,
    tracesUrl ? h('a', { class: 'button', href: tracesUrl, target: '_blank', rel: 'noreferrer' }, 'Traces') : null),
  h('div', { class: 'tiles three' },
    tile(isOne ? 'Process' : 'Silos', count(active.length), silos.length > active.length ? `of ${count(silos.length)} known` : isOne ? 'this one' : 'all of them work', active.length === 0),
    tile('Activations', count(sum(kinds)), `${count(kinds.customer)} ${kinds.customer === 1 ? 'customer' : 'customers'}`),
    tile('Deadline shards', `${awake.length} of ${deadlineShards.length}`, awake.length < deadlineShards.length ? 'the others are woken within ten seconds' : 'all of them awake')),
  h('div', { class: 'grid' },
    h('div', { class: 'stack wide' },
      card(isOne ? 'Process' : 'Silos', null, h('ul', { class: 'rows' }, silos.map(silo => h('li', { class: 'item silo', 'data-key': silo.name + silo.since },
        badge(silo.status, statusKind(silo.status)),
        h('div', null, h('b', null, silo.name), h('small', null, silo.address ?? 'no address')),
        h('div', null, h('span', null, 'since ', time(silo.since)), h('small', null, silo.status === 'dead' ? ['last seen ', time(silo.aliveAt)] : `up ${span(new Date(at) - new Date(silo.since))}`)),
        h('div', { class: 'stat' }, h('b', null, count(sum(silo.activations))), h('small', null, 'in memory')))))),
      card('Deadline shards', h('small', null, 'each sweeps a part of the customers'), h('div', { class: 'body' }, h('ul', { class: 'shards' }, deadlineShards.map(({ shard, silo }) => h('li', { class: silo ? 'good' : 'warn', 'data-key': shard, title: silo ?? 'asleep' },
        h('b', null, String(shard)), h('small', null, silo ?? 'asleep'))))))),
    h('div', { class: 'stack narrow' },
      card('Activations', h('small', null, 'by kind of grain'), sum(kinds) ? h('div', { class: 'body' }, shares(kinds)) : empty('Nothing in memory', 'A customer comes into memory with its first event.')),
      tracesUrl ? null : card('Traces', null, h('p', { class: 'body soft' }, 'Where traces are looked at, the setting ', h('code', null, 'Personalize:TracesUrl'), ' puts a link here.')))));
}

const tile = (name, many, more, isAlarm) => h('div', { class: 'tile' + (isAlarm ? ' alarm' : ''), 'data-key': name }, h('span', null, name), h('b', null, many), h('small', null, more));
