"""Speed and memory, beside their peers: `make bench`, or `python -m benchmarks [NAME...]`.

One module per subject, with one function `run(report)`; `__main__` lists them. A figure that has a peer is shown with the
ratio to it, one that has an aim with whether it is met. Nothing here is a test: figures depend on the machine.
"""
