"""Files as text: YAML as Go reads it, edits that keep every other byte, merges of three versions."""
