"""What may stand in a pod's spec, in a Pod or in a workload's template; in the real server's words and order."""
