// Records the tests that a shard collected and selected, for the comparison with the other shards.
'use strict';

const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const MODULUS = 1n << 256n;

/** Returns the number of ids and the sum of their SHA-256. A sum depends on no order, and disjoint parts add up. */
function tests(ids) {
  let total = 0n;
  for (const id of ids) {
    total += BigInt(`0x${createHash('sha256').update(id, 'utf8').digest('hex')}`);
  }
  return { count: ids.length, digest: (total % MODULUS).toString(16).padStart(64, '0') };
}

/**
 * Writes the record and, for people, a sorted list of the collected ids. Each file is replaced atomically. `complete` is
 * false if the tool stopped before it had run all selected tests.
 */
function write(file, { collected, selected, complete = true }) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const lines = collected.map((id) => `${JSON.stringify(id).slice(1, -1)}\n`).sort();
  replace(file.replace(/\.json$/, '.txt'), lines.join(''));
  replace(file, JSON.stringify({ version: 1, collected: tests(collected), selected: tests(selected), ...(complete ? {} : { complete }) }));
}

function replace(file, text) {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`);
  fs.writeFileSync(temporary, text);
  fs.renameSync(temporary, file);
}

module.exports = { write };
