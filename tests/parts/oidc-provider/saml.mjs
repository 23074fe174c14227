/** SAML assertions: a company's sign-in that makes them (`GET /saml/assertion?subject=…&audience=…&seconds=…`), and their judge. xml-crypto signs and verifies. */
import { randomUUID } from 'node:crypto';
import { DOMParser } from '@xmldom/xmldom';
import express from 'express';
import { SignedXml } from 'xml-crypto';

const ASSERTION = 'urn:oasis:names:tc:SAML:2.0:assertion';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';

/** The subject of a signed assertion for this audience: only what the signature covers is read. */
export function verifiedSaml(encoded, { certificate, audience }) {
  const xml = Buffer.from(encoded, 'base64url').toString('utf8');
  const [signature] = elements(parsed(xml), DSIG, 'Signature');
  if (!signature) throw new Error('not signed');
  const judge = new SignedXml({ publicCert: certificate });
  judge.loadSignature(signature);
  if (!judge.checkSignature(xml)) throw new Error('the signature does not fit');
  const signed = parsed(judge.getSignedReferences()[0]);
  const [conditions] = elements(signed, ASSERTION, 'Conditions');
  if (elements(signed, ASSERTION, 'Audience')[0]?.textContent !== audience) throw new Error('another audience');
  if (new Date(conditions.getAttribute('NotOnOrAfter')) < new Date()) throw new Error('expired');
  return elements(signed, ASSERTION, 'NameID')[0].textContent;
}

export function samlSignIn({ certificate, key }) {
  const router = express.Router();
  router.get('/assertion', (req, res) => {
    const { subject, audience, seconds = 300 } = req.query;
    res.type('text/plain').send(Buffer.from(signed(written(subject, audience, Number(seconds)), { certificate, key })).toString('base64url'));
  });
  return router;
}

function written(subject, audience, seconds) {
  const at = (offset) => new Date(Date.now() + offset * 1000).toISOString();
  return `<saml:Assertion xmlns:saml="${ASSERTION}" ID="_${randomUUID()}" Version="2.0" IssueInstant="${at(0)}">`
    + `<saml:Issuer>https://idp.parts.example</saml:Issuer><saml:Subject><saml:NameID>${subject}</saml:NameID></saml:Subject>`
    + `<saml:Conditions NotBefore="${at(-5)}" NotOnOrAfter="${at(seconds)}"><saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience>`
    + '</saml:AudienceRestriction></saml:Conditions></saml:Assertion>';
}

function signed(xml, { certificate, key }) {
  const signer = new SignedXml({
    privateKey: key, publicCert: certificate, canonicalizationAlgorithm: EXCLUSIVE,
    signatureAlgorithm: 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  });
  signer.addReference({
    xpath: "//*[local-name(.)='Assertion']", digestAlgorithm: 'http://www.w3.org/2001/04/xmlenc#sha256',
    transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', EXCLUSIVE],
  });
  signer.computeSignature(xml);
  return signer.getSignedXml();
}

function parsed(xml) {
  return new DOMParser({ onError: (level, message) => { throw new Error(message); } }).parseFromString(xml, 'text/xml');
}

function elements(node, namespace, name) {
  return Array.from(node.getElementsByTagNameNS(namespace, name));
}
