"""Where a new profile comes from: metadata of a provider, another profile, or a form; the text is checked before anybody writes it."""
