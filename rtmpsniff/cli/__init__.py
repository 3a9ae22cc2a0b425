"""The command line: arguments, exit statuses, the terminal. A command is a file here; nothing below knows of them."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import cache
from importlib import import_module

import click

from rtmpsniff.cli.world import Exit, color_option, discard_output, flush, flush_quietly, warn
from rtmpsniff.errors import UserError
from rtmpsniff.version import __version__

COMMANDS = {
    "read": "rtmpsniff.cli.read:read_command",
    "live": "rtmpsniff.cli.live:live_command",
    "summary": "rtmpsniff.cli.summary:summary_command",
    "export": "rtmpsniff.cli.export:export_command",
    "extract": "rtmpsniff.cli.extract:extract_command",
    "decode": "rtmpsniff.cli.decode:decode_command",
    "interfaces": "rtmpsniff.cli.interfaces:interfaces_command",
}


class Commands(click.Group):
    """A group that imports a command's module when the command is asked for: each loads only what it needs."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            status = super().invoke(ctx)
            flush()
        except BrokenPipeError:  # here, since click would make an exit status of its own of it
            discard_output()  # whoever read has gone
            return Exit.DONE
        return status

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        _keep_what_is_imported()
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="rtmpsniff %(version)s")
@color_option
def cli(color: str | None) -> None:
    """Watch RTMP: every message in a capture or on the wire, every byte with its meaning."""
    del color  # read from the context by the commands


@cache
def _keep_what_is_imported() -> None:
    """The collector need not look at it again, nor take it apart at the end: a fifth of the time of a short run."""
    gc.freeze()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit status."""
    # A packet makes a few objects and nearly all die at once; looking for cycles among them takes a tenth of the time.
    gc.set_threshold(50_000, 20, 20)
    try:
        status = cli.main(args=arguments, prog_name="rtmpsniff", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except UserError as error:
        flush_quietly()
        warn(str(error))
        return error.exit_status
    except (click.Abort, KeyboardInterrupt):
        flush_quietly()
        return Exit.INTERRUPTED
    except OSError as error:
        discard_output()
        warn(f"standard output: {error.strerror or error}")
        return Exit.INPUT_OUTPUT
    return status if isinstance(status, int) else Exit.DONE
