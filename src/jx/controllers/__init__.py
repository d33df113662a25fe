"""Queue and loops: level-triggered, keys only, no decisions."""
