"""Rill's server. `parts.py` builds it, `routes/` are its doors; the README lists its floors."""
