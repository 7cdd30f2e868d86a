// Imports and reconciliations: how far they are, and sending their files.
import { h, say } from './dom.js';
import { Lost, Problem, append, get, post } from './api.js';
import { badge, count, encode, time } from './parts.js';

const kinds = { imports: 'import', reconciliations: 'reconciliation' };

/** Both, the newest first; each with which it is. */
export async function readJobs(signal) {
  const lists = await Promise.all(Object.keys(kinds).map(async kind => (await get(kind, signal)).items.map(job => ({ ...job, kind }))));
  return lists.flat().sort((one, other) => other.createdAt.localeCompare(one.createdAt));
}

const states = { open: 'info', done: 'good', failed: 'bad', cancelled: 'mute' };
export const jobState = ({ id, state }) => state !== 'open' ? h('span', { class: 'badge ' + states[state] }, state) : sending.has(id) ? badge('sending', 'info') : badge('waits for its file', 'warn');

/** A bar where the length is known. */
export const jobBar = ({ percent, name, state }) => state === 'open' && percent !== null ? h('progress', { max: 100, value: percent, 'aria-label': `Sent of ${name}, percent` }) : null;

export const jobCounts = ({ kind, counts, findings }) => [
  `${count(counts.rows)} rows`, kind === 'imports' ? `${count(counts.applied)} applied` : `${count(counts.applied)} compared`, counts.late ? `${count(counts.late)} late` : null,
  counts.duplicates ? `${count(counts.duplicates)} duplicates` : null, findings?.repaired ? `${count(findings.repaired)} repaired` : null].filter(Boolean).join(', ');

export const jobRow = job => h('a', { class: 'row job', href: `/data/${job.kind}/${encode(job.id)}`, 'data-key': job.id },
  jobState(job), h('span', null, h('b', null, job.name), h('small', null, `${kinds[job.kind]} from ${job.source} · `, jobCounts(job)), jobBar(job)),
  job.counts.bad ? badge(`${count(job.counts.bad)} bad`, 'bad') : null,
  h('small', { class: 'num' }, job.state === 'open' && job.percent !== null ? `${job.percent} %` : time(job.finishedAt ?? job.updatedAt ?? job.createdAt)));

/** A request each: small enough to be repeated without loss, large enough that requests cost nothing. */
const pieceBytes = 4 << 20;
const patience = [1000, 2000, 4000, 8000];

/** Ids of the jobs whose files this tab sends. It goes on whichever page is shown. */
const sending = new Set();
addEventListener('beforeunload', event => { if (sending.size) event.preventDefault(); });

/** Makes the job, or goes on with the one that the same file began, and sends the file. @returns The job as it begins. */
export async function sendFile(kind, file, asked) {
  const name = `${file.name} ${new Date(file.lastModified).toISOString()}`;
  const known = (await get(kind)).items.find(job => job.name === name && job.length === file.size && job.state === 'open');
  const job = known ?? await post(kind, { ...asked, name, length: file.size });
  if (!sending.has(job.id)) sendPieces(kind, job, file);
  return job;
}

async function sendPieces(kind, job, file) {
  const path = `${kind}/${job.id}`;
  sending.add(job.id);
  try {
    for (let failures = 0; job.state === 'open';) {
      try {
        // Read first: a file that is gone or has changed is not a server that does not answer.
        job = await append(path, new Blob([await file.slice(job.offset, job.offset + pieceBytes).arrayBuffer()]), job.offset);
        failures = 0;
      } catch (problem) {
        // Somebody else may have sent a piece, or this one may have arrived after all: the job knows where it is.
        const mayPass = problem instanceof Lost || (problem instanceof Problem && (problem.status === 409 || problem.status === 429 || problem.status >= 500));
        if (!mayPass) throw problem;
        await new Promise(resolve => setTimeout(resolve, patience[Math.min(failures++, patience.length - 1)]));
        job = await get(path).catch(() => job);
      }
    }
  } catch (problem) {
    say(`${job.name}: ${problem.message}`, 'bad');
  } finally {
    sending.delete(job.id);
  }
}
