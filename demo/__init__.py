"""The whole story, told by running it: `make demo`."""
