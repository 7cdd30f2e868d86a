// Every single attempt at a send, asked for when somebody opens it and anew when the send has gone on.
import { h } from './dom.js';
import { Problem, get } from './api.js';
import { badge, clock, inWords, time } from './parts.js';

const lasting = one => (one.authorizedAt && one.settledAt ? `${Math.max(0, new Date(one.settledAt) - new Date(one.authorizedAt)).toLocaleString()} ms` : null);

const row = one => h('li', { class: 'attempt', 'data-key': one.version },
  badge(one.state), h('div', null,
    h('span', null, one.attempt ? `Attempt ${one.attempt}` : 'Without a delivery', one.reason ? h('span', { class: 'warn' }, ', ' + inWords(one.reason)) : null),
    h('small', null, [lasting(one), one.content && one.content !== 'default' ? `content ${one.content}` : null, one.nextAttemptAt ? `next ${clock(one.nextAttemptAt)}` : null].filter(Boolean).join(' · ')),
    one.detail ? h('small', null, one.detail) : null,
    one.providerId ? h('small', null, 'its id there ', h('code', null, one.providerId)) : null),
  time(one.settledAt ?? one.authorizedAt));

/** @param redraw Told when there is something new to show. */
export function attemptsOf(path, signal, redraw) {
  const known = new Map();
  const opened = new Set();

  async function load(send) {
    const stamp = `${send.attempts} ${send.state} ${send.nextAttemptAt}`;
    if (known.get(send.decisionId)?.stamp === stamp) return;
    known.set(send.decisionId, { ...known.get(send.decisionId), stamp });
    try {
      known.set(send.decisionId, { stamp, history: await get(`${path}/sends/${send.decisionId}`, signal) });
    } catch (problem) {
      if (signal.aborted) return;
      known.set(send.decisionId, { stamp: null, problem: problem instanceof Problem ? problem.message : 'The server does not answer; close and open it to try again.' });
    }
    redraw();
  }

  return send => {
    const found = known.get(send.decisionId);
    if (opened.has(send.decisionId) && found?.stamp) load(send);
    const toggle = event => {
      if (!event.target.open) return opened.delete(send.decisionId);
      opened.add(send.decisionId);
      load(send);
    };
    return h('details', { ontoggle: toggle }, h('summary', null, send.attempts === 1 ? 'one attempt' : `${send.attempts || 'no'} attempts`),
      found?.problem ? h('p', { class: 'bad' }, found.problem)
        : !found?.history ? h('p', { class: 'soft' }, 'Reading …')
        : found.history.attempts.length ? h('ol', { class: 'attempts' }, found.history.attempts.map(row))
        : h('p', { class: 'soft' }, 'Not tried yet.'),
      found?.history && !found.history.isComplete ? h('p', { class: 'soft small' }, 'Older ones are in the timeline.') : null);
  };
}
