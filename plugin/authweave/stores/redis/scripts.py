"""What has to happen in one step, as Lua scripts that Redis runs one at a time.

All keys of one token carry the same hash tag, so that they lie on one node of a cluster:

    authweave:{<key>}:row      hash: version, data, intent
    authweave:{<key>}:lease    string: its owner; runs out by Redis's clock
    authweave:{<key>}:bell     stream: gets an entry when the lease is given back; those who wait read it, blocking

A script looks at everything before it changes anything, so that a foreign value under one of our names ends it with
WRONGTYPE and nothing changed. A hash that is none of ours (neither version nor intent) counts as foreign, too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

INTENT_MS: Final = 24 * 3600 * 1000
"""How long an intent lives where nothing was ever written: longer than anybody looks for it, and not for ever."""

BELL_MS: Final = 30_000
"""How long a bell is heard: longer than anybody needs from looking at a lease to listening."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script and its digest, by which Redis knows it once it has run."""

    text: str
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())


_VERSION = """
local version = redis.call('HGET', KEYS[1], 'version')
if not version then
  if redis.call('EXISTS', KEYS[1]) == 1 and redis.call('HEXISTS', KEYS[1], 'intent') == 0 then
    return redis.error_reply('WRONGTYPE not a row of authweave')
  end
  version = '0'
end
"""

_RING = f"""
redis.pcall('XADD', KEYS[2], 'MAXLEN', '1', '*', 'free', '1')
redis.pcall('PEXPIRE', KEYS[2], '{BELL_MS}')
"""
"""A full Redis takes no bell: those who wait look again by themselves, and the lease is free all the same."""

WRITE: Final = Script(
    _VERSION
    + """
if version ~= ARGV[1] then
  -- asked again after a broken connection: was it we who wrote?
  if ARGV[4] == '1' and version == ARGV[5] then
    local data = redis.call('HGET', KEYS[1], 'data')
    if (ARGV[6] == '1' and data == ARGV[2]) or (ARGV[6] == '0' and not data) then
      return 1
    end
  end
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[5])
redis.call('HDEL', KEYS[1], 'intent')
if ARGV[6] == '1' then
  redis.call('HSET', KEYS[1], 'data', ARGV[2])
else
  redis.call('HDEL', KEYS[1], 'data')
end
if ARGV[3] == '' then
  redis.call('PERSIST', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
"""
)
"""KEYS row; ARGV version, data, milliseconds to keep or '', is this a second try, next version, is there data."""

INTEND: Final = Script(
    _VERSION
    + f"""
if version ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'intent', ARGV[2])
if version == '0' then
  redis.call('PEXPIRE', KEYS[1], '{INTENT_MS}')
end
return 1
"""
)
"""KEYS row; ARGV version, intent."""

LEASE: Final = Script("""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")
"""KEYS lease; ARGV owner, milliseconds."""

RELEASE: Final = Script(f"""
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
{_RING}
return 1
""")
"""KEYS lease, bell; ARGV owner. A lease that is not there any more (run out, flushed) rings, too: somebody may wait."""

LOOK: Final = Script("""
local left = redis.call('PTTL', KEYS[1])
if left == -2 then
  return {left, ''}
end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', '1')
return {left, last[1] and last[1][1] or '0-0'}
""")
"""KEYS lease, bell. Milliseconds that the lease has left (-2: there is none, -1: no end), and the bell's last entry."""

REMOVE: Final = Script(f"""
{_VERSION}
local holder = redis.call('GET', KEYS[3])
if holder then
  redis.call('DEL', KEYS[3])
  {_RING}
end
return redis.call('DEL', KEYS[1])
""")
"""KEYS row, bell, lease."""

NOTE: Final = Script("""
redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
""")
"""KEYS note; ARGV data, milliseconds. It is read first, since SET would put itself over anything."""
