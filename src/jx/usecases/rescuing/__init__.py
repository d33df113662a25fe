"""States that proved themselves, the way back to them by itself and by hand."""
