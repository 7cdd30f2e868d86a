// A shop without a server: what it sells is here, the cart lives as long as the tab, and anyone may log in as anyone.
'use strict'

// Until the tracking script is there, what is said to it waits in a list.
window.personalize = window.personalize || new Proxy({ q: [] }, { get: (stub, name) => name === 'q' ? stub.q : (...values) => stub.q.push([name, ...values]) })

const products = [
  { product_id: 'shoe', name: 'Trail Shoe', price: 129.9, category: 'Shoes' },
  { product_id: 'tent', name: 'Light Tent', price: 349, category: 'Tents' },
  { product_id: 'lamp', name: 'Head Lamp', price: 39.5, category: 'Light' }
]
const at = id => document.getElementById(id)
const element = (name, text, attributes = {}) => {
  const made = document.createElement(name)
  made.textContent = text
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

let cart = JSON.parse(sessionStorage.getItem('cart') || '[]')
const total = () => cart.reduce((sum, line) => sum + line.price * line.quantity, 0)
const showCart = () => {
  sessionStorage.setItem('cart', JSON.stringify(cart))
  at('cart').replaceChildren(...cart.map(line => {
    const item = element('li', `${line.quantity} × ${line.name} `)
    // Clicks that need nothing but their own words are told by attributes.
    const button = element('button', 'Remove', { type: 'button', 'data-track': 'Product Removed', 'data-track-product_id': line.product_id, 'data-track-quantity': line.quantity })
    button.onclick = () => {
      cart = cart.filter(other => other !== line)
      showCart()
    }
    item.append(button)
    return item
  }))
  at('total').value = total().toFixed(2)
}
const add = product => {
  const line = cart.find(one => one.product_id === product.product_id)
  if (line) line.quantity++
  else cart.push({ ...product, quantity: 1 })
  showCart()
  window.personalize.track('Product Added', { ...product, quantity: 1, url: location.href })
}

const view = product => {
  const button = element('button', 'Add to cart', { type: 'button' })
  button.onclick = () => add(product)
  at('product').replaceChildren(element('h2', product.name), element('p', `${product.category}, ${product.price.toFixed(2)} EUR`), button)
  at('product').hidden = false
  history.pushState(null, '', `?product=${product.product_id}`)
  window.personalize.track('Product Viewed', product)
}
at('products').append(...products.map(product => {
  const item = element('li', '')
  const button = element('button', product.name, { type: 'button' })
  button.onclick = () => view(product)
  item.append(button)
  return item
}))

at('checkout').onsubmit = event => {
  event.preventDefault()
  if (cart.length === 0) return
  const order = { order_id: `o-${Date.now()}`, total: Number(total().toFixed(2)), currency: 'EUR', products: cart }
  window.personalize.track('Order Completed', order)
  cart = []
  showCart()
  at('ordered').textContent = `Thank you: ${order.order_id}`
}

const showWho = () => {
  const who = sessionStorage.getItem('who')
  at('who').textContent = who ? `Logged in as ${who}` : 'Not logged in'
  at('logout').hidden = !who
}
at('login').onsubmit = event => {
  event.preventDefault()
  const form = event.target.elements
  const email = form.email.value.trim().toLowerCase()
  sessionStorage.setItem('who', email)
  // In a real shop the customer's id comes from its server, with the answer to the log-in.
  window.personalize.identify(email, { email, first_name: form.first_name.value || undefined })
  if (form.mails.checked) window.personalize.consent({ email: true })
  window.personalize.track('Signed In')
  event.target.reset()
  showWho()
}
at('logout').onclick = () => {
  window.personalize.track('Signed Out')
  window.personalize.reset()
  sessionStorage.removeItem('who')
  showWho()
}

at('question').onsubmit = event => event.preventDefault()

at('banner').hidden = localStorage.getItem('asked') !== null
const answer = method => () => {
  localStorage.setItem('asked', method)
  window.personalize[method]()
  at('banner').hidden = true
}
at('accept').onclick = answer('optIn')
at('decline').onclick = answer('optOut')

showCart()
showWho()
