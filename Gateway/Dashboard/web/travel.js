// A slider over the versions of a customer: the profile as it was, and what each version changed.
import { h } from './dom.js';
import { Problem, get } from './api.js';
import { count, time, value } from './parts.js';

const shown = 40;

/** @param redraw Told when another version is to be shown. */
export function timeTravel(path, signal, redraw) {
  let at = null, newest = 1, past = null, changes = null, problem = null, turn = 0, timer;
  const slider = h('input', { type: 'range', min: 1, max: 1, value: 1, 'data-keep': true, 'aria-label': 'Version of the profile' });
  const now = () => visit(null);

  async function visit(version) {
    const mine = ++turn;
    at = version === null || version >= newest ? null : Math.max(1, version);
    slider.value = at ?? newest;
    problem = null;
    if (at === null) {
      past = changes = null;
      return redraw();
    }
    try {
      const [profile, step] = await Promise.all([
        get(`${path}?version=${at}`, signal), at > 1 ? get(`${path}/diff?from=${at - 1}&to=${at}`, signal) : { items: [] }]);
      if (mine !== turn) return;
      [past, changes] = [profile, step.items];
    } catch (failure) {
      if (!(failure instanceof Problem)) throw failure;
      if (mine !== turn) return;
      problem = failure.message;
    }
    redraw();
  }
  slider.oninput = () => { clearTimeout(timer); timer = setTimeout(() => visit(Number(slider.value)), 60); };

  return {
    /** The profile of the version that is chosen; null for now. */
    get past() { return past; },
    follow(version) {
      newest = version;
      slider.max = version;
      if (at === null) slider.value = version;
    },
    draw: () => h('section', { class: 'card travel' + (at ? ' past' : ''), 'data-key': 'travel', 'aria-label': 'Time travel' },
      h('output', null, at ? [h('b', null, `Version ${count(at)}`), ` of ${count(newest)}`] : [h('b', null, 'Now'), `, version ${count(newest)}`]),
      h('button', { type: 'button', 'aria-label': 'One version back', disabled: at === 1, onclick: () => visit((at ?? newest) - 1) }, '‹'), slider,
      h('button', { type: 'button', 'aria-label': 'One version forward', disabled: at === null, onclick: () => visit(at + 1) }, '›'),
      h('button', { type: 'button', disabled: at === null, onclick: now }, 'Back to now'),
      problem ? h('p', { class: 'bad changes', role: 'alert' }, problem) : null,
      changes ? h('div', { class: 'changes' }, h('h3', null, 'What this version changed', past?.lastSeenAt ? [' (last seen ', time(past.lastSeenAt), ')'] : ''),
        changes.length ? h('dl', { class: 'pairs' }, changes.slice(0, shown).map(change => [h('dt', null, h('code', null, change.path)),
          h('dd', null, change.before === null ? '' : [h('s', { class: 'soft' }, value(change.before)), ' → '], change.after === null ? h('span', { class: 'bad' }, 'gone') : value(change.after))]),
          changes.length > shown ? h('dd', { class: 'soft' }, `and ${count(changes.length - shown)} more`) : null)
          : h('p', { class: 'soft' }, 'Nothing that a profile shows.')) : null),
  };
}
