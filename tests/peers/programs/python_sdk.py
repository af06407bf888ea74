"""The official Python SDK, 1.x or 2.x."""

from importlib.metadata import version

from tests.peers.programs.steps import AGENT, run

if __name__ == "__main__":
    run(AGENT["session"], version("mcp"))
