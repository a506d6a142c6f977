// A Playwright reporter that writes JUnit to $JUNIT_FILE as tests finish. Playwright's own JUnit reporter writes at the
// end, so a stopped run would leave no report. Tries have Surefire's format: `flakyFailure` for each failed try of a test
// that passed in the end; else `failure` for the first try and `rerunFailure` for each further one.
'use strict';

const path = require('node:path');
const collection = require('./collection.cjs');
const { JUnitWriter, withoutColours } = require('./junit_writer.cjs');

// As in Surefire, an expectation that did not hold is a failure, and any other problem is an error. A timeout of a
// Playwright wait or of the test itself counts as an expectation.
const kind = (result) =>
  result.status === 'interrupted' || (result.status === 'failed' && !isExpectation(result.error)) ? 'Error' : 'Failure';
const isExpectation = (error) =>
  !error || /\bexpect\b|AssertionError|Timeout .*exceeded/i.test(withoutColours(error.message ?? ''));

const seconds = (result) => result.duration / 1000;

/** Returns the error in a few lines: locator, expected, received and the failing line, without Playwright's call log. */
function message(error, otherwise) {
  const shown = withoutColours(error?.message ?? error?.value ?? otherwise).split(/\n\s*Call log:/i, 1)[0];
  const lines = shown.split('\n').filter((line) => line.trim());
  const failing = withoutColours(error?.snippet ?? '')
    .split('\n')
    .find((line) => /^\s*> ?\d+ \|/.test(line));
  return [...lines.slice(0, 10), ...(failing ? [failing.trim()] : [])].join('\n');
}

class StreamingJUnit {
  constructor() {
    this._file = process.env.JUNIT_FILE;
    this._written = new Set();
  }

  printsToStdio() {
    return false;
  }

  /** Playwright calls this with the tests of all shards. An older Playwright does not, and no collection is written. */
  async preprocess({ config, suite }) {
    this._collected = sharded(config, suite);
  }

  onBegin(config, suite) {
    this._root = config.rootDir;
    this._suite = suite;
    this._open();
    this._selected = sharded(config, suite);
    const file = process.env.COLLECTION_FILE;
    // `--last-failed` selects after sharding, from a list of this shard alone, so shards can't be compared.
    if (file && config.shard?.total > 1 && this._collected && !process.argv.some((word) => /^--last-failed/.test(word))) {
      collection.write(file, { collected: this._collected, selected: this._selected });
    }
  }

  onTestEnd(test, result) {
    if (!mayRunAgain(test, result)) {
      this._write(test);
    }
  }

  onError(error) {
    this._open();
    this._junit.testcase({
      classname: 'playwright',
      name: 'error outside any test',
      children: [
        {
          name: 'error',
          attributes: { message: message(error, 'error'), type: 'Error' },
          text: error.stack ?? error.message ?? error.value ?? '',
        },
      ],
    });
  }

  onEnd(result) {
    this._open();
    const tests = this._suite?.allTests() ?? [];
    // After `maxFailures` or a failed setup project, tests have no result. Their cases are skipped ones.
    if (process.env.COLLECTION_FILE && this._selected && tests.some((test) => !test.results.length)) {
      const [collected, selected] = [this._collected ?? this._selected, this._selected];
      collection.write(process.env.COLLECTION_FILE, { collected, selected, complete: false });
    }
    for (const test of tests) {
      // A test that a stopped run left out has no result yet. The next attempt of the shard runs it.
      if (test.results.length || result.status !== 'interrupted') {
        this._write(test);
      }
    }
    this._junit.close();
  }

  _open() {
    this._junit ??= new JUnitWriter(this._file, 'playwright');
  }

  _write(test) {
    if (this._written.has(test)) {
      return;
    }
    this._written.add(test);
    const shown = failedAtLast(test) ? failures(test)[0] : test.results.at(-1);
    const file = path.relative(this._root, test.location.file).split(path.sep).join('/');
    this._junit.testcase({
      classname: file,
      name: caseName(test),
      file,
      line: test.location.line,
      time: shown && seconds(shown),
      timestamp: test.results[0]?.startTime.toISOString(),
      children: [...verdict(test), ...output(test, path.dirname(this._file))],
    });
  }
}

