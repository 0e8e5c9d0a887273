'use strict';

/** Prints what one check found, a JSON object on one line; the test knows what is right. */
exports.report = (check, found) => console.log(JSON.stringify({ check, found }));

exports.sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A long body as its first letter and its length. */
exports.shortened = (body) => (body.length > 100 ? `${body[0]}*${body.length}` : body);

/** Waits until `done()`, then a little longer: one message too many would show. */
exports.until = async (done, milliseconds) => {
  const end = Date.now() + milliseconds;
  while (!done() && Date.now() < end) await exports.sleep(50);
  await exports.sleep(400);
};
