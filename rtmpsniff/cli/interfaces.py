"""`rtmpsniff interfaces`: what `live` can listen on."""

from __future__ import annotations

import click

from rtmpsniff.capture.interfaces import ANY, default_interface, interfaces
from rtmpsniff.cli.world import Exit, world
from rtmpsniff.text import printable


@click.command("interfaces", short_help="The interfaces that live can listen on, with their addresses.")
def interfaces_command() -> Exit:
    """List the interfaces that `live` can listen on: name, whether it is up, its addresses."""
    out = world("never")
    found = interfaces()
    carrier = default_interface()
    width = max(map(len, [ANY, *(printable(one.name) for one in found)]))
    for one in found:
        addresses = ", ".join(one.addresses) or "no address"
        mark = "  (default route)" if one.name == carrier else ""
        out.write(f"{printable(one.name):{width}}  {'up' if one.is_up else 'down':4}  {addresses}{mark}")
    out.write(f"{ANY:{width}}  {'':4}  all of them")
    return Exit.DONE
