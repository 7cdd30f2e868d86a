// What lost: the writes of a trait that are not what the profile shows, and why not.
import { h, paced } from './dom.js';
import { get } from './api.js';
import { count, time, value } from './parts.js';

const shown = 10;

/** The server makes it of all facts. */
const pause = 5000;

const whys = { newer: 'the other is newer', priority: 'the other’s source has the higher priority', 'message-id': 'same instant and priority: by message id' };

/** @param redraw Told when there is more to show. */
export function conflictsOf(path, signal, redraw) {
  let items = [];
  const refresh = paced(pause, signal, async () => {
    // A history that is too long to be made anew has none to show; nothing else on the page waits for it.
    items = (await get(path + '/conflicts?limit=200', signal).catch(() => ({ items: [] }))).items;
    redraw();
  });
  return {
    refresh,
    mayFollowFrom: ({ type, fact }) => type === 'customerAbsorbed' || type === 'identityParting' || (type === 'eventApplied' && Boolean(fact.event.traits || fact.event.consent)),
    of(field) {
      const lost = items.filter(one => one.field === field);
      return lost.length ? h('details', { class: 'lost', 'data-key': 'lost-' + field }, h('summary', null, lost.length === 1 ? 'What lost' : `What lost, ${count(lost.length)} times`),
        h('ul', null, lost.slice(0, shown).map(one => h('li', { 'data-key': one.version + one.loser.messageId },
          h('s', null, value(one.loser.value)), h('small', { title: `event ${one.loser.messageId}` }, one.loser.source, ', ', time(one.loser.at)),
          h('small', { title: `event ${one.winner.messageId}` }, 'to ', value(one.winner.value), ` of ${one.winner.source}: ${whys[one.won]}`))))) : null;
    },
  };
}
