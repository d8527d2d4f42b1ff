"""Goes straight to a place in a dialogue: from a button below an article of the law or below news of an order."""

from bot.core import flowing
from bot.core.actions import Effects
from bot.core.dialogue import play
from bot.core.scene import Said, Scene
from intents.catalogue import flows
from intents.script import Choose


def go_to(scene: Scene, name: str, *picks: str, about: str = "") -> Said:
    """Begins a dialogue and picks one option after the other, as if each were pressed. It stops before an option that
    isn't open, and asks there. `about`: the number of an order of the person's."""
    said = flowing.begin(scene, name, about)
    for pick in picks:
        flow = scene.state.flow
        waiting = play(flows()[flow.name], flow, Effects(scene)).waiting if flow else None
        if flow is None or not isinstance(waiting, Choose) or pick not in waiting.options:
            break
        picked = flowing.step(scene, f"{flow.run}:{waiting.step}:{pick}")
        picked.replies[:0] = said.replies[:-1]
        said = picked
    return said
