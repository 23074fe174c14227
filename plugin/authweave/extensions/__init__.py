"""What there is of each kind of extension: how it comes in, what it promises, under which name it is found."""
