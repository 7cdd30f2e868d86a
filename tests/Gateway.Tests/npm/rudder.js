// Sends one call of each kind by RudderStack's client: node rudder.js <host> <write key>
const RudderAnalytics = require('@rudderstack/rudder-sdk-node')

const [dataPlaneUrl, writeKey] = process.argv.slice(2)
const client = new RudderAnalytics(writeKey, { dataPlaneUrl, flushAt: 3, flushInterval: 100 })

const timestamp = new Date('2026-01-31T12:00:00.000Z')
client.identify({ userId: 'ann', anonymousId: 'visitor', traits: { email: 'ann@example.com', naïve: '☃' }, messageId: 'identify-1', timestamp })
client.track({ userId: 'ann', event: 'Product Added', properties: { product_id: 'sku-1', price: 20.5 }, messageId: 'track-1', timestamp })
client.page({ userId: 'ann', name: 'Home', properties: { url: 'https://shop.example/' }, messageId: 'page-1', timestamp })
client.group({ userId: 'ann', groupId: 'acme', traits: { plan: 'pro' }, messageId: 'group-1', timestamp })
client.alias({ userId: 'ann', previousId: 'visitor', messageId: 'alias-1', timestamp })
client.track({ anonymousId: 'other', event: 'Product Viewed', properties: { text: 'x'.repeat(10000) }, messageId: 'track-2', timestamp })
client.flush().then(() => console.log('flushed'), (error) => {
  console.error(error)
  process.exitCode = 1
})
