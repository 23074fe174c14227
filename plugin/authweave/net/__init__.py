"""The network below `authweave.wire`: one file per step of a call, and the values that pass between them."""
