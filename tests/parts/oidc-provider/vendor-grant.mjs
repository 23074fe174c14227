/**
 * A vendor's grant, as some have it: the client names an account and gets an access and a refresh token, without
 * anybody to consent. From then on the refresh token is the server's own: rotation, reuse detection, revocation.
 * Tokens are bound to the key of a DPoP proof, the refresh token of a public client too (RFC 9449 §5).
 */
import { errors } from 'oidc-provider';
import validateDpop, { checkDpopReplay } from 'oidc-provider/lib/helpers/validate_dpop.js';

export function accountCredentials(provider) {
  const { AccessToken, Grant, RefreshToken } = provider;

  async function handler(ctx, next) {
    const { client, params } = ctx.oidc;
    if (!params.account_id) throw new errors.InvalidRequest('account_id is missing');
    if (params.account_id === 'unknown') throw new errors.InvalidGrant('no such account');
    const proof = await validateDpop(provider, ctx);
    await checkDpopReplay(provider, ctx, proof, client.clientId);
    const scope = params.scope || 'api:read';
    const grant = new Grant({ accountId: params.account_id, clientId: client.clientId });
    grant.addOIDCScope(scope);
    const shared = { accountId: params.account_id, client, gty: 'account_credentials', grantId: await grant.save(), scope };
    const accessToken = new AccessToken(shared);
    const refreshToken = new RefreshToken({ ...shared, rotations: 0 });
    if (proof) accessToken.setThumbprint('jkt', proof.thumbprint);
    if (proof && client.clientAuthMethod === 'none') refreshToken.setThumbprint('jkt', proof.thumbprint);
    const access_token = await accessToken.save();
    const refresh_token = await refreshToken.save();
    ctx.body = { access_token, refresh_token, expires_in: accessToken.expiration, token_type: accessToken.tokenType, scope };
    if (next) await next();
  }

  return { handler, parameters: ['account_id', 'scope'] };
}
