"""What a person brings along: our own exports (`ours.py`) and ChatGPT's `conversations.json` (`chatgpt.py`).

    bytes -> document.py finds the conversations in them -> ours.py / chatgpt.py make drafts -> draft.py checks the tree
          -> files.py stores what files came along -> rows.py writes it -> taking.py does it one by one, and tells the feed

Nothing in a file is trusted: every id is made anew, every value is checked or left out. It asks no upstream.
"""
