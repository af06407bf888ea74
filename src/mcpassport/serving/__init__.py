"""The processes of `mcpassport serve`: a supervisor that keeps workers running, and the workers.

| file | what it is |
|---|---|
| `supervisor` | the parent: starts workers, replaces them, passes signals on |
| `slot` | the place of one worker, and whoever holds it now |
| `child` | one worker process as its parent sees it |
| `backoff` | how long to wait before a worker that died is started again |
| `listener` | the sockets that workers inherit, so that none is lost between two workers |
| `tls` | certificate and key, looked at before anybody uses them |
| `notice` | what the service manager is told |
| `worker` | the worker process itself |
"""
