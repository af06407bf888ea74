"""`mcpassport serve`, with another app in its place where the bench compares parts.

python -m bench.apps.serve mcpassport.serving:serving_app --config FILE --port N
"""

import sys
from unittest import mock

import granian

from mcpassport.cli import serve
from mcpassport.cli.main import main

SHIPPED = "mcpassport.serving:serving_app"


def run() -> None:
    """Run the command as it ships; only the name of the app may be another."""
    app, *arguments = sys.argv[1:]
    sys.argv[1:] = ["serve", *arguments]
    if app == SHIPPED:
        main()
        return

    def other(_shipped: str, **options: object) -> object:
        return granian.Granian(app, **options)  # type: ignore[arg-type]  # the options as they were given

    with mock.patch.object(serve, "Granian", other):
        main()


if __name__ == "__main__":
    run()
