"""What a person takes along: JSON that can be brought back (`ours.py`), Markdown to read (`markdown.py`), and the name of
the file (`filename.py`). Reads rows; changes none. Never in it: the key, recordings of the wire.
"""
