"""The quick way: what is the same for every request is computed once."""

from __future__ import annotations

from authweave import loads
from authweave.clients.quick import is_steady

WOVEN = "\n".join(f"  v{n}: '{{{{ vars.v{n + 1} ~ vars.v{n + 2} }}}}'" for n in range(38))
PROFILE = f"""
format: 1
name: woven
identity_provider: Local
inputs: {{who: {{}}}}
vars:
{WOVEN}
  v38: '{{{{ inputs.who }}}}'
  v39: END
servers: ['https://api.example']
auth: {{type: bearer}}
fields: [{{in: header, key: X-V, value: '{{{{ vars.v0 }}}}'}}]
"""


def test_variables_that_read_many_others_are_looked_at_once():
    """Variables that each read the next two are minutes of work if each is looked at anew: 2^38 times."""
    assert is_steady(loads(PROFILE.replace("END", "plain")))


def test_a_variable_deep_down_that_changes_is_found():
    """One `now()` at the end of the chain makes every request its own."""
    assert not is_steady(loads(PROFILE.replace("END", "'{{ now() }}'")))
