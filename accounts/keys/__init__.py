"""Keys (docs/api.md § 13): what clients derive theirs with, the envelopes they keep them in, and the way a new device
comes to one. The server keeps and hands out what it cannot open.
"""
