/**
 * Who signs for itself: an API that takes a client's own JWT as bearer token, a token endpoint without client
 * authentication that takes one as grant (as Google's and Salesforce's do), and one that takes it in the
 * Authorization header and answers 201 with `token` and `expires_at` (as GitHub's does). jose judges all three.
 */
import express from 'express';
import { verifiedJwt } from './assertions.mjs';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export function selfSigned(provider, { clientWithIssuer }) {
  const router = express.Router();
  const issuerIs = (iss) => clientWithIssuer(iss);
  const judged = (audience) => async (req, res, next) => {
    const assertion = req.body?.assertion ?? /^Bearer +(\S+)$/i.exec(req.headers.authorization ?? '')?.[1];
    try {
      if (!assertion) throw new Error('no assertion');
      req.judged = await verifiedJwt(provider, assertion, { audience, issuerIs });
      req.partClient = req.judged.client.clientId;
      return next();
    } catch (error) {
      const refusal = { error: req.path === '/token' ? 'invalid_grant' : 'invalid_token', error_description: error.message };
      return res.status(req.path === '/token' ? 400 : 401).set('WWW-Authenticate', `Bearer error="invalid_token"`).json(refusal);
    }
  };
  const tokenFor = async ({ client, payload }) => {
    const token = new provider.ClientCredentials({ client, scope: payload.scope });
    return { value: await token.save(), seconds: token.expiration };
  };
  router.use(express.urlencoded({ extended: false }));
  router.all('/api/me', judged(undefined), (req, res) => res.json({ client_id: req.judged.client.clientId, subject: req.judged.payload.sub ?? null }));
  router.post('/token', (req, res, next) => (
    req.body?.grant_type === JWT_BEARER ? next() : res.status(400).json({ error: 'unsupported_grant_type' })
  ), judged([`${provider.issuer}/self-signed/token`, provider.issuer]), async (req, res) => {
    const { value, seconds } = await tokenFor(req.judged);
    res.json({ access_token: value, token_type: 'Bearer', expires_in: seconds });
  });
  router.post('/app/installations/:id/access_tokens', judged(undefined), async (req, res) => {
    const { value, seconds } = await tokenFor(req.judged);
    res.status(201).json({ token: value, expires_at: new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, '') });
  });
  return router;
}
