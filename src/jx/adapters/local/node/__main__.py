"""`python -m jx.adapters.local.node`: the embedded cluster as one process."""

import sys

from jx.adapters.local.node.daemon import main

sys.exit(main())
