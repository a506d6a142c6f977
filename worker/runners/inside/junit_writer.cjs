// JUnit, written while the tests run: each case is in the file as soon as it is known, so that a reader can follow.
// Used by the Playwright reporter and by the Newman launcher.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

// What XML 1.0 has no way to write: most control characters, lone surrogates and two non-characters.
const UNWRITABLE = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\t': '&#9;', '\n': '&#10;', '\r': '&#13;' };

/** Text as the content of an element, without terminal colours. */
function text(value) {
  return clean(value).replace(/[&<>\r]/g, (char) => ESCAPES[char]);
}

/** Text as the value of an attribute; line breaks are kept, where a bare one would be read as a blank. */
function attribute(value) {
  return clean(value).replace(/[&<>"\t\n\r]/g, (char) => ESCAPES[char]);
}

function clean(value) {
  return withoutColours(String(value)).replace(UNWRITABLE, '\u{FFFD}');
}

const withoutColours = (value) => value.replace(ANSI, '');

/** One element: `{ name, attributes, children, text }`; attributes that are undefined are left out. */
function element({ name, attributes = {}, children = [], text: content }) {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${attribute(value)}"`)
    .join('');
  const inner = (content === undefined ? '' : text(content)) + children.map(element).join('');
  return inner ? `<${name}${written}>${inner}</${name}>` : `<${name}${written}/>`;
}

/** A report with one suite. Every write goes to the file at once and is whole. */
class JUnitWriter {
  constructor(file, suite) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    this._file = fs.openSync(file, 'w');
    this._write(`<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n<testsuite name="${attribute(suite)}">\n`);
  }

  /** `time` is in seconds; `children` are elements. */
  testcase({ classname, name, file, line, time, timestamp, children = [] }) {
    const seconds = time === undefined ? undefined : time.toFixed(3);
    this._write(
      `${element({
        name: 'testcase',
        attributes: { classname, name, file, line, time: seconds, timestamp },
        children,
      })}\n`,
    );
  }

  close() {
    this._write('</testsuite>\n</testsuites>\n');
    fs.closeSync(this._file);
  }

  _write(chunk) {
    const bytes = Buffer.from(chunk, 'utf8');
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(this._file, bytes, done);
    }
  }
}

module.exports = { JUnitWriter, withoutColours };
