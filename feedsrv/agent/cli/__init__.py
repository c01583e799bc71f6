"""The command `feedsrv-agent`; one file per noun, bodies are a call and an echo."""

from __future__ import annotations

from feedsrv.agent.cli.door import agent, main

__all__ = ["agent", "main"]
