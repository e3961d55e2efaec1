"""Imported by the fork server alone, before anything else: it outlives a signal to the supervisor's process group.

`timeout` and process managers signal the whole group. The supervisor then ends in order, and needs its fork server
until it has; executors give SIGTERM its meaning back.
"""

import signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
