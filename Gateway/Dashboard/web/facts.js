// What is recorded of a customer, a line each.
import { h } from './dom.js';
import { clock, inWords, money, time, triggerLink } from './parts.js';

const key = fact => (fact.key ? ` (${fact.key})` : '');

function property(event) {
  const of = event.properties ?? {};
  const parts = [of.name ?? of.query ?? of.order_id, of.total !== undefined ? money(of.total, of.currency) : of.price !== undefined ? money(of.price) : null];
  return parts.filter(part => typeof part === 'string' && part).join(', ');
}

/** The kind for its colour, what it says, and a word more. */
const lines = {
  eventApplied: ({ event, late }) => ['accent', [h('b', null, event.name ?? event.type), property(event) ? ' ' + property(event) : ''], `${late ? 'late, ' : ''}from ${event.source}`],
  waitArmed: fact => ['info', [triggerLink(fact.trigger), key(fact), ' waits until ', h('span', { class: 'num' }, clock(fact.deadline))], null],
  waitMoved: fact => ['info', [triggerLink(fact.trigger), key(fact), ' moved to ', h('span', { class: 'num' }, clock(fact.deadline))], fact.by],
  unlessSeen: fact => ['mute', ['closes what waits for ', triggerLink(fact.trigger), key(fact)], null],
  decided: fact => fact.send
    ? ['good', [triggerLink(fact.trigger), key(fact), ': send by ', fact.send.sender], fact.send.template ? 'template ' + fact.send.template : null]
    : ['warn', [triggerLink(fact.trigger), key(fact), ': not sent, ', inWords(fact.reason ?? '')], fact.detail],
  sendAuthorized: fact => ['info', [`attempt ${fact.attempt} may go out`], null],
  sendSettled: fact => [
    { sent: 'good', failed: 'bad', held: 'bad', pending: 'warn', parked: 'warn' }[fact.state] ?? 'mute',
    [h('b', null, fact.state), fact.reason ? ', ' + inWords(fact.reason) : ''], fact.detail ?? (fact.content && fact.content !== 'default' ? 'content ' + fact.content : null)],
  identityClaimed: fact => ['info', [h('b', null, fact.id), ' is said to be the same customer'], fact.by],
  identityRefused: fact => ['warn', [h('b', null, fact.id), ' was not merged'], `it is, or belongs to, ${fact.other}`],
  identityLinked: fact => ['info', [h('b', null, fact.id), ' is this customer'], null],
  customerAbsorbed: fact => ['info', [h('b', null, fact.id), ' was merged into this customer'], null],
  identityParting: fact => ['warn', ['the merge of ', h('b', null, fact.id), ' is undone'], fact.by],
  sendEngaged: fact => ['good', [h('b', null, fact.engagement ?? fact.kind ?? 'engaged')], null],
};

/** @param isFresh It has just come in. */
export function factRow(item, isFresh) {
  const [kind, text, more] = (lines[item.type] ?? (() => ['mute', [h('b', null, item.type.replace(/([A-Z])/g, ' $1').toLowerCase())], null]))(item.fact);
  return h('li', { class: `item fact ${kind}${isFresh ? ' fresh' : ''}`, 'data-key': item.version },
    time(item.recordedAt), h('i'),
    h('div', null, text, more ? h('small', null, more) : null),
    h('details', { 'data-keep': true, ontoggle: event => { event.currentTarget.lastChild.textContent = JSON.stringify(item.fact, null, 2); } }, h('summary', { 'aria-label': `Version ${item.version} as it is recorded` }, `v${item.version}`), h('pre')));
}
