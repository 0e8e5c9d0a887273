'use strict';
// Drives rocketmq-nodejs (a C++ addon): NAMESRV TOPIC LOGS produce|consume. One process each.
const { Producer, PushConsumer } = require('rocketmq-nodejs');
const { report, shortened, until } = require('./report');

const [, , nameServer, topic, logDir, mode] = process.argv;
const options = { nameServer, logDir, logLevel: 'error' };
const REDELIVERY = 90000; // the client looks for its retry topic every thirty seconds

async function produce() {
  const producer = new Producer('PG_NODE', options);
  await producer.start();
  report('send', (await producer.send(topic, 'hello', { keys: 'k1', tags: 'TagA' })).statusStr);
  report('send zlib', (await producer.send(topic, 'x'.repeat(9000), { tags: 'TagB' })).statusStr);
  await producer.shutdown();
}

async function consume() {
  const consumer = new PushConsumer('CG_NODE', options);
  const found = [];
  consumer.subscribe(topic, '*');
  consumer.on('message', (message, ack) => {
    found.push(shortened(message.body || ''));
    ack.done(found.length !== 1);
  });
  await consumer.start();
  // the other one may be there twice as well: a slow client asks again for what it has not ended
  const redelivered = () => found.includes(found[0], 1);
  await until(() => redelivered() && new Set(found).size >= 2, REDELIVERY);
  report('push', [...new Set(found)].sort());
  report('redelivered', redelivered());
  await consumer.shutdown();
}

(mode === 'produce' ? produce() : consume()).then(() => {
  report(`done ${mode}`, true);
  process.exit(0);
}, (error) => {
  report('failed', String(error.stack || error));
  process.exit(1);
});
