"""The embedded runner: takes PipelineRuns of `tekton.dev/v1` from the Kubernetes API, as Tekton's controller does.

It makes TaskRuns and pods of steps, and writes the status that Tekton would write; the node runs the pods. Everything it knows is
in the API, so it may die at any moment. `plan` and `deciding` are pure; `runs` reads and writes; `runner` is the loop.
"""
