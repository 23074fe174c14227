/**
 * Providers with odd ways: the path names them (`/json,answer-nested/token`), `requests.mjs` and `answers.mjs` have them.
 * What is asked in such a way, and in no other, goes on in the standard form to @node-oauth/oauth2-server, which decides
 * about clients, codes, grants, scopes and tokens; what it answers is dressed up as such a provider does.
 *
 *   /{ways}/token      /{ways}/authorize (agrees without asking)      /{ways}/api/me     POST /{ways}/nonce
 *
 * Clients come through `POST /__clients` (`node/ledger.mjs`).
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import OAuthServer from '@node-oauth/oauth2-server';
import express from 'express';
import { Ledger } from '../node/ledger.mjs';
import { config, listening, ready } from '../node/ready.mjs';
import { ANSWERS } from './answers.mjs';
import { form, newNonce, READERS, Refused, WAYS } from './requests.mjs';

const { AbstractGrantType, InvalidGrantError, Request, Response } = OAuthServer;
const USER = { id: 'robot', username: 'robot', password: 'pässwörd: +%/' };
const clients = new Map();
const consents = new Set();
const [tokens, refreshTokens, codes] = [new Map(), new Map(), new Map()];

const model = {
  async getClient(id, secret) {
    const client = clients.get(id);
    const fits = client && (client.client_auth === 'none' || secret === null || secret === client.client_secret);
    return fits ? client.known : false;
  },
  async getUserFromClient(client) { return { id: client.id }; },
  async getUser(username, password) { return username === USER.username && password === USER.password ? USER : false; },
  async validateScope(user, client, scope) {
    return (scope ?? client.scope).every((one) => client.scope.includes(one)) ? scope ?? client.scope : false;
  },
  async saveToken(token, client, user) {
    const saved = { ...token, client, user, instance: `${origin}/at-${randomBytes(6).toString('hex')}`, subscription: randomBytes(12).toString('hex') };
    tokens.set(token.accessToken, saved);
    if (token.refreshToken) refreshTokens.set(token.refreshToken, saved);
    return saved;
  },
  async getAccessToken(value) { return tokens.get(value); },
  async getRefreshToken(value) { return refreshTokens.get(value); },
  async revokeToken(token) { return refreshTokens.delete(token.refreshToken); },
  async saveAuthorizationCode(code, client, user) {
    const saved = { ...code, client, user };
    codes.set(code.authorizationCode, saved);
    return saved;
  },
  async getAuthorizationCode(code) { return codes.get(code); },
  async revokeAuthorizationCode(code) { return codes.delete(code.authorizationCode); },
};

/** A living token of the client for another one, with `resource` for another API: the library's own extension point. */
class Exchange extends AbstractGrantType {
  async handle(request, client) {
    const old = await model.getAccessToken(request.body.access_token);
    if (!old || old.client.id !== client.id || old.accessTokenExpiresAt < new Date()) throw new InvalidGrantError('no living token');
    const scope = old.scope;
    const token = { accessToken: await this.generateAccessToken(client, old.user, scope), accessTokenExpiresAt: this.getAccessTokenExpiresAt(), scope };
    return model.saveToken({ ...token, resource: request.body.resource }, client, old.user);
  }
}

const server = {
  async add(client) {
    const grants = client.grant_types ?? ['client_credentials'];
    const scope = (client.scope ?? 'api:read api:write').split(' ');
    clients.set(client.client_id, { ...client, known: {
      id: client.client_id, grants: [...grants, 'exchange'], redirectUris: client.redirect_uris ?? [], scope, accessTokenLifetime: client.ttl ?? 600,
    } });
  },
  async kill(clientId, refreshToo) {
    for (const kept of [tokens, ...(refreshToo ? [refreshTokens] : [])]) {
      for (const [value, token] of kept) if (token.client.id === clientId) kept.delete(value);
    }
  },
};

const oauth = new OAuthServer({ model, allowExtendedTokenAttributes: true });

async function granted(parameters, ways, asked) {
  const public_ = clients.get(parameters.client_id)?.client_auth === 'none';
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '1', 'transfer-encoding': 'chunked' };
  if (asked.headers.authorization && !parameters.client_secret) headers.authorization = asked.headers.authorization;
  const request = new Request({ method: 'POST', headers, query: {}, body: parameters });
  const grants = ['client_credentials', 'password', 'refresh_token', 'authorization_code', 'exchange'];
  const token = await oauth.token(request, new Response({ headers: {} }), {
    extendedGrantTypes: { exchange: Exchange },
    requireClientAuthentication: Object.fromEntries(grants.map((grant) => [grant, !public_])),
    alwaysIssueNewRefreshToken: !ways.includes('no-rotation'),
  });
  const seconds = Math.round((token.accessTokenExpiresAt - Date.now()) / 1000);
  const members = { access_token: token.accessToken, token_type: 'Bearer', expires_in: seconds, scope: token.scope?.join(' ') };
  return { token, members: { ...members, ...(token.refreshToken && { refresh_token: token.refreshToken }) } };
}

const chosen = (ways, table) => ways.filter((way) => way in table).map((way) => table[way]);

