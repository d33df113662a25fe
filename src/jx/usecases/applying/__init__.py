"""From a plan to the cluster, the anchor and the ledger; one way for all who apply."""