/** Returns the ids of the tests that shards divide. Tests of setup and teardown projects run in each shard. */
function sharded(config, suite) {
  const shared = new Set(config.projects.flatMap(({ dependencies, teardown }) => [...dependencies, teardown]));
  return suite
    .allTests()
    .filter((test) => !shared.has(test.parent.project()?.name))
    .map((test) => `${path.relative(config.rootDir, test.location.file)} › ${caseName(test)}`);
}

/** Returns the name as in Playwright's own reports, such as "[chromium] Cart › adds a product". */
function caseName(test) {
  const [, project, , ...titles] = test.titlePath();
  const repeat = test.repeatEachIndex ? ` (repeat ${test.repeatEachIndex + 1})` : '';
  return `${project ? `[${project}] ` : ''}${titles.join(' › ')}${repeat}`;
}

/** Returns whether the test may run again, because Playwright retries it or the serial group around it. */
function mayRunAgain(test, result) {
  if (!test.retries || result.status === 'interrupted') {
    return false;
  }
  for (let suite = test.parent; suite; suite = suite.parent) {
    // Playwright has no public field for it. Without this one, a passed test of a retried group is only written early.
    if (suite._parallelMode === 'serial') {
      return true;
    }
  }
  return result.status !== test.expectedStatus && result.status !== 'skipped' && result.retry < test.retries;
}

/** Returns the failed tries. A try that failed as expected is not one. */
const failures = (test) =>
  test.results.filter(({ status }) => status !== test.expectedStatus && status !== 'skipped');

/** Returns whether the last try failed, without skipped ones. A serial group skips the tests after a failed one. */
const failedAtLast = (test) => {
  const last = test.results.findLast(({ status }) => status !== 'skipped');
  return last !== undefined && last.status !== test.expectedStatus;
};

/** Returns the result of a test as Surefire's elements: none for a test that passed in its first try. */
function verdict(test) {
  if (!test.results.length) {
    return [{ name: 'skipped', attributes: { message: 'did not run' } }];
  }
  const bad = failures(test);
  if (failedAtLast(test)) {
    const [first, ...others] = bad;
    return [
      { name: kind(first).toLowerCase(), attributes: about(first, test), text: details(first) },
      ...others.map((result) => retry(`rerun${kind(result)}`, result, test)),
    ];
  }
  if (test.results.every(({ status }) => status === 'skipped')) {
    const reason = test.annotations.find(({ type, description }) => description && /^(skip|fixme)$/.test(type));
    return [{ name: 'skipped', attributes: { message: reason?.description } }];
  }
  return bad.map((result) => retry(`flaky${kind(result)}`, result, test));
}

function retry(name, result, test) {
  return {
    name,
    attributes: { ...about(result, test), time: seconds(result).toFixed(3) },
    children: [{ name: 'stackTrace', text: details(result) }],
  };
}

function about(result, test) {
  const otherwise = test.expectedStatus === 'failed' ? 'expected to fail, but passed' : result.status;
  const [type] = /^\w*Error\b/.exec(withoutColours(result.error?.message ?? '')) ?? [];
  return { message: message(result.error, otherwise), type: result.status === 'timedOut' ? 'TimeoutError' : type };
}

/** Returns all errors of a try. Soft assertions and broken fixtures can cause several. */
function details(result) {
  return result.errors
    .map((error) => [error.stack ?? error.message ?? error.value, error.snippet].filter(Boolean).join('\n\n'))
    .join('\n\n');
}

/** Returns one line for each file of all tries, with its path relative to the report's folder. */
function output(test, folder) {
  const files = test.results.flatMap(({ attachments }) => attachments).filter((attachment) => attachment.path);
  const lines = files.map((attachment) => `[[ATTACHMENT|${path.relative(folder, attachment.path)}]]`);
  return lines.length ? [{ name: 'system-out', text: lines.join('\n') }] : [];
}

module.exports = StreamingJUnit;