async function tokenCall(req, res) {
  const ways = req.params.ways.split(',');
  const asked = { method: req.method, headers: req.headers, query: req.query, body: req.body ?? '' };
  let answer = { status: 200, headers: { 'Content-Type': 'application/json' } };
  let token;
  try {
    let parameters = (chosen(ways, READERS)[0] ?? form)(asked);
    if (!ofTenant(ways, clients.get(parameters.client_id))) throw new Refused('unknown_client', 401);
    for (const way of chosen(ways, WAYS)) parameters = await way(parameters, asked, { clients, consents });
    req.partClient = parameters.client_id ?? basicUser(req);
    ({ token, members: answer.members } = await granted(parameters, ways, asked));
  } catch (error) {
    answer = { ...answer, status: error.status ?? error.code ?? 400, members: { error: error.error ?? error.name ?? 'invalid_request' } };
  }
  for (const dress of chosen(ways, ANSWERS)) answer = dress(answer, token);
  res.writeHead(answer.status, answer.headers).end(answer.body ?? JSON.stringify(answer.members));
}

/** `tenant-acme` knows the clients of the tenant acme only. */
function ofTenant(ways, client) {
  const tenant = ways.find((way) => way.startsWith('tenant-'));
  return !tenant || tenant === `tenant-${client?.tenant}`;
}

function basicUser(req) {
  const user = Buffer.from((req.headers.authorization ?? '').split(' ')[1] ?? '', 'base64').toString('utf8').split(':')[0];
  return clients.has(user) ? user : undefined;
}

/** Everybody is signed in as the robot and agrees. */
async function authorize(req, res) {
  const ways = req.params.ways.split(',');
  let query = { ...req.query };
  if (ways.includes('consented')) {
    if (!clients.has(query.client_id)) return res.status(400).json({ error: 'unauthorized_client' });
    consents.add(query.tenant_hint);
    const back = new URLSearchParams({ admin_consent: 'True', tenant: query.tenant_hint, state: query.state });
    return res.redirect(`${query.redirect_uri}?${back}`);
  }
  if (ways.includes('renamed')) {
    const { appid, callback, client_id, redirect_uri, ...rest } = query;
    query = { ...rest, client_id: appid, redirect_uri: callback };
  }
  if (ways.includes('offline') && query.access_type !== 'offline') return res.status(400).json({ error: 'access_type is missing' });
  if (ways.includes('strict') && query.code_challenge) return res.status(400).json({ error: 'code_challenge is not known here' });
  if (ways.includes('comma')) {
    if (/[ +]/.test(query.scope ?? '')) return res.status(400).json({ error: 'scopes are separated by commas' });
    query.scope = query.scope?.replaceAll(',', ' ');
  }
  const request = new Request({ method: 'GET', headers: {}, query, body: {} });
  const response = new Response({ headers: {} });
  const options = { authenticateHandler: { handle: () => USER }, enablePlainPKCE: true };
  const code = await oauth.authorize(request, response, options).catch((error) => (response.headers.location ? null : error));
  if (!response.headers.location) return res.status(400).json({ error: code.name, error_description: code.message });
  const target = new URL(response.headers.location);
  if (ways.includes('renamed') && target.searchParams.has('code')) {
    target.searchParams.set('auth_code', target.searchParams.get('code'));
    target.searchParams.delete('code');
  }
  if (ways.includes('company')) target.searchParams.set('realmId', code.client.id.replace(/\W/g, ''));
  return res.redirect(target.href);
}

/** `/me` wants a token as these ways have it. */
async function api(req, res) {
  const ways = req.params.ways.split(',');
  const cookie = /(?:^|; )session=([^;]+)/.exec(req.headers.cookie ?? '')?.[1];
  const value = ways.includes('answer-cookie') ? cookie : ways.includes('answer-header') ? req.headers['x-auth-token'] : bearer(req);
  const request = new Request({ method: 'GET', headers: value ? { authorization: `Bearer ${value}` } : {}, query: {} });
  const token = await oauth.authenticate(request, new Response({ headers: {} })).catch(() => null);
  req.partClient = (token ?? tokens.get(value))?.client.id;
  if (!token || !fits(ways, token, req)) {
    const status = Number(ways.find((way) => way.startsWith('expired-'))?.slice('expired-'.length) ?? 401);
    return res.status(status).json({ error: 'expired', code: 419 });
  }
  return res.json({ client_id: token.client.id, error: null });
}

const bearer = (req) => /^Bearer (.+)$/i.exec(req.headers.authorization ?? '')?.[1];

function fits(ways, token, req) {
  if (!ofTenant(ways, clients.get(token.client.id))) return false;
  if (ways.includes('files') && token.resource !== 'files') return false;
  if (ways.includes('two-tokens') && req.headers['x-subscription-key'] !== token.subscription) return false;
  const at = ways.find((way) => way.startsWith('at-'));
  if (at && token.instance !== `${origin}/${at}`) return false;
  const company = ways.find((way) => way.startsWith('company-'));
  return !company || company === `company-${token.client.id.replace(/\W/g, '')}`;
}

const app = express();
app.use(express.text({ type: () => true }));
app.all('/:ways/token', tokenCall);
app.get('/:ways/authorize', authorize);
app.post('/:ways/nonce', (req, res) => res.json({ nonce: newNonce() }));
app.all('/:ways/api/me', api);

const made = createServer();
const origin = `http://127.0.0.1:${await listening(made, config.port)}`;
made.on('request', new Ledger({ tokenPath: '/token', server }).before(app));
ready({ http: origin });
