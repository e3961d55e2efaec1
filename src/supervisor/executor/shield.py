"""Imported by the fork server alone, before anything else: how it is loaded, and which ends it outlives.

Python looks for garbage after every 700 new objects. Importing makes half a million that stay, so a tenth of the start
went into looking at them again and again. Executors inherit the threshold.

`timeout` and process managers signal the whole process group. The supervisor then ends in order, and needs its fork
server until it has; executors give SIGTERM its meaning back.

It ends by itself when its supervisor does, unless it is stopped: then nobody would know of it any more.
"""

import gc
import signal

from supervisor.locks.processes import end_with_starter

gc.set_threshold(50_000)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end_with_starter()
