// Writes JUnit while the tests run: each case is in the file as soon as it has ended.
// The Playwright reporter and the Newman launcher use it.
'use strict';

const fs = require('node:fs');
const path = require('node:path');

// Characters that XML 1.0 forbids: most control characters, lone surrogates and two non-characters.
const UNWRITABLE = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\t': '&#9;', '\n': '&#10;', '\r': '&#13;' };

/** Returns the text as the content of an element, without terminal colours. */
function text(value) {
  return clean(value).replace(/[&<>\r]/g, (char) => ESCAPES[char]);
}

/** Returns the text as an attribute's value. Line breaks are escaped, because a parser reads a bare one as a blank. */
function attribute(value) {
  return clean(value).replace(/[&<>"\t\n\r]/g, (char) => ESCAPES[char]);
}

function clean(value) {
  return withoutColours(String(value)).replace(UNWRITABLE, '\u{FFFD}');
}

const withoutColours = (value) => value.replace(ANSI, '');

/** Returns the element `{ name, attributes, children, text }` as XML, without undefined attributes. */
function element({ name, attributes = {}, children = [], text: content }) {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${attribute(value)}"`)
    .join('');
  const inner = (content === undefined ? '' : text(content)) + children.map(element).join('');
  return inner ? `<${name}${written}>${inner}</${name}>` : `<${name}${written}/>`;
}

/** A report of one suite. Each case is written to the file at once. */
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
