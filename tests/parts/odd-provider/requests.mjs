/** How odd providers want to be asked: each way reads only its own form, and gives the standard one to the server that decides. */
import { verify } from '@octokit/webhooks-methods';
import { XMLParser } from 'fast-xml-parser';

export class Refused extends Error {
  constructor(error, status = 400) {
    super(error);
    Object.assign(this, { error, status });
  }
}

const need = (good, error = 'invalid_request', status = 400) => { if (!good) throw new Refused(error, status); };
const is = (asked, type) => (asked.headers['content-type'] ?? '').split(';')[0].trim() === type;
const nonces = new Set();

/** Where the parameters are: name → (asked) → parameters. Without one of these: a form by POST. */
export const READERS = {
  json: (asked) => json(asked),
  nested: (asked) => json(asked).auth ?? {},
  query: (asked) => { need(asked.method === 'POST', 'method', 405); return { ...asked.query }; },
  get: (asked) => { need(asked.method === 'GET', 'method', 405); return { ...asked.query }; },
  xml: (asked) => { need(is(asked, 'application/xml'), 'unsupported_media_type', 415); return new XMLParser({ parseTagValue: false }).parse(asked.body).login ?? {}; },
};

export function form(asked) {
  need(asked.method === 'POST', 'method', 405);
  need(is(asked, 'application/x-www-form-urlencoded'), 'unsupported_media_type', 415);
  return Object.fromEntries(new URLSearchParams(asked.body));
}

function json(asked) {
  need(is(asked, 'application/json'), 'unsupported_media_type', 415);
  const body = JSON.parse(asked.body);
  need(body && typeof body === 'object');
  return body;
}

/** What else is odd: name → (parameters, asked, context) → parameters. */
export const WAYS = {
  renamed: ({ client_key, client_code, auth_code, client_id, client_secret, code, ...rest }) => (
    { ...rest, client_id: client_key, client_secret: client_code, ...(auth_code && { code: auth_code }) }
  ),
  gateway: (parameters, asked) => { need(asked.headers['x-gateway-key'] === 'gateway-7', 'forbidden', 403); return parameters; },
  audience: (parameters) => { need(parameters.audience === 'crm', 'invalid_target'); return parameters; },
  'secret-as-user': (parameters, asked, { clients }) => {
    const [user, password] = Buffer.from((asked.headers.authorization ?? '').split(' ')[1] ?? '', 'base64').toString('utf8').split(':');
    const client = [...clients.values()].find(({ client_secret }) => user && client_secret === user);
    need(client && password === '', 'invalid_client', 401);
    return { ...parameters, client_id: client.client_id, client_secret: user };
  },
  nonce: (parameters) => {
    need(nonces.delete(parameters.nonce), 'invalid_nonce');
    return parameters;
  },
  signed: async (parameters, asked, { clients }) => {
    const secret = clients.get(parameters.client_id)?.client_secret;
    const said = asked.headers['x-signature'];
    need(secret && said && await verify(secret, asked.body, said), 'invalid_signature', 401);
    return { ...parameters, client_secret: secret };
  },
  'no-refresh': (parameters) => { need(parameters.grant_type !== 'refresh_token', 'unsupported_grant_type'); return parameters; },
  'only-refresh': (parameters) => { need(parameters.grant_type === 'refresh_token', 'unsupported_grant_type'); return parameters; },
  renew: ({ mode, renew_token, refresh_token, ...rest }) => {
    need(!refresh_token);
    return mode === 'renew' ? { ...rest, grant_type: 'refresh_token', refresh_token: renew_token } : rest;
  },
  consented: (parameters, asked, { consents }) => { need(consents.has(parameters.tenant), 'consent_required'); return parameters; },
};

export function newNonce() {
  const nonce = crypto.randomUUID();
  nonces.add(nonce);
  return nonce;
}
