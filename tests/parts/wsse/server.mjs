/** An API behind X-WSSE: npm wsse makes the digest that the password should have, for the nonce and time that came. */
import { createServer } from 'node:http';
import { UsernameToken } from 'wsse';
import { config, listening, ready } from '../node/ready.mjs';

const SKEW = 300_000;
const nonces = new Set();

function problemOf(header, sha1encoding) {
  const said = Object.fromEntries([...header.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  if (!header.startsWith('UsernameToken ') || said.Username !== config.username) return 'no such user';
  if (!(Math.abs(Date.now() - Date.parse(said.Created)) < SKEW)) return 'not created just now';
  if (nonces.has(said.Nonce)) return 'a nonce is good once';
  const { username, password } = config;
  const wanted = new UsernameToken({ username, password, nonce: said.Nonce, created: said.Created, sha1encoding });
  if (wanted.getPasswordDigest() !== said.PasswordDigest) return 'the digest does not fit';
  nonces.add(said.Nonce);
  return null;
}

const server = createServer((req, res) => {
  const encoding = new URL(req.url, 'http://part').searchParams.get('encoding') ?? undefined;
  const problem = problemOf(req.headers['x-wsse'] ?? '', encoding);
  res.writeHead(problem ? 401 : 200, { 'content-type': 'application/json' });
  res.end(JSON.stringify(problem ? { problem } : { user: config.username }));
});

ready({ http: `http://127.0.0.1:${await listening(server)}` });
