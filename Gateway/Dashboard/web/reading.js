// A trigger's document in plain language.
import { h } from './dom.js';

const spans = { Y: 'year', M: 'month', W: 'week', D: 'day', H: 'hour', S: 'second' };
/** An ISO 8601 duration: PT1H30M is 1 hour 30 minutes. */
export function duration(text) {
  const [date, clock = ''] = String(text).replace(/^P/, '').split('T');
  const words = (part, names) => [...part.matchAll(/(\d+(?:\.\d+)?)([YMWDHS])/g)].map(([, many, unit]) => `${many === '1' ? 'one' : many} ${names[unit]}${many === '1' ? '' : 's'}`);
  return [...words(date, spans), ...words(clock, { ...spans, M: 'minute' })].join(' ') || String(text);
}

const word = value => h('em', null, typeof value === 'string' ? value : JSON.stringify(value));
const field = path => String(path).replace(/^event\.properties\./, 'the event’s ').replace(/^profile\.traits\./, 'the trait ').replace(/^profile\.consent\./, 'consent to ').replace(/^profile\.counters\./, 'the count of ').replace(/^profile\.cart\./, 'the cart’s ').replace(/^profile\.orders\./, 'the orders’ ').replace(/^(event|profile)\./, 'the $1’s ');
const comparisons = { eq: 'is', ne: 'is not', gt: 'is more than', gte: 'is at least', lt: 'is less than', lte: 'is at most', in: 'is one of', contains: 'contains', startsWith: 'starts with', endsWith: 'ends with' };
const counts = { eq: 'exactly', ne: 'other than', gt: 'more than', gte: 'at least', lt: 'less than', lte: 'at most' };

const join = (parts, between) => parts.flatMap((part, at) => at ? [between, part] : [part]);

export function condition(one) {
  if (one?.all) return join(one.all.map(condition), ' and ');
  if (one?.any) return ['either ', ...join(one.any.map(condition), ' or ')];
  if (one?.not) return ['not (', condition(one.not), ')'];
  if (one?.count) return [word(one.count.event), ` occurred ${counts[one.op] ?? one.op} `, word(one.value), ' times', one.count.within ? ` within ${duration(one.count.within)}` : ''];
  if (one?.op === 'exists') return [field(one.field), one.value === false ? ' is missing' : ' is there'];
  return one?.field ? [field(one.field), ` ${comparisons[one.op] ?? one.op} `, word(one.value)] : ['…'];
}

const pattern = one => [word(one?.event ?? one?.type ?? 'any event'), one?.where ? [' whose ', condition(one.where)] : ''];

/** Sentences, as elements; what a document has not yet stays out. */
export function reading(trigger) {
  const { on, wait, unless, limits, quietHours, rollout, send, key } = trigger ?? {};
  if (!on) return h('p', { class: 'reading soft' }, 'Say on which event, and the rule reads itself out here.');
  const says = ['When ', pattern(on), ' comes in'];
  if (wait) says.push(wait.mode === 'fixed' ? ', wait ' : ' and nothing more of it for ', h('b', null, duration(wait.for)), wait.mode === 'fixed' ? ' from the first one' : '', wait.atMost ? `, at the latest after ${duration(wait.atMost)}` : '', key ? ', for each ' + field(key) : '');
  if (unless?.length) says.push(', unless ', join(unless.map(pattern), ' or '), ' follows');
  if (trigger.if) says.push(', and if ', condition(trigger.if));
  says.push(': send ', send?.template ? word(send.template) : 'what the sender makes of it', ' by ', word(send?.sender ?? '…'));
  if (send?.expires) says.push(`, within ${duration(send.expires)} or not at all`);
  says.push('.');
  if (limits?.cooldown) says.push(` Not again for ${duration(limits.cooldown)}.`);
  if (limits?.max) says.push(` At most ${limits.max} in ${duration(limits.per)}.`);
  if (quietHours) says.push(` Quiet from ${quietHours.from} to ${quietHours.to}${quietHours.policy === 'suppress' ? ': then nothing is sent' : ': then it waits'}.`);
  if (rollout?.percent !== undefined && rollout.percent < 100) says.push(` Open to ${rollout.percent} % of customers.`);
  if (rollout?.holdout) says.push(` ${rollout.holdout} % of those get nothing, to compare with.`);
  if (rollout?.mode === 'shadow') says.push(' In shadow mode: it decides and sends nothing.');
  return h('p', { class: 'reading' }, says);
}
