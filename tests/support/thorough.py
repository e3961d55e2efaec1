"""How much is tried: what changes are checked with within minutes, or all that there is."""

import os

THOROUGH = bool(os.environ.get("SUPERVISOR_TESTS_THOROUGH"))
