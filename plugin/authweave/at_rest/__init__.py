"""What seals stored tokens: `keys` says where keys live, `cipher` seals and opens, `key_text` is the form of a key file."""
