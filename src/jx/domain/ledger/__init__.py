"""What was applied: as commits, as records of the cluster, as snapshots; and how a state differs from another."""
