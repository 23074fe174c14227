/** Origins of HTTP/2 alone, by Node's own module: each redirects as the path says (`/go/<status>/<location in hex>`), and keeps what it got. */
import { appendFileSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { config, ready } from '../node/ready.mjs';

const tls = { key: readFileSync(config.key), cert: readFileSync(config.certificate), allowHTTP1: false };

function origin(host) {
  const server = createSecureServer(tls);
  server.on('stream', (stream, headers, flags, raw) => {
    const body = [];
    stream.on('data', (piece) => body.push(piece));
    stream.on('error', () => {});
    stream.on('end', () => {
      const { port } = server.address();
      const told = { origin: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, raw, body: Buffer.concat(body).toString('base64') };
      appendFileSync(config.log, `${JSON.stringify(told)}\n`);
      const [, status, location] = /\/go\/(\d{3})\/([0-9a-f]+)/.exec(headers[':path']) ?? [];
      const wants = headers[':path'].startsWith('/digest') && !headers.authorization;
      if (wants) stream.respond({ ':status': 401, 'www-authenticate': config.challenge });
      else if (status) stream.respond({ ':status': Number(status), location: Buffer.from(location, 'hex').toString('latin1') });
      else stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.end(status || wants ? '' : '{}');
    });
    stream.resume();
  });
  return server;
}

async function listening(host, port = 0) {
  const server = origin(host);
  server.listen(port, host);
  await once(server, 'listening');
  return server.address().port;
}

const home = await listening('127.0.0.1');
const other = await listening('127.0.0.1');
await listening('127.0.0.2', home);
await listening('::1', home);
ready({ home: `https://127.0.0.1:${home}`, port: `https://127.0.0.1:${other}`, address: `https://127.0.0.2:${home}`, ipv6: `https://[::1]:${home}` });
