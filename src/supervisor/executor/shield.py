"""Imported by the fork server alone, before anything else: it is loaded faster, and outlives a signal to its group.

Python looks for garbage after every 700 new objects. Importing makes half a million that stay, so a tenth of the start
went into looking at them again and again. Executors inherit the threshold.

`timeout` and process managers signal the whole process group. The supervisor then ends in order, and needs its fork
server until it has; executors give SIGTERM its meaning back.
"""

import gc
import signal

gc.set_threshold(50_000)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
