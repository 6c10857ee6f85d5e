"""`python -m efficiency`: the command line."""

import sys

from efficiency.cli import main

sys.exit(main())
