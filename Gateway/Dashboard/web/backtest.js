// What a draft would have decided about everything that was recorded. Nothing is sent.
import { h } from './dom.js';
import { every, get, post, remove } from './api.js';
import { badge, bars, button, card, count, customerLink, encode, inWords, shares, time, triggerLink } from './parts.js';

/**
 * @param draft What is typed; null where it is not valid.
 * @param redraw Told when there is something new to show.
 */
export function backtest(idOf, draft, signal, redraw) {
  let run = null;
  const isOver = () => !run || !['reading', 'replaying'].includes(run.state);

  async function start() {
    const document = await draft();
    if (!document) return;
    const mine = new AbortController();
    signal.addEventListener('abort', () => mine.abort());
    run = await post(`triggers/${encode(idOf() || 'draft')}/backtest`, { document });
    redraw();
    // Not awaited: the button is free again, and what goes wrong is said as anything else that nobody waits for.
    every(400, mine.signal, async () => {
      run = await get('backtests/' + run.id, signal);
      redraw();
      if (isOver()) mine.abort();
    });
  }
  const cancel = async () => { await remove('backtests/' + run.id); };

  return () => card('Backtest', isOver() ? button(run ? 'Run again' : 'Run', start) : button('Stop', cancel), h('div', { class: 'body' },
    !run ? h('p', { class: 'soft' }, 'Find out what this draft would have decided about all that was recorded: how many mails, to whom, and when. Nothing is sent.')
    : !isOver() ? [h('progress', { max: 100, value: run.percent, 'aria-label': 'Progress of the backtest' }), h('p', { class: 'soft num' }, `${run.state}: ${run.percent} %, ${count(run.eventsRead)} events`)]
    : run.result ? result(run) : h('p', { class: 'warn' }, `It was ${run.state}.`)));
}

function result({ result, eventsRead }) {
  return [
    h('p', { class: 'verdict ' + (result.sends ? 'good' : 'warn') }, `${count(result.sends)} ${result.sends === 1 ? 'mail' : 'mails'} to ${count(result.customers)} ${result.customers === 1 ? 'customer' : 'customers'}`),
    h('p', { class: 'small soft' }, `${count(eventsRead)} events of ${count(result.replayed)} customers${result.leftOut ? `; ${count(result.leftOut)} customers left out` : ''}`),
    result.perDay.length > 1 ? bars(result.perDay.map(day => day.sends), 'Mails by day') : null,
    h('h3', null, 'Decided'), shares(result.byReason, name => (name === 'send' ? 'good' : 'mute')),
    result.overlap.length ? [h('h3', null, 'Customers that others would send to as well'), h('dl', { class: 'pairs' }, result.overlap.map(other => [h('dt', null, triggerLink(other.trigger)), h('dd', { class: 'num' }, count(other.customersInBoth))]))] : null,
    result.sample.length ? h('details', null, h('summary', null, `The newest ${count(result.sample.length)}`), h('ul', { class: 'rows' }, result.sample.slice(0, 50).map(one => h('li', { class: 'item sample', 'data-key': one.decisionId },
      h('span', null, customerLink(one.customer), ' ', badge(one.reason ?? 'send', one.reason ? 'mute' : 'good')), time(one.at), one.detail ? h('small', { title: inWords(one.reason ?? '') }, one.detail) : null)))) : null,
  ];
}
