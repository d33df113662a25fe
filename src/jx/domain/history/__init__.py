"""Looking back: changes by meaning, blame, proofs, and edits that take a change back."""
