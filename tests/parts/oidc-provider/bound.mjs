/** Is a token used by the one it was given to? DPoP proofs (RFC 9449) are judged by oidc-provider's own code, certificates by their thumbprint. */
import validateDpop, { checkDpopReplay } from 'oidc-provider/lib/helpers/validate_dpop.js';
import certificateThumbprint from 'oidc-provider/lib/helpers/certificate_thumbprint.js';

class Refused extends Error {
  constructor(parameters) {
    super(parameters.error);
    this.parameters = parameters;
  }
}

/** Throws `Refused` unless what the request brings fits what `token` is bound to. `scheme` is that of the Authorization header. */
export async function checkBinding(provider, req, res, { token, value, scheme }) {
  const proof = await proofOf(provider, req, res, { token, value });
  if (token.jkt && scheme !== 'dpop') throw new Refused({ error: 'invalid_token', error_description: 'bound by DPoP, not a bearer token' });
  if ((token.jkt ?? null) !== (proof?.thumbprint ?? null)) throw new Refused({ error: 'invalid_token', error_description: 'failed jkt verification' });
  const bound = token['x5t#S256'];
  const certificate = bound && req.socket.getPeerX509Certificate?.();
  if (bound && (!certificate || certificateThumbprint(certificate) !== bound)) {
    throw new Refused({ error: 'invalid_token', error_description: 'failed x5t#S256 verification' });
  }
}

async function proofOf(provider, req, res, { token, value }) {
  if (!token.jkt && !req.get('DPoP')) return undefined;
  const ctx = {
    method: req.method,
    get: (name) => req.get(name) ?? '',
    set: (name, text) => res.set(name, text),
    assert: (good, error) => { if (!good) throw error; },
    oidc: { provider, route: 'api', client: { clientId: token.clientId }, urlFor: () => `${provider.issuer}${req.baseUrl}${req.path}` },
  };
  try {
    const proof = await validateDpop(provider, ctx, value);
    await checkDpopReplay(provider, ctx, proof, token.clientId);
    return proof;
  } catch (error) {
    if (!error.error) throw error;
    throw new Refused({ error: error.error, error_description: error.error_description });
  }
}
