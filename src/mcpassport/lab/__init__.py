"""The lab: an upstream of its own process that records every request and answers as it is told.

`python -m mcpassport.lab --port 0` prints one JSON line with its address, and serves until it is
stopped. `server` accepts · `wire` reads and writes HTTP/1.1 · `rules` picks the answer ·
`control` is the interface under `/_lab/` · `faults/` are the ways to deliver an answer.
"""
