"""The outside world, one folder per outside thing: translate values and errors, decide nothing."""
