"""Who changed what, why an object is as it is, and taking it back."""
