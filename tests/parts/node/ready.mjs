/** How a server written for Node tells the tests where it listens: JSON in the file that PART_READY names. */
import { renameSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';

export const config = JSON.parse(process.env.PART_CONFIG ?? '{}');

export function ready(facts) {
  const file = process.env.PART_READY;
  if (!file) return console.log(JSON.stringify(facts));
  writeFileSync(`${file}.new`, JSON.stringify(facts));
  return renameSync(`${file}.new`, file);
}

/** Listen on loopback, on a free port unless one is wanted; the port. */
export async function listening(server, port = 0) {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}
