// A shopper's visit, as a service in Node would tell it: fills a cart, then buys.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, userId] = process.argv.slice(2)
const errors = []

async function send(...calls) {
  const analytics = new Analytics({ host, writeKey, maxRetries: 0 })
  analytics.on('error', (error) => errors.push(error))
  for (const [kind, call] of calls) analytics[kind]({ userId, ...call })
  await analytics.closeAndFlush()
}

const cart = { cart_id: 'k1' }
await send(
  ['identify', { traits: { email: 'ada@example.com', marketingConsent: { email: true } } }],
  ['track', { event: 'Product Added', properties: { ...cart, product_id: 'p1', price: 12.5 } }],
)
await send(['track', { event: 'Order Completed', properties: { ...cart, order_id: 'o1' } }])
if (errors.length) throw errors[0]
