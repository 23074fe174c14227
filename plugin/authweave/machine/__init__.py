"""What of this machine everybody may use: its files, its keyring, chance that spreads load, what a fork leaves behind."""
