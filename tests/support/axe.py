"""Run axe-core on a page in a browser, to find accessibility faults."""

import json
from pathlib import Path
from typing import Any

from tests.support.browser import Tab

SIZES = {"phone": (375, 812), "desk": (1280, 900)}


async def sized(tab: Tab, size: str) -> None:
    """Give the browser's window a size of `SIZES`."""
    width, height = SIZES[size]
    await tab.call(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=height, deviceScaleFactor=1, mobile=size == "phone",
    )  # fmt: skip


async def faults(tab: Tab, packages: Path, *, without: tuple[str, ...] = ()) -> list[str]:
    """Return the faults that axe-core finds on the page, each as its rule and the element.

    The page is loaded again, since its own policy does not let scripts run.

    Args:
        tab: the tab with the page.
        packages: the folder of `tests.support.node_packages`.
        without: rules to leave out.
    """
    script = (packages / "node_modules" / "axe-core" / "axe.min.js").read_text()
    await tab.call("Page.setBypassCSP", enabled=True)
    await tab.open(await tab.ask("location.href"))
    await tab.call("Page.setBypassCSP", enabled=False)
    await tab.call("Runtime.evaluate", expression=script)
    rules = {rule: {"enabled": False} for rule in without}
    said = await tab.call(
        "Runtime.evaluate",
        expression=f"axe.run({json.dumps({'rules': rules})}).then(r => JSON.stringify("
        "r.violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 200)}`))))",
        awaitPromise=True,
        returnByValue=True,
    )
    found: Any = json.loads(said["result"]["value"])
    return [str(fault) for fault in found]


async def stops(tab: Tab) -> list[str]:
    """Return the elements that the Tab key reaches, in order, with their names and texts."""
    seen: list[str] = []
    for _ in range(60):
        await tab.press("Tab")
        at = await tab.ask(
            "(e => e === document.body ? '' : `${e.tagName} ${e.textContent.trim()}`)"
            "(document.activeElement)"
        )
        if not at or (seen and at == seen[0]):
            break
        seen.append(at)
    return seen
