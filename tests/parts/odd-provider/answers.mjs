/** How odd providers answer: name → (answer, token) → answer; an answer is {status, headers, members} until something makes a body of it. */
import { XMLBuilder } from 'fast-xml-parser';

const without = (members, ...names) => Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));

const answered = (change) => (answer, token) => (answer.status === 200 ? { ...answer, ...change(answer, token) } : answer);
const members = (change) => answered(({ members: old }, token) => ({ members: change(old, token) }));

export const ANSWERS = {
  'answer-nested': members((old) => ({ data: { token: old.access_token, seconds: old.expires_in, renew: old.refresh_token } })),
  'answer-header': answered(({ headers, members: old }) => ({ status: 201, headers: { ...headers, 'X-Auth-Token': old.access_token }, body: '' })),
  'answer-cookie': answered(({ headers, members: old }) => ({ headers: { ...headers, 'Set-Cookie': `session=${old.access_token}; Path=/; HttpOnly` }, members: { ok: true } })),
  'answer-whole': answered(({ members: old }) => ({ headers: { 'Content-Type': 'text/plain' }, body: old.access_token })),
  'answer-form': answered(({ members: old }) => ({ headers: { 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(old).toString() })),
  'answer-xml': answered(({ members: old }) => ({
    headers: { 'Content-Type': 'application/xml' },
    body: new XMLBuilder({ ignoreAttributes: false }).build({ result: { '@_xmlns': 'urn:odd', session: { token: old.access_token, seconds: old.expires_in } } }),
  })),
  'expires-ms': members((old) => ({ ...without(old, 'expires_in'), expires_ms: old.expires_in * 1000 })),
  'expires-at': members((old) => ({ ...without(old, 'expires_in'), expires_at: new Date(Date.now() + old.expires_in * 1000).toISOString() })),
  'no-expiry': members((old) => without(old, 'expires_in')),
  'access-only': members((old) => without(old, 'refresh_token')),
  instance: members((old, { instance }) => ({ ...old, instance_url: instance })),
  'two-tokens': members((old, { subscription }) => ({ ...old, subscription_key: subscription })),
  'code-0': (answer) => ({
    ...answer,
    status: 200,
    members: answer.status === 200 ? { code: 0, ...answer.members } : { code: 40101, message: answer.members.error, access_token: 'none' },
  }),
};
