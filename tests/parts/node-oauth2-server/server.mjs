/**
 * @node-oauth/oauth2-server under Express: it reads Basic client credentials as they are (RFC 7617), without the
 * form-decoding of RFC 6749 §2.3.1. Its own code parses, checks grants and scopes, rotates, and guards the API;
 * ours is the storage behind it.
 *
 * PART_CONFIG is JSON: {"port": 0}. Clients come through `POST /__clients` (`node/ledger.mjs`).
 */
import { createServer } from 'node:http';
import OAuthServer from '@node-oauth/express-oauth-server';
import express from 'express';
import { Ledger } from '../node/ledger.mjs';
import { config, listening, ready } from '../node/ready.mjs';

const USER = { username: 'robot', password: 'pässwörd: +%/' };
const clients = new Map();
const tokens = new Map();
const refreshTokens = new Map();

const model = {
  async getClient(id, secret) {
    const client = clients.get(id);
    return client && (secret === null || secret === client.client_secret) ? client.known : false;
  },
  async getUserFromClient(client) {
    return { id: client.id };
  },
  async getUser(username, password) {
    return username === USER.username && password === USER.password ? { id: username } : false;
  },
  async validateScope(user, client, scope) {
    const allowed = client.scope;
    return (scope ?? allowed).every((one) => allowed.includes(one)) ? scope ?? allowed : false;
  },
  async saveToken(token, client, user) {
    const saved = { ...token, client, user };
    tokens.set(token.accessToken, saved);
    if (token.refreshToken) refreshTokens.set(token.refreshToken, saved);
    return saved;
  },
  async getAccessToken(value) {
    return tokens.get(value);
  },
  async getRefreshToken(value) {
    return refreshTokens.get(value);
  },
  async revokeToken(token) {
    return refreshTokens.delete(token.refreshToken);
  },
  async verifyScope(token, scope) {
    return scope.every((one) => token.scope.includes(one));
  },
};

const server = {
  async add(client) {
    const known = {
      id: client.client_id,
      grants: client.grant_types ?? ['client_credentials'],
      scope: (client.scope ?? 'api:read api:write').split(' '),
      accessTokenLifetime: client.ttl ?? 600,
    };
    clients.set(client.client_id, { ...client, known });
  },
  async kill(clientId, refreshToo) {
    for (const kept of [tokens, ...(refreshToo ? [refreshTokens] : [])]) {
      for (const [value, token] of kept) if (token.client.id === clientId) kept.delete(value);
    }
  },
};

const oauth = new OAuthServer({ model });
const app = express();
app.use(express.urlencoded({ extended: false }));
app.post('/token', oauth.token());
for (const [path, scope] of [['/me'], ['/read', 'api:read'], ['/write', 'api:write']]) {
  const judged = oauth.authenticate({ allowBearerTokensInQueryString: true, ...(scope && { scope }) });
  app.all(`/api${path}`, judged, (req, res) => {
    const { client, scope: granted } = res.locals.oauth.token;
    res.json({ client_id: client.id, scope: granted.join(' '), method: req.method });
  });
}

const made = createServer(new Ledger({ tokenPath: '/token', server }).before(app));
ready({ http: `http://127.0.0.1:${await listening(made, config.port)}` });
