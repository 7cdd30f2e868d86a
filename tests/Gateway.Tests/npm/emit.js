// Emits events in each mode by the CloudEvents SDK, and one by the library of Standard Webhooks:
// node emit.js <host> <CloudEvents secret> <Standard Webhooks secret>
const { CloudEvent, HTTP, Mode, emitterFor } = require('cloudevents')
const { Webhook } = require('standardwebhooks')

const [host, secret, whsec] = process.argv.slice(2)
const post = async (path, headers, body) => {
  const response = await fetch(new URL(`/v1/webhooks/default/${path}`, host), { method: 'POST', headers, body })
  console.log(`${path} ${response.status} ${(await response.json()).results?.map((result) => result.status).join(' ')}`)
}
const time = new Date(Date.now() - 60000).toISOString()
const authorization = `Bearer ${secret}`
const event = (id, extra) => new CloudEvent({
  id,
  type: 'Order Completed',
  source: '/erp/orders',
  subject: 'ada',
  time,
  datacontenttype: 'application/json',
  data: { properties: { order_id: id, città: 'Köln ☃' } },
  ...extra
})

const emit = async () => {
  const transport = ({ headers, body }) => post('cloudevents', { ...headers, authorization }, body)
  await emitterFor(transport, { mode: Mode.BINARY })(event('binary-1', { subject: 'adele' }))
  await emitterFor(transport, { mode: Mode.STRUCTURED })(event('structured-1'))
  await transport(HTTP.structured(event('structured-1')))
  const batch = [event('batch-1'), event('batch-2', { subject: 'bob' })].map((one) => one.toJSON())
  await post('cloudevents', { 'content-type': 'application/cloudevents-batch+json', authorization }, JSON.stringify(batch))

  const body = JSON.stringify({ type: 'contact.created', timestamp: new Date().toISOString(), data: { customer: 'ada', properties: { from: 'npm' } } })
  const sign = (at) => ({ 'content-type': 'application/json', 'webhook-id': 'msg_1', 'webhook-timestamp': String(Math.floor(at / 1000)), 'webhook-signature': new Webhook(whsec).sign('msg_1', new Date(at), body) })
  await post('standard-webhooks', sign(Date.now()), body)
  await post('standard-webhooks', sign(Date.now()), body)
  await post('standard-webhooks', sign(Date.now() - 360000), body)
}

emit().catch((fault) => {
  console.error(fault)
  process.exitCode = 1
})
