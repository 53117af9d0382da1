"""Which verbs there are. Whoever bids one, its right is looked at here, in the one table of rights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from core.errors import Refused
from core.loop.judging import NotDone
from core.loop.verbs import asking, policy, running, workers
from core.loop.verbs.call import Asked, Carrier, Reply, Verb
from core.striking import struck
from core.team.rights import require
from core.workflow.loop_requests import NEEDS


class Verbs(Carrier):
    async def carry_out(self, asked: Asked) -> Reply:
        """Never raises for what was asked."""
        try:
            refusal = await self._refusal(asked)
            return refusal or await VERBS[asked.verb](self, replace(asked, args=self._struck(asked.args)))
        except Refused as refused:
            return Reply(1, refused=refused)
        except NotDone as failed:
            return Reply(1, err=str(failed))
        except (OSError, UnicodeError) as error:
            return Reply(1, err=f"{type(error).__name__}: {error}"[:300])

    async def _refusal(self, asked: Asked) -> Reply | None:
        """None: whoever bids it may, now."""
        services, right = self.house.services, NEEDS[asked.verb]
        now = services.clock.now()
        try:
            await self.house.store.read(
                lambda session: require(services.unit(session, now), asked.who, right)
            )
        except Refused as refused:
            if not asked.worker:
                return Reply(1, refused=refused)
            return Reply(1, err=f"a worker may not {asked.verb}: it proposes, it never approves")
        return None

    def _struck(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Without a secret of ours that turns up in what somebody says."""

        def one(value: Any) -> Any:
            if isinstance(value, str):
                data = value.encode("utf-8", "surrogatepass")
                clean = struck(data, self.house.secrets)
                return value if clean == data else clean.decode("utf-8", "surrogatepass")
            return [one(each) for each in value] if isinstance(value, list) else value

        return {key: one(value) for key, value in args.items()}


VERBS: Final[Mapping[str, Verb]] = {
    "up": running.up,
    "down": running.down,
    "tick": running.tick,
    "run": running.run_goal,
    "_ run": asking.run_shell,
    "status": running.show_status,
    "state": running.show_state,
    "wait": running.wait,
    "asks": asking.list_asks,
    "answer": asking.answer,
    "goal write": policy.goal_write,
    "goal archive": policy.goal_archive,
    "goal on": policy.goal_on,
    "goal jobs": policy.goal_jobs,
    "goal list": policy.goal_list,
    "goal show": policy.goal_show,
    "sensor write": policy.sensor_write,
    "sensor list": policy.sensor_list,
    "sensor show": policy.sensor_show,
    "sensor drop": policy.sensor_drop,
    "playbook write": policy.playbook_write,
    "playbook show": policy.playbook_show,
    "playbook undo": policy.playbook_undo,
    "notify": asking.notify,
    "ask": asking.ask,
    "schedule write": policy.schedule_write,
    "schedule rm": policy.schedule_rm,
    "schedule list": policy.schedule_list,
    "worker start": workers.start,
    "worker kill": workers.kill,
    "worker list": workers.listed,
    "kill": workers.kill,
    "ls": workers.listed,
    "flag": workers.flag,
    "unflag": workers.unflag,
    "prune": workers.prune,
    "tell": workers.tell,
    "told": workers.told,
    "claim": workers.claim,
    "unclaim": workers.unclaim,
    "_ cost": workers.cost,
    # not typed: how the two verbs that wait look again
    "answered": asking.answered,
    "approval": asking.approval,
    # nor this: how the built-in worker's process has a step taken
    "step": workers.step,
}
