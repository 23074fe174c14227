/**
 * oidc-provider and an API that checks its tokens, over http and (with `tls`) over https.
 *
 * PART_CONFIG is JSON: {"port": 0, "tls": {"certificate": file, "key": file, "port": 0}, "ttl": 600,
 * "scopes": […], "clients": […], "features": {…}}; all of it may be left out. PART_READY names the file that
 * gets {"http": origin, "https": origin} once it answers. Clients come later through `POST /__clients`
 * (`node/ledger.mjs`); `ttl`, `rotate`, `grace` and `delay` are a client's own.
 *
 * Everything about tokens is decided by oidc-provider; JWT access tokens at the API by express-oauth2-jwt-bearer.
 * Ours are the vendor grant (the server's documented extension point) and the API's challenges for opaque tokens.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as http } from 'node:http';
import { createServer as https } from 'node:https';
import express from 'express';
import { Provider } from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import LRU from 'oidc-provider/lib/helpers/lru.js';
import { Ledger } from '../node/ledger.mjs';
import { config, listening, ready } from '../node/ready.mjs';
import { accountCredentials } from './vendor-grant.mjs';
import { api, jwtApi } from './api.mjs';

const OPAQUE = 'https://api.parts.example/opaque';
const JWT = 'https://api.parts.example/jwt';
const scopes = config.scopes ?? ['openid', 'offline_access', 'api:read', 'api:write', 'asr', 'nlu', 'tts', 'dlg', 'mix-api'];
const stored = new LRU({ maxSize: 100_000 });
const own = new Map();
const issued = new Map();

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const setting = (client, name, otherwise) => own.get(client?.clientId)?.[name] ?? otherwise;
const ttl = (ctx, token, client) => setting(client, 'ttl', config.ttl ?? 600);

/** Some servers forgive that a refresh token is used again soon after it rotated: `grace` seconds, counted from its first use. */
class Adapter extends MemoryAdapter {
  async find(id) {
    const found = await super.find(id);
    const grace = this.model === 'RefreshToken' && found?.consumed ? setting(found, 'grace', 0) : 0;
    return grace && Date.now() / 1000 < found.consumed + grace ? { ...found, consumed: undefined } : found;
  }
}

const configuration = {
  adapter: (name) => new Adapter(name, stored),
  clients: config.clients ?? [],
  scopes,
  jwks: { keys: [{ ...key, kid: 'part', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['only for tests'] },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: (ctx) => setting(ctx.oidc.client, 'rotate', true),
  ttl: { AccessToken: ttl, ClientCredentials: ttl, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, IdToken: 600 },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => {
        const accessTokenFormat = { [OPAQUE]: 'opaque', [JWT]: 'jwt' }[resource];
        if (!accessTokenFormat) throw new Error(`no resource server ${resource}`);
        return { scope: scopes.join(' '), audience: resource, accessTokenFormat, accessTokenTTL: undefined };
      },
    },
    ...config.features,
  },
};

/** Where two providers (http, https) of this process add and end what the tests ask for: they share one storage. */
const server = {
  providers: [],
  async add(client) {
    const { ttl: _, rotate, grace, delay, client_auth, ...metadata } = client;
    const grants = metadata.grant_types ?? ['client_credentials'];
    const registered = {
      redirect_uris: [], response_types: grants.includes('authorization_code') ? ['code'] : [],
      token_endpoint_auth_method: client_auth ?? 'client_secret_basic', ...metadata, grant_types: grants,
    };
    const [{ Client }] = this.providers;
    await Client.adapter.upsert(client.client_id, registered);
    own.set(client.client_id, client);
    await Client.find(client.client_id);
  },
  async kill(clientId, refreshToo) {
    for (const token of issued.get(clientId) ?? []) {
      if (refreshToo || token.kind !== 'RefreshToken') {
        await token.destroy();
        issued.get(clientId).delete(token);
      }
    }
  },
};

function remember(token) {
  if (!issued.has(token.clientId)) issued.set(token.clientId, new Set());
  issued.get(token.clientId).add(token);
}

function application(issuer, jwksUri) {
  const provider = new Provider(issuer, configuration);
  const { parameters, handler } = accountCredentials(provider);
  provider.registerGrantType('account_credentials', handler, parameters);
  for (const kind of ['access_token', 'client_credentials', 'refresh_token']) provider.on(`${kind}.saved`, remember);
  provider.on('server_error', (ctx, error) => console.error(error));
  server.providers.push(provider);
  const app = express();
  app.use('/jwt-api', jwtApi({ issuer, jwksUri, audience: JWT }));
  app.use('/api', api(provider));
  app.use(provider.callback());
  return app;
}

/** Listen first, for the issuer holds the port; answer when the provider stands. */
async function serve(made, scheme, port, jwksUri) {
  const issuer = `${scheme}://127.0.0.1:${await listening(made, port)}`;
  made.on('request', ledger.before(application(issuer, jwksUri ?? `${issuer}/jwks`)));
  return issuer;
}

const ledger = new Ledger({ tokenPath: '/token', server });
const facts = { http: await serve(http(), 'http', config.port) };
if (config.tls) {
  const files = { cert: readFileSync(config.tls.certificate), key: readFileSync(config.tls.key) };
  facts.https = await serve(https(files), 'https', config.tls.port, `${facts.http}/jwks`);
}
ready({ ...facts, opaque: OPAQUE, jwt: JWT });
