"""A person in the loop: how a sign-in begins, what is remembered of it, and how it ends with a token.

`begun` is the record of a sign-in, `shelf` keeps it in the store. `beginning` makes one by `links`, `devices` or `three_legs`; `completing` takes what comes
back, which `callbacks` and `issuers` judge; `waiting` looks for its end, and by `polling` asks until a person has answered at a device. `desk` has them all, for
one `whose`; `standings` says who has to sign in.
"""

from __future__ import annotations

from authweave.sign_in.begun import Begun
from authweave.sign_in.callbacks import Callback
from authweave.sign_in.desk import Desk
from authweave.sign_in.shelf import Shelf, row_of_state
from authweave.sign_in.standings import sign_in_of, standing
from authweave.sign_in.three_legs import is_without_state, with_state
from authweave.sign_in.whose import Whose

__all__ = ["Begun", "Callback", "Desk", "Shelf", "Whose", "is_without_state", "row_of_state", "sign_in_of", "standing", "with_state"]
