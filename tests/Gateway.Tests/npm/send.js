// Sends one call of each kind by Segment's client: node send.js <host> <write key>
const { Analytics } = require('@segment/analytics-node')

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, flushAt: 4, flushInterval: 100, maxRetries: 3 })
analytics.on('error', (error) => {
  console.error(error)
  process.exitCode = 1
})

const timestamp = new Date('2026-01-31T12:00:00.000Z')
analytics.identify({ userId: 'ann', traits: { email: 'ann@example.com', naïve: '☃' }, messageId: 'identify-1', timestamp })
analytics.track({ userId: 'ann', event: 'Product Added', properties: { product_id: 'sku-1', price: 20.5 }, messageId: 'track-1', timestamp })
analytics.track({ anonymousId: 'visitor', event: 'Product Viewed', messageId: 'track-2', timestamp })
analytics.page({ userId: 'ann', name: 'Home', properties: { url: 'https://shop.example/' }, messageId: 'page-1', timestamp })
analytics.screen({ userId: 'ann', name: 'Cart', messageId: 'screen-1', timestamp })
analytics.group({ userId: 'ann', groupId: 'acme', traits: { plan: 'pro' }, messageId: 'group-1', timestamp })
analytics.alias({ userId: 'ann', previousId: 'visitor', messageId: 'alias-1', timestamp })
for (let number = 0; number < 25; number++) {
  analytics.track({ userId: `many-${number % 5}`, event: 'Counted', properties: { number } })
}
analytics.closeAndFlush({ timeout: 30000 }).then(() => console.log('flushed'))
