"""Where the values of inputs come from. One file, one class; the profile never says which."""
