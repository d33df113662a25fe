"""Tekton: runs as PipelineRuns of `tekton.dev/v1`, over the Kubernetes API. The embedded runner is spoken to by the very same."""
