"""The doors: each file a group of routes; `door.py` is the frame around all of them."""
