/**
 * What a server saw: every request with its answer, and counts per client. It stands before the server,
 * knows nothing of it, and reads only what goes over the wire. The same in Python: `wsgi/ledger.py`.
 *
 * A server that knows better whose request it is says so in `req.partClient`.
 *
 *   GET    /__counts?client_id=…     {"token": 3, "granted": 2, "invalid_grant": 1, "api": 5, "api_401": 1, …}
 *   GET    /__requests?client_id=…   [{kind, method, target, headers, body, status, error, client_id}, …]
 *   DELETE /__counts?client_id=…     forget them
 *   POST   /__clients                a client as JSON; what `server.add` answers
 *   POST   /__kill                   {"client_id", "refresh"}: its access tokens die (and its refresh tokens)
 *   POST   /__lose                   {"client_id", "answers": n}: its next n token answers are cut off after the
 *                                    server has acted
 */
const LIMIT = 20_000;

export class Ledger {
  #seen = [];
  #clients = new Map();
  #owners = new Map();

  constructor({ tokenPath, server }) {
    this.tokenPath = tokenPath;
    this.server = server;
  }

  /** The request listener that counts, then lets `next` answer. */
  before(next) {
    return (req, res) => {
      const { pathname, searchParams } = new URL(req.url, 'http://part');
      if (pathname.startsWith('/__')) return void this.#admin(req, res, pathname, searchParams);
      this.#watch(req, res, pathname);
      return next(req, res);
    };
  }

  #watch(req, res, pathname) {
    const [sent, answered] = [[], []];
    const push = req.push;
    req.push = (chunk, encoding) => {
      if (chunk) sent.push(Buffer.from(chunk));
      return push.call(req, chunk, encoding);
    };
    const { write, end } = res;
    res.write = (chunk, ...rest) => {
      answered.push(Buffer.from(chunk));
      return write.call(res, chunk, ...rest);
    };
    res.end = (chunk, ...rest) => {
      if (chunk && typeof chunk !== 'function') answered.push(Buffer.from(chunk));
      const client = this.#record(req, res, pathname, Buffer.concat(sent), Buffer.concat(answered));
      const finish = () => (this.#isLost(pathname, client) ? req.socket.destroy() : end.call(res, chunk, ...rest));
      if (this.#isToken(pathname) && client?.delay) setTimeout(finish, client.delay * 1000);
      else finish();
      return res;
    };
  }

  #isLost(pathname, client) {
    if (!this.#isToken(pathname) || !(client?.lose > 0)) return false;
    client.lose -= 1;
    return true;
  }

  /** `/token`, and `/some/way/token` where the same server has several. */
  #isToken(pathname) {
    return pathname.endsWith(this.tokenPath);
  }

  #record(req, res, pathname, sent, answered) {
    const body = sent.toString('utf8');
    const answer = parsed(answered);
    const kind = this.#isToken(pathname) ? 'token' : pathname.includes('api') ? 'api' : 'other';
    const client_id = kind === 'api' ? this.#ownerOf(req, body) : this.#clientOf(req, body);
    if (kind === 'token' && answer?.access_token) this.#owners.set(answer.access_token, client_id);
    this.#seen.push({
      kind, client_id, method: req.method, target: req.url, headers: pairs(req.rawHeaders), body,
      status: res.statusCode, error: typeof answer?.error === 'string' ? answer.error : null,
    });
    if (this.#seen.length > LIMIT) this.#seen.shift();
    return this.#clients.get(client_id);
  }

  #clientOf(req, body) {
    if (req.partClient) return req.partClient;
    const [scheme, credentials] = (req.headers.authorization ?? '').split(' ');
    const form = new URLSearchParams(body).get('client_id') ?? '';
    if (scheme?.toLowerCase() !== 'basic' || !credentials) return form;
    const id = Buffer.from(credentials, 'base64').toString('utf8').split(':')[0];
    return [id, formDecoded(id)].find((known) => this.#clients.has(known)) ?? '';
  }

  #ownerOf(req, body) {
    if (req.partClient) return req.partClient;
    const header = (req.headers.authorization ?? '').split(' ')[1];
    const query = new URL(req.url, 'http://part').searchParams.get('access_token');
    return this.#owners.get(header ?? query ?? new URLSearchParams(body).get('access_token')) ?? '';
  }

  async #admin(req, res, pathname, query) {
    const client = query.get('client_id');
    const mine = (seen) => client === null || seen.client_id === client;
    try {
      const wanted = parsed(await whole(req));
      if (req.method === 'DELETE') this.#seen = this.#seen.filter((seen) => !mine(seen));
      else if (pathname === '/__counts') return json(res, counted(this.#seen.filter(mine)));
      else if (pathname === '/__requests') return json(res, this.#seen.filter(mine));
      else if (pathname === '/__clients') return json(res, await this.#add(wanted));
      else if (pathname === '/__kill') await this.server.kill(wanted.client_id, wanted.refresh ?? false);
      else if (pathname === '/__lose') this.#clients.get(wanted.client_id).lose = wanted.answers;
      else return json(res, { error: 'no such thing' }, 404);
      return json(res, {});
    } catch (error) {
      return json(res, { error: String(error?.error_description ?? error) }, 400);
    }
  }

  async #add(client) {
    await this.server.add(client);
    this.#clients.set(client.client_id, { ...client, lose: 0 });
    this.#seen = this.#seen.filter((seen) => seen.client_id !== client.client_id);
    return client;
  }
}

function counted(seen) {
  const counts = {};
  const add = (name) => { counts[name] = (counts[name] ?? 0) + 1; };
  for (const { kind, status, error } of seen) {
    add(kind);
    if (kind === 'token') add(status === 200 ? 'granted' : error ?? `status_${status}`);
    if (kind === 'api') add(`api_${status}`);
  }
  return counts;
}

function pairs(raw) {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i], raw[2 * i + 1]]);
}

function parsed(bytes) {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

function formDecoded(text) {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

async function whole(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function json(res, value, status = 200) {
  res.writeHead(status, { 'content-type': 'application/json' });
  res.end(JSON.stringify(value));
}
