'use strict';
// Drives ali-ons against one broker: NAMESRV TOPIC. TOPIC must exist: this client cannot make one.
const { Consumer, Message, Producer } = require('ali-ons');
const { report, shortened, until } = require('./report');

const [, , nameSrv, topic] = process.argv;
const silent = { info() {}, warn() {}, error() {}, debug() {} };
const common = {
  nameSrv,
  logger: silent,
  clientIP: '127.0.0.1',
  pollNameServerInteval: 3000, // spelt as the client spells it
  httpclient: { request() { throw new Error('no http'); } },
};

function consume(group, tags, handle) {
  const consumer = new Consumer({
    consumerGroup: group, rebalanceInterval: 1000, pullInterval: 0, ...common,
  });
  consumer.on('error', () => {}); // it complains until its retry topic has a route
  consumer.subscribe(topic, tags, handle);
  return consumer;
}

async function sendAll() {
  const producer = new Producer({ producerGroup: 'PG_ALI', ...common });
  producer.on('error', () => {});
  await producer.ready();
  const sent = async (name, message, key) => {
    try {
      report(name, (await producer.send(message, key)).sendStatus);
    } catch (error) {
      report(name, error.message.split('\n')[0]);
    }
  };
  const keyed = new Message(topic, 'TagA', 'hello');
  keyed.keys = ['k1', 'k2'];
  const delayed = new Message(topic, 'TagA', 'delay');
  delayed.properties.DELAY = '1';
  await sent('send', keyed);
  await sent('send zlib', new Message(topic, 'TagB', 'x'.repeat(9000)));
  await sent('send delay level 1', delayed);
  await sent('send with a sharding key', new Message(topic, 'TagA', 'shard'), 'key1');
  await sent('send to a new topic', new Message(`${topic}_new`, 'TagA', 'new'));
  return producer;
}

(async () => {
  const producer = await sendAll();
  const all = [];
  const tagA = [];
  const times = [];
  const consumers = [
    consume('CG_ALI_ALL', '*', async (m) => { all.push(shortened(m.body.toString())); }),
    consume('CG_ALI_TAG', 'TagA', async (m) => { tagA.push(m.body.toString()); }),
    consume('CG_ALI_RETRY', 'TagB', async (m) => {
      times.push(m.reconsumeTimes);
      if (times.length === 1) throw new Error('once more, please');
    }),
  ];
  await until(() => all.length >= 4 && tagA.length >= 3 && times.length >= 2, 75000);
  report('push', all.sort());
  report('push TagA', tagA.sort());
  report('retry', times);
  for (const one of [...consumers, producer]) await one.close();
  report('done', true);
  process.exit(0);
})().catch((error) => {
  report('failed', String(error.stack));
  process.exit(1);
});
