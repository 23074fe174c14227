/**
 * oidc-provider and an API that checks its tokens, over http and (with `tls`) over https.
 *
 * PART_CONFIG is JSON: {"port": 0, "tls": {"certificate": file, "key": file, "port": 0}, "ttl": 600,
 * "scopes": […], "clients": […], "features": {…}}; all of it may be left out. PART_READY names the file that
 * gets {"http": origin, "https": origin} once it answers. Clients come later through `POST /__clients`
 * (`node/ledger.mjs`); what `OWN` lists is a client's own, the rest its metadata (RFC 7591). `tls.ca` asks for client
 * certificates of that authority; `saml` is the certificate and RSA key of who signs SAML assertions.
 *
 * Everything about tokens is decided by oidc-provider; JWT access tokens at the API by express-oauth2-jwt-bearer,
 * assertions by jose and xml-crypto. Ours are the grants that they are presented by (the server's documented
 * extension point) and the API's challenges for opaque tokens.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as http } from 'node:http';
import { createServer as https } from 'node:https';
import express from 'express';
import { Provider } from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';
import LRU from 'oidc-provider/lib/helpers/lru.js';
import { Ledger } from '../node/ledger.mjs';
import { config, listening, ready } from '../node/ready.mjs';
import { api, jwtApi } from './api.mjs';
import { registerAssertionGrants } from './assertions.mjs';
import { samlSignIn } from './saml.mjs';
import { selfSigned } from './self-signed.mjs';
import { accountCredentials } from './vendor-grant.mjs';

const OPAQUE = 'https://api.parts.example/opaque';
const JWT = 'https://api.parts.example/jwt';
const scopes = config.scopes ?? ['openid', 'offline_access', 'api:read', 'api:write', 'asr', 'nlu', 'tts', 'dlg', 'mix-api'];
const stored = new LRU({ maxSize: 100_000 });
const own = new Map();
const issued = new Map();

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const setting = (client, name, otherwise) => own.get(client?.clientId)?.[name] ?? otherwise;
const saml = Object.fromEntries(Object.entries(config.saml ?? {}).map(([name, file]) => [name, readFileSync(file, 'utf8')]));
const OWN = ['ttl', 'rotate', 'grace', 'delay', 'client_auth', 'pkce', 'dpop_nonce', 'offline', 'issuer'];
const ALGORITHMS = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
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
  issueRefreshToken: (ctx, client, code) => (
    client.grantTypeAllowed('refresh_token') && (!setting(client, 'offline', false) || code.scopes.has('offline_access'))
  ),
  pkce: { required: (ctx, client) => setting(client, 'pkce', client.clientAuthMethod === 'none') },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth', 'none'],
  enabledJWA: { clientAuthSigningAlgValues: ALGORITHMS },
  rotateRefreshToken: (ctx) => setting(ctx.oidc.client, 'rotate', true),
  ttl: { AccessToken: ttl, ClientCredentials: ttl, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, IdToken: 600 },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    registration: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: randomBytes(32),
      requireNonce: (ctx) => setting(ctx.oidc.client, 'dpop_nonce', false),
    },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
      certificateAuthorized: (ctx) => ctx.socket.authorized === true,
      certificateSubjectMatches: (ctx, property, expected) => {
        const { subject, subjectAltName } = ctx.socket.getPeerX509Certificate();
        if (property === 'tls_client_auth_subject_dn') return subject.split('\n').reverse().join(',') === expected;
        return (subjectAltName ?? '').split(', ').some((name) => name.slice(name.indexOf(':') + 1) === expected);
      },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => {
        const isMcp = /^http:\/\/127\.0\.0\.1:\d+\/mcp$/.test(resource);
        const accessTokenFormat = { [OPAQUE]: 'opaque', [JWT]: 'jwt' }[resource] ?? (isMcp ? 'opaque' : undefined);
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
    const metadata = Object.fromEntries(Object.entries(client).filter(([name]) => !OWN.includes(name)));
    const grants = metadata.grant_types ?? ['client_credentials'];
    const registered = {
      redirect_uris: [], response_types: grants.includes('authorization_code') ? ['code'] : [],
      token_endpoint_auth_method: client.client_auth ?? 'client_secret_basic', ...metadata, grant_types: grants,
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

/** The client that signs its assertions under this name: `issuer` if it has one, else its client_id. */
function clientWithIssuer(name) {
  return [...own.values()].find((client) => client.issuer === name)?.client_id ?? name;
}

function application(issuer, jwksUri) {
  const provider = new Provider(issuer, configuration);
  const { parameters, handler } = accountCredentials(provider);
  registerAssertionGrants(provider, saml);
  provider.registerGrantType('account_credentials', handler, parameters);
  for (const kind of ['access_token', 'client_credentials', 'refresh_token']) provider.on(`${kind}.saved`, remember);
  provider.on('server_error', (ctx, error) => console.error(error));
  server.providers.push(provider);
  const app = express();
  app.use('/jwt-api', jwtApi({ issuer, jwksUri, audience: JWT }));
  app.use('/api', api(provider));
  app.use('/saml', samlSignIn(saml));
  app.use('/self-signed', selfSigned(provider, { clientWithIssuer }));
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
  if (config.tls.ca) Object.assign(files, { ca: readFileSync(config.tls.ca), requestCert: true, rejectUnauthorized: false });
  facts.https = await serve(https(files), 'https', config.tls.port, `${facts.http}/jwks`);
}
ready({ ...facts, opaque: OPAQUE, jwt: JWT });
