// Runs Newman's own command line with three additions:
//   - It runs only the top-level items of the collection that belong to this shard.
//   - It copies the process's environment into Postman's, so that no argv contains a secret.
//   - It writes JUnit to $JUNIT_FILE as requests finish. Newman's own JUnit omits requests without a response and
//     scripts that threw, so that a failed run could look green.
//
// usage: node newman_run.cjs <newman's script> <indexes of the top-level items, or "all"> run <collection> …
'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { JUnitWriter } = require('./junit_writer.cjs');

// Variables that describe the machine and not the system under test stay hidden from the collection.
const MACHINE =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|TERM|PWD|OLDPWD|SHLVL|_|CI|(https?|no)_proxy|SSL_CERT_.*|REQUESTS_CA_BUNDLE|NODE_.*|JAVA_HOME|PLAYWRIGHT_.*|K6_.*|PYTEST_.*|NPM_CONFIG_.*)$/i;

function environment() {
  const values = Object.entries(process.env).filter(([name]) => !MACHINE.test(name));
  if (process.env.BASE_URL) {
    values.push(['baseUrl', process.env.BASE_URL]); // the usual name in Postman collections
  }
  return values.map(([key, value]) => ({ key, value }));
}

/** Returns the collection with only the given top-level items, and with its scripts, variables and auth. */
function part(file, indexes) {
  const collection = JSON.parse(fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  return { ...collection, item: collection.item.filter((_, index) => indexes.has(index)) };
}

/** Returns the path of folders and request, such as "Cart / Add a product", without the collection's name. */
function fullName(item) {
  const names = [];
  for (let node = item; node && node.parent(); node = node.parent()) {
    names.unshift(node.name || node.id);
  }
  return names.join(' / ');
}

const problem = (kind, error) => ({
  name: kind,
  attributes: { message: error.message || String(error), type: error.name || 'Error' },
  text: error.stack || String(error),
});

/** Writes one case for each assertion, and one for each request that had an error or no assertion. */
function report(emitter, junit) {
  let current;

  const finish = () => {
    if (!current) {
      return;
    }
    const { item, seconds, assertions, errors, timestamp } = current;
    current = undefined;
    const request = fullName(item);
    for (const { name, children } of assertions) {
      junit.testcase({ classname: request, name, time: seconds, timestamp, children });
    }
    if (errors.length || !assertions.length) {
      // The error of the request itself. Its assertions are cases of their own.
      junit.testcase({ name: request, time: seconds, timestamp, children: errors.slice(0, 1) });
    }
  };

  emitter.on('beforeItem', (_, { item }) => {
    finish();
    current = { item, assertions: [], errors: [], timestamp: new Date().toISOString() };
  });
  emitter.on('request', (error, { response }) => {
    if (error) {
      current?.errors.push(problem('error', error));
    }
    if (current && response) {
      current.seconds = (current.seconds ?? 0) + response.responseTime / 1000;
    }
  });
  emitter.on('script', (error) => {
    if (error) {
      current?.errors.push(problem('error', error));
    }
  });
  emitter.on('assertion', (error, { assertion, skipped }) => {
    const children = skipped ? [{ name: 'skipped' }] : error ? [problem('failure', error)] : [];
    current?.assertions.push({ name: assertion, children });
  });
  emitter.on('item', finish);
  emitter.on('done', finish);
}

const [script, shard, ...args] = process.argv.slice(2);
const cli = fs.realpathSync(script);
const newman = require(path.resolve(path.dirname(cli), '..'));
const run = newman.run;
newman.run = (options, done) => {
  const collection =
    shard === 'all' ? options.collection : part(options.collection, new Set(shard.split(',').map(Number)));
  const envVar = [...(options.envVar ?? []), ...environment()];
  const junit = new JUnitWriter(process.env.JUNIT_FILE, 'newman');
  const emitter = run({ ...options, collection, envVar }, (error, summary) => {
    const broken = error ?? summary.run.error; // an error of the run itself, such as a missing environment file
    if (broken) {
      junit.testcase({ name: 'newman', children: [problem('error', broken)] });
    }
    junit.close();
    done(error, summary);
  });
  report(emitter, junit);
  return emitter;
};
require(cli)([process.argv[0], script, ...args]);
