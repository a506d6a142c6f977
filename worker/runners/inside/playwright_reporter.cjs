// A Playwright reporter that writes JUnit to $JUNIT_FILE while the tests finish. Playwright's own writes one file at the
// end, so nothing of a run that is stopped would be left. Retries are written as Surefire writes them: `flakyFailure`
// for each failed try of a test that passed in the end; `failure` for the first and `rerunFailure` for each further try
// of one that never did.
'use strict';

const path = require('node:path');
const collection = require('./collection.cjs');
const { JUnitWriter, withoutColours } = require('./junit_writer.cjs');

// Surefire's difference: an expectation that did not hold is a failure, anything else that broke is an error. A wait of
// Playwright's is an expectation in disguise, and so is a test's own time.
const kind = (result) =>
  result.status === 'interrupted' || (result.status === 'failed' && !isExpectation(result.error)) ? 'Error' : 'Failure';
const isExpectation = (error) =>
  !error || /\bexpect\b|AssertionError|Timeout .*exceeded/i.test(withoutColours(error.message ?? ''));

const seconds = (result) => result.duration / 1000;

/** What broke in a few lines: locator, expected and received, without Playwright's log of its waiting, and the line. */
function message(error, otherwise) {
  const told = withoutColours(error?.message ?? error?.value ?? otherwise).split(/\n\s*Call log:/i, 1)[0];
  const lines = told.split('\n').filter((line) => line.trim());
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

  /** Called with the tests of all shards. An older Playwright does not call it: then nothing is written of them. */
  async preprocess({ config, suite }) {
    this._collected = sharded(config, suite);
  }

  onBegin(config, suite) {
    this._root = config.rootDir;
    this._suite = suite;
    this._open();
    const file = process.env.COLLECTION_FILE;
    // What failed last time is picked out after the shard has been cut, from a list that each shard has of its own.
    if (file && config.shard?.total > 1 && this._collected && !process.argv.some((word) => /^--last-failed/.test(word))) {
      collection.write(file, { collected: this._collected, selected: sharded(config, suite) });
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
    for (const test of this._suite?.allTests() ?? []) {
      // A test that a stopped run left out has no verdict yet: it gets one when its shard is tried again.
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
    const told = failedAtLast(test) ? failures(test)[0] : test.results.at(-1);
    const file = path.relative(this._root, test.location.file).split(path.sep).join('/');
    this._junit.testcase({
      classname: file,
      name: caseName(test),
      file,
      line: test.location.line,
      time: told && seconds(told),
      timestamp: test.results[0]?.startTime.toISOString(),
      children: [...verdict(test), ...output(test, path.dirname(this._file))],
    });
  }
}

/** The ids of the tests that shards divide among them: those of setup and teardown projects run in each shard. */
function sharded(config, suite) {
  const shared = new Set(config.projects.flatMap(({ dependencies, teardown }) => [...dependencies, teardown]));
  return suite
    .allTests()
    .filter((test) => !shared.has(test.parent.project()?.name))
    .map((test) => `${path.relative(config.rootDir, test.location.file)} › ${caseName(test)}`);
}

/** "[chromium] Cart › adds a product": the name that Playwright's own reports give it. */
function caseName(test) {
  const [, project, , ...titles] = test.titlePath();
  const repeat = test.repeatEachIndex ? ` (repeat ${test.repeatEachIndex + 1})` : '';
  return `${project ? `[${project}] ` : ''}${titles.join(' › ')}${repeat}`;
}

/** Whether this end of a test may not be its last: it is retried, or a whole serial group around it is. */
function mayRunAgain(test, result) {
  if (!test.retries || result.status === 'interrupted') {
    return false;
  }
  for (let suite = test.parent; suite; suite = suite.parent) {
    // There is no public way to ask. Without this field a passed test of a group that is retried is merely told early.
    if (suite._parallelMode === 'serial') {
      return true;
    }
  }
  return result.status !== test.expectedStatus && result.status !== 'skipped' && result.retry < test.retries;
}

/** The tries that went wrong; a try that failed as expected did not. */
const failures = (test) =>
  test.results.filter(({ status }) => status !== test.expectedStatus && status !== 'skipped');

/** Whether no try was good in the end. A serial group skips the rest of a try whose earlier tests fail. */
const failedAtLast = (test) => {
  const last = test.results.findLast(({ status }) => status !== 'skipped');
  return last !== undefined && last.status !== test.expectedStatus;
};

/** What became of a test, in the elements of Surefire; none for a test that passed at once. */
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

/** Every error of a try: a soft assertion or a broken fixture leaves more than one. */
function details(result) {
  return result.errors
    .map((error) => [error.stack ?? error.message ?? error.value, error.snippet].filter(Boolean).join('\n\n'))
    .join('\n\n');
}

/** The files of all tries, each as a line that tells where it lies from the report's own folder. */
function output(test, folder) {
  const files = test.results.flatMap(({ attachments }) => attachments).filter((attachment) => attachment.path);
  const lines = files.map((attachment) => `[[ATTACHMENT|${path.relative(folder, attachment.path)}]]`);
  return lines.length ? [{ name: 'system-out', text: lines.join('\n') }] : [];
}

module.exports = StreamingJUnit;
