import http from 'k6/http';
import { check, group } from 'k6';

export const options = {
  scenarios: {
    customers: { executor: 'shared-iterations', vus: 4, iterations: 60, maxDuration: '1m' },
  },
  thresholds: {
    http_req_failed: ['rate<0.01'],
    http_req_duration: ['p(95)<1000'],
  },
};

const shop = __ENV.BASE_URL;
const json = { headers: { 'Content-Type': 'application/json' } };

export default function () {
  group('browse', () => {
    const products = http.get(`${shop}/api/products?q=mug`);
    check(products, {
      'search answers': (answer) => answer.status === 200,
      'search finds the mug': (answer) => answer.json('0.id') === 'mug',
    });
  });
  group('buy', () => {
    const cart = http.post(`${shop}/api/cart/items`, JSON.stringify({ product: 'mug', count: 2 }), json);
    check(cart, { 'cart takes two mugs': (answer) => answer.status === 201 });
    const order = http.post(`${shop}/api/orders`, JSON.stringify({ name: 'Ada', email: 'ada@example.com' }), json);
    check(order, {
      'order is accepted': (answer) => answer.status === 201,
      'order has the right total': (answer) => answer.json('total') === 2500,
    });
  });
}
