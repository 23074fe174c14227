/** Two task APIs: opaque tokens are looked up at the provider, JWT ones are judged by express-oauth2-jwt-bearer. */
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { checkBinding } from './bound.mjs';

const me = (judged) => (req, res) => res.json({ ...judged(req), method: req.method, path: req.path });

/** /me wants a token; /read and /write a scope too (api:read, api:write). Challenges as RFC 6750 §3 and RFC 9449 §7 spell them. */
export function api(provider) {
  const router = express.Router();
  router.use(express.urlencoded({ extended: false }));
  router.use(async (req, res, next) => {
    const [value, via, ...more] = presented(req);
    if (more.length) return refuse(res, 400, { error: 'invalid_request', error_description: 'more than one token' });
    if (!value) return refuse(res, 401, {});
    const { AccessToken, ClientCredentials } = provider;
    const scheme = req.headers.authorization?.split(' ')[0].toLowerCase();
    const token = (await ClientCredentials.find(value)) ?? (await AccessToken.find(value));
    if (!token) return refuse(res, 401, { error: 'invalid_token', error_description: 'unknown, expired or revoked' });
    try {
      await checkBinding(provider, req, res, { token, value, scheme });
    } catch (error) {
      if (!error.parameters) throw error;
      return refuse(res, 401, error.parameters, token.jkt ? 'DPoP' : 'Bearer');
    }
    req.token = { client_id: token.clientId, account_id: token.accountId, scope: token.scope ?? '', via };
    return next();
  });
  const scoped = (scope) => (req, res, next) => (
    req.token.scope.split(' ').includes(scope) ? next() : refuse(res, 403, { error: 'insufficient_scope', scope })
  );
  const answer = me((req) => req.token);
  router.all('/me', answer);
  router.all('/read', scoped('api:read'), answer);
  router.all('/write', scoped('api:write'), answer);
  return router;
}

/** The same paths for JWT access tokens. */
export function jwtApi({ issuer, jwksUri, audience }) {
  const router = express.Router();
  router.use(express.urlencoded({ extended: false }), auth({ issuer, jwksUri, audience, tokenSigningAlg: 'RS256' }));
  const answer = me((req) => ({ client_id: req.auth.payload.client_id, scope: req.auth.payload.scope ?? '' }));
  router.all('/me', answer);
  router.all('/read', requiredScopes('api:read'), answer);
  router.all('/write', requiredScopes('api:write'), answer);
  router.use((error, req, res, next) => {
    if (!error.headers) return next(error);
    return res.status(error.status).set(error.headers).json({ error: error.code ?? null });
  });
  return router;
}

/** [value, place] of each token in the request, flat: RFC 6750 §2 allows one. */
function presented(req) {
  const header = /^(?:Bearer|DPoP) +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1];
  const places = { header, body: req.body?.access_token, query: req.query.access_token };
  return Object.entries(places).flatMap(([via, value]) => (value ? [value, via] : []));
}

function refuse(res, status, parameters, scheme = 'Bearer') {
  const words = Object.entries({ realm: 'parts', ...parameters }).map(([name, value]) => `${name}="${value}"`);
  res.status(status).set('WWW-Authenticate', `${scheme} ${words.join(', ')}`).json(parameters);
}
