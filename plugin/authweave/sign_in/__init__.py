"""A person in the loop: how a sign-in begins, what is remembered of it, and how it ends with a token.

`begun` is the record of a sign-in, `shelf` keeps it in the store; `links`, `devices` and `three_legs` begin one, `callbacks` and
`issuers` judge what comes back, `polling` asks until a person has answered at a device, `standings` says who has to sign in. `desk` puts it together.
"""

from __future__ import annotations

from authweave.sign_in.begun import Begun
from authweave.sign_in.callbacks import Callback
from authweave.sign_in.desk import Desk, Whose
from authweave.sign_in.shelf import Shelf, row_of_state
from authweave.sign_in.standings import standing, whose
from authweave.sign_in.three_legs import is_without_state, with_state

__all__ = ["Begun", "Callback", "Desk", "Shelf", "Whose", "is_without_state", "row_of_state", "standing", "whose", "with_state"]
