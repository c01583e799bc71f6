"""A server in memory, or in one JSON file, for the agent's tests: held to the same contract as IIS."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from feedsrv.agent.action_json import write_action
from feedsrv.agent.ports import AdapterError, NameTakenError, Presence, Sight, Target, Undo
from feedsrv.model.action import AppPool, DoNothing, Service, UrlRewrite

Rules = dict[str, dict[str, str]]
"""By place, then by name: what the rule does."""


@dataclass
class MemoryHost:
    """Rules by place and name, and what runs. With a `file` it survives the death of its process."""

    rules: Rules = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    """Pools and services that do not run."""
    disabled: set[str] = field(default_factory=set)
    """Places where a child configuration clears all rules."""
    failing: set[str] = field(default_factory=set)
    """Names that cannot be changed."""
    read_only: set[str] = field(default_factory=set)
    """Places that cannot be changed."""
    one_name_once: bool = False
    """Refuse a name that stands at another place already, as IIS does below it."""
    file: Path | None = None
    done: list[str] = field(default_factory=list)
    """What was really changed, in order."""

    def __post_init__(self) -> None:
        if self.file is not None and self.file.exists():
            held = json.loads(self.file.read_text())
            self.rules, self.stopped = held["rules"], set(held["stopped"])

    def look(self, target: Target) -> Sight:
        """Say what is there now."""
        match target.action:
            case DoNothing():
                return Sight(Presence.PRESENT, "nothing to change")
            case AppPool(pool=name) | Service(service=name):
                started = Presence.CHANGED if target.ours else Presence.ABSENT
                presence = Presence.PRESENT if name in self.stopped else started
                return Sight(presence, f"{name} is {'stopped' if name in self.stopped else 'running'}")
            case UrlRewrite() as action:
                return self._look_at_rule(target, action)

    def _look_at_rule(self, target: Target, action: UrlRewrite) -> Sight:
        spot = self._spot(action)
        mine = spot.get(target.rule_name)
        wanted = _behaviour(action)
        if mine == wanted:
            is_off = str(action.place) in self.disabled
            return Sight(Presence.DISABLED if is_off else Presence.PRESENT, f"in memory, {action.place}")
        if mine is not None:
            return Sight(
                Presence.CHANGED if target.ours else Presence.CONFLICT, f"{target.rule_name} is another"
            )
        same = next((name for name, what in spot.items() if what == wanted), None)
        if self.one_name_once and target.rule_name in self.names():
            return Sight(Presence.CONFLICT, f"{target.rule_name} stands at another place")
        if same is not None:
            return Sight(Presence.PRESENT, f"{same} does the same")
        return Sight(Presence.ABSENT, f"no rule in {action.place}")

    def capture(self, target: Target) -> Undo:
        """Return how to get back to what is there now."""
        match target.action:
            case DoNothing():
                return {"before": "nothing"}
            case AppPool(pool=name) | Service(service=name):
                return {"before": "stopped" if name in self.stopped else "running"}
            case UrlRewrite() as action:
                before = {Presence.CONFLICT: "taken", Presence.PRESENT: "present"}.get(
                    self._look_at_rule(target, action).presence, "absent"
                )
                is_own = target.rule_name in self._spot(action) and before == "present"
                return {"before": "absent" if is_own else before}

    def apply(self, target: Target) -> None:
        """Make the change."""
        presence = self.look(target).presence
        if presence is Presence.CONFLICT:
            raise NameTakenError(f"{target.rule_name} is taken by another rule")
        if presence in (Presence.PRESENT, Presence.DISABLED):
            return
        self._refuse(target)
        match target.action:
            case AppPool(pool=name) | Service(service=name):
                self.stopped.add(name)
            case UrlRewrite() as action:
                self._spot(action)[target.rule_name] = _behaviour(action)
            case DoNothing():
                return
        self._keep(f"apply {target.rule_name}")

    def undo(self, target: Target, undo: Undo) -> None:
        """Take the change back."""
        self._refuse(target)
        match target.action:
            case DoNothing():
                return
            case AppPool(pool=name) | Service(service=name):
                if undo["before"] == "stopped" or name not in self.stopped:
                    return
                self.stopped.discard(name)
            case UrlRewrite() as action:
                if undo["before"] != "absent" or target.rule_name not in self._spot(action):
                    return
                del self._spot(action)[target.rule_name]
        self._keep(f"undo {target.rule_name}")

    def names(self) -> set[str]:
        """Every rule there is."""
        return {name for spot in self.rules.values() for name in spot}

    def snapshot(self) -> object:
        """Everything that could be changed."""
        rules = {place: dict(spot) for place, spot in self.rules.items() if spot}
        return rules, set(self.stopped)

    def _spot(self, action: UrlRewrite) -> dict[str, str]:
        return self.rules.setdefault(f"{action.direction} {action.place}", {})

    def _refuse(self, target: Target) -> None:
        place = str(target.action.place) if isinstance(target.action, UrlRewrite) else ""
        if target.rule_name in self.failing or place in self.read_only:
            raise AdapterError(f"{target.rule_name}: the configuration is read-only")

    def _keep(self, what: str) -> None:
        self.done.append(what)
        if self.file is not None:
            held = {"rules": self.rules, "stopped": sorted(self.stopped)}
            fresh = self.file.with_suffix(".new")
            fresh.write_text(json.dumps(held))
            fresh.replace(self.file)


def _behaviour(action: UrlRewrite) -> str:
    """What a rule does, whatever it is called."""
    return json.dumps(write_action(action)["rule"], sort_keys=True)
