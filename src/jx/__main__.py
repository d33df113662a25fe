"""`python -m jx` is `jx`."""

from jx.cli.main import main

raise SystemExit(main())
