// The tracking script: docs/tracking.md. It is served without its comments and its indentation, so no text in it spans lines.
(() => {
  'use strict'
  const script = document.currentScript || document.querySelector('script[data-key][src*="track.js"]')
  const setting = name => script.getAttribute('data-' + name)
  const key = setting('key')
  const api = setting('api') || new URL('v1/events', script.src).href
  const early = (window.personalize || {}).q || []
  const [prefix, hour] = ['personalize.', 3600000]

  // The server counts and triggers nothing that is older than three days; the rest is what a shop's own data may grow by.
  const [queueAgeMax, queueEventsMax, queueLengthMax] = [72 * hour, 250, 250000]
  // Browsers send 64 KiB of a page that is left, and the server takes 32 KB an event.
  const [bodyBytesMax, eventBytesMax, fieldLengthMax] = [60000, 30000, 500]

  let disk = null
  try { disk = localStorage } catch (_) { /* storage is blocked */ }
  const memory = {}
  const mayUseCookies = setting('cookies') === 'fallback'
  const cookie = (name, value, age) => { document.cookie = `${prefix}${name}=${encodeURIComponent(value)};path=/;max-age=${age};samesite=lax${location.protocol === 'https:' ? ';secure' : ''}` }
  const cookieOf = name => decodeURIComponent((document.cookie.split('; ').find(one => one.startsWith(prefix + name + '=')) || '=').split('=')[1])
  const read = name => (disk && disk.getItem(prefix + name)) || memory[name] || (mayUseCookies && cookieOf(name)) || null
  const write = (name, value) => {
    try {
      disk.setItem(prefix + name, value)
      delete memory[name]
    } catch (_) {
      memory[name] = value
      if (mayUseCookies && !name.startsWith('q.')) cookie(name, value, 31536000)
    }
  }
  const remove = name => {
    delete memory[name]
    if (disk) disk.removeItem(prefix + name)
    if (mayUseCookies && !name.startsWith('q.')) cookie(name, '', 0)
  }

  const isRefused = setting('dnt') !== 'ignore' && (navigator.globalPrivacyControl === true || navigator.doNotTrack === '1' || window.doNotTrack === '1')
  const needsConsent = setting('consent') === 'required'
  // Asked each time, so that a word in one tab counts in all.
  const isAllowed = () => !isRefused && read('consent') !== 'out' && (!needsConsent || read('consent') === 'in')
  const forget = () => {
    for (const name of ['id', 'user', 'until', ...queue()]) remove(name)
  }

  const uuid = () => crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, '0')).join('')
  const anonymousId = () => {
    if (!read('id')) write('id', uuid())
    return read('id')
  }

  // An entry an event: tabs add and remove without reading what others write. Its name sorts by time.
  const queue = () => Object.keys(disk || {}).filter(name => name.startsWith(prefix + 'q.')).map(name => name.slice(prefix.length))
    .concat(Object.keys(memory).filter(name => name.startsWith('q.'))).sort()
  const bounded = () => {
    const kept = []
    let length = 0
    for (const name of queue().reverse()) {
      const text = read(name) || ''
      length += text.length
      if (kept.length >= queueEventsMax || length > queueLengthMax || Date.now() - parseInt(name.slice(2), 10) > queueAgeMax) remove(name)
      else kept.unshift([name, text])
    }
    return kept
  }
  const bytesOf = text => new TextEncoder().encode(text).length
  const pack = entries => {
    let size = 500
    const fit = entries.filter(([, text]) => (size += bytesOf(text) + 1) <= bodyBytesMax)
    return [fit.map(([name]) => name), `{"writeKey":${JSON.stringify(key)},"sentAt":"${new Date().toISOString()}","events":[${fit.map(([, text]) => text)}]}`]
  }

  let [timer, failures, fresh, isSending] = [0, 0, 0, false]
  const schedule = delay => {
    if (!timer) timer = setTimeout(() => { timer = 0; flush() }, delay)
  }
  const pause = () => Math.min(hour, (read('until') || 0) - Date.now())
  const sendAll = async () => {
    for (let entries = bounded(); isAllowed() && entries.length && pause() <= 0; entries = bounded()) {
      const [names, body] = pack(entries)
      // A body of text/plain needs no preflight; the key is in it.
      const answer = await fetch(api, { method: 'POST', body, credentials: 'omit', signal: AbortSignal.timeout && AbortSignal.timeout(30000) }).catch(() => null)
      if (answer && (answer.ok || [400, 413, 415].includes(answer.status))) {
        if (!answer.ok) console.warn('personalize: refused', answer.status)
        names.forEach(remove)
        failures = 0
      } else if (isAllowed()) {
        const backOff = Math.min(300000, 1000 * 2 ** failures++) * (0.5 + Math.random() / 2)
        write('until', Date.now() + Math.max(backOff, answer ? Number(answer.headers.get('Retry-After')) * 1000 || 0 : 0))
      }
    }
  }
  const flush = async () => {
    if (isSending || !isAllowed()) return
    isSending = true
    fresh = 0
    try {
      // One tab sends at a time; where there are no locks two may, and the server knows an event by its id.
      await (navigator.locks ? navigator.locks.request('personalize', { ifAvailable: true }, lock => lock && sendAll()) : sendAll())
    } catch (fault) {
      console.warn('personalize:', fault)
    } finally {
      isSending = false
      if (queue().length) schedule(Math.max(1000, pause()))
    }
  }
  // Nobody hears what comes of a beacon, so its events stay queued and are sent once more by the next page; the server knows them by their ids.
  const leaving = new Set()
  const leave = () => {
    if (!isAllowed() || pause() > 0) return
    const [names, body] = pack(bounded().filter(([name]) => !leaving.has(name)))
    if (names.length && navigator.sendBeacon(api, body)) names.forEach(name => leaving.add(name))
  }

  const send = (type, name, members) => {
    if (!isAllowed()) return
    const now = new Date()
    const messageId = uuid()
    const text = JSON.stringify(Object.assign({ messageId, type, name, occurredAt: now.toISOString(), source: setting('source') || 'web', customer: read('user') || undefined, anonymousId: anonymousId() }, members))
    if (bytesOf(text) > eventBytesMax) return console.warn('personalize: too large', name)
    write(`q.${now.getTime()}.${String(++fresh).padStart(4, '0')}.${messageId}`, text)
    if (fresh >= 20) flush()
    schedule(1000)
  }

  const clean = address => address.split(/[?#]/)[0]
  let [referrer, viewed] = [document.referrer, '']
  const page = (name, properties) => {
    if (!isAllowed()) return
    if (name && typeof name === 'object') [name, properties] = [undefined, name]
    const campaign = {}
    new URLSearchParams(location.search).forEach((value, name) => { if (name.startsWith('utm_')) campaign[name] = value.slice(0, fieldLengthMax) })
    viewed = location.pathname + location.search
    send('page', name || document.title || location.pathname, { properties: Object.assign({ url: clean(location.href), path: location.pathname, title: document.title, referrer: clean(referrer) }, campaign, properties) })
    referrer = location.href
  }
  const isManual = setting('page') === 'manual'
  const moved = () => { if (!isManual && location.pathname + location.search !== viewed) page() }

  const methods = {
    page,
    track: (name, properties) => send('track', name, { properties }),
    identify: (id, traits) => {
      if (!isAllowed()) return
      if (id) {
        // Another person on the same machine: what they did before they logged in is not the first one's.
        if (read('user') && read('user') !== String(id)) remove('id')
        write('user', String(id))
      }
      send('identify', undefined, { traits })
    },
    consent: consent => send('identify', undefined, { consent }),
    reset: () => ['id', 'user'].forEach(remove),
    optIn: () => {
      if (isRefused) return
      write('consent', 'in')
      moved()
    },
    optOut: () => {
      forget()
      viewed = ''
      if (needsConsent || isRefused) remove('consent')
      else write('consent', 'out')
    },
    flush,
    anonymousId: () => isAllowed() ? anonymousId() : null
  }
  // Whatever goes wrong here, the page goes on.
  const safely = action => (...values) => {
    try { return action(...values) } catch (fault) { console.warn('personalize:', fault) }
  }
  window.personalize = {}
  for (const name of Object.keys(methods)) window.personalize[name] = safely(methods[name])

  const propertiesOf = element => {
    const properties = {}
    for (const { name, value } of element.attributes) {
      if (name.startsWith('data-track-') && name !== 'data-track-fields') properties[name.slice(11)] = /^-?(0|[1-9]\d{0,14})(\.\d{1,9})?$/.test(value) ? Number(value) : value
    }
    return properties
  }
  const isSecret = field => /password|file/.test(field.type) || /cc-|password|one-time/.test(field.getAttribute('autocomplete')) || /pass|card|cvc|cvv|iban/i.test(field.name) || /^\d([ -]?\d){11,18}$/.test(field.value.trim())
  document.addEventListener('click', safely(event => {
    const element = event.target.closest && event.target.closest('[data-track]:not(form)')
    if (element) methods.track(element.getAttribute('data-track'), propertiesOf(element))
  }), true)
  document.addEventListener('submit', safely(event => {
    const form = event.target
    if (!form.matches('[data-track]')) return
    const names = (form.getAttribute('data-track-fields') || '').split(/[\s,]+/)
    const properties = propertiesOf(form)
    for (const field of form.elements) {
      if (field.name && names.includes(field.name) && !isSecret(field) && !(/checkbox|radio/.test(field.type) && !field.checked)) properties[field.name] = field.value.slice(0, fieldLengthMax)
    }
    methods.track(form.getAttribute('data-track'), properties)
  }), true)

  if (setting('history') !== null) {
    const push = history.pushState
    history.pushState = function (...values) {
      push.apply(this, values)
      safely(moved)()
    }
    addEventListener('popstate', safely(moved))
  }
  addEventListener('pagehide', safely(leave))
  document.addEventListener('visibilitychange', safely(() => { if (document.visibilityState === 'hidden') leave() }))
  addEventListener('online', safely(() => {
    remove('until')
    flush()
  }))

  if (isRefused) safely(forget)()
  safely(moved)()
  for (const [name, ...values] of early) if (name in methods) window.personalize[name](...values)
  if (isAllowed() && queue().length) schedule(1000)
})()
