"""Who applies what was merged, and when not: heads of branches, holds, drift."""
