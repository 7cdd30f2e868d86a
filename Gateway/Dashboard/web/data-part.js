// What is behind /data/: the address says which part, and which one of it.

/** By the second segment: the module without and with something behind it. */
const parts = {
  sources: ['data', 'source'], schemas: ['data', 'schema'], quarantine: ['quarantine', 'quarantined'], imports: ['imports', 'import'], reconciliations: ['imports', 'import'],
};

export default async function dataPart(view, context) {
  const [part, id = ''] = context.id.split(/\/(.*)/s);
  const module = Object.hasOwn(parts, part) ? parts[part][id ? 1 : 0] : 'data';
  const { default: start } = await import(`./${module}.js`);
  await start(view, { ...context, part, id: id || null });
}
