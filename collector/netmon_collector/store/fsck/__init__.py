"""Looks at every byte of a store's folder, and changes nothing."""
