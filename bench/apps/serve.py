"""`mcpassport serve`, with another worker in its place where the bench compares parts.

python -m bench.apps.serve mcpassport.serving.worker --config FILE --port N
"""

import sys
from unittest import mock

from mcpassport.cli.main import main
from mcpassport.serving import child


def run() -> None:
    """Run the command as it ships; only the module of the worker may be another."""
    worker, *arguments = sys.argv[1:]
    sys.argv[1:] = ["serve", *arguments]
    with mock.patch.object(child, "WORKER", worker):
        main()


if __name__ == "__main__":
    run()
