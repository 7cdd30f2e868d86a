// The other ids of a customer: whose they are, merging and undoing it.
import { ask, h, say } from './dom.js';
import { post } from './api.js';
import { badge, button, card, customerLink, empty, time } from './parts.js';

const kinds = { claimed: 'info', linked: 'good', refused: 'bad', parting: 'warn', parted: 'mute' };
const words = { claimed: 'the other has not answered yet', parting: 'the merge is being undone', parted: 'undone; no event links it again' };

/** @returns A card of them. */
export function identitiesOf(path, mayOperate) {
  const reason = { label: 'Reason, for the record', name: 'reason' };

  async function merge(other = '') {
    const asked = await ask('Merge another customer into this one?', 'All that is known of it becomes this customer’s, also where the shop knows it as a customer of its own. It can be undone.', 'Merge', [
      { label: 'Id of the other customer', name: 'other', required: true, value: other }, reason]);
    if (!asked) return;
    await post(path + '/merge', { other: asked.other.trim(), reason: asked.reason || undefined });
    say('Recorded. It is done when it shows as linked.');
  }
  async function unmerge(other) {
    const asked = await ask(`Undo the merge of ${other}?`, 'Each gets back what its own events made of it. What was sent was sent.', 'Undo the merge', [reason]);
    if (!asked) return;
    await post(path + '/unmerge', { other, reason: asked.reason || undefined });
    say('Recorded. It is done when it shows as parted.');
  }
  const more = one => one.state === 'refused' ? ['it is ', customerLink(one.other), ', who is known'] : one.through ? `came with ${one.through}` : words[one.state];
  const tools = one => one.state === 'linked' && !one.through ? button('Undo', () => unmerge(one.id), { 'aria-label': `Undo the merge of ${one.id}` })
    : one.state === 'refused' || one.state === 'parted' ? button('Merge', () => merge(one.id), { 'aria-label': `Merge ${one.id}` }) : null;

  return ({ identities }, isNow) => card('Identities', mayOperate && isNow ? button('Merge another', () => merge()) : null, identities.length
    ? h('ul', { class: 'rows' }, identities.map(one => h('li', { class: 'item send identity', 'data-key': one.id },
      badge(one.state, kinds[one.state]),
      h('div', null, h('b', null, one.id), more(one) ? h('small', null, more(one)) : null, h('small', null, 'since ', time(one.at), one.by ? `, by ${one.by}` : one.state === 'refused' ? '' : ', by an event')),
      mayOperate && isNow ? tools(one) : null)))
    : empty('One id only', 'An event that names two ids of a customer links them; so can an operator.'));
}
