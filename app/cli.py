"""The program `angiotwin`: each sub-command is a few lines over app/workflow, and prints JSON when asked."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app import NOT_FOR_DIAGNOSIS, __version__
from app.case.errors import CaseError
from imaging.errors import ImagingError
from sample_data.catalogue import SampleError
from solvers.contract.errors import RunError

Handler = Callable[[argparse.Namespace], Any]

EXIT_REFUSED = 1
EXIT_UNEXPECTED = 70
EXIT_INTERRUPTED = 130
DISK_FULL = "The disk is full: free some space and try again."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code (0 done, 1 refused with a sentence, 70 unexpected, 130 interrupted)."""
    words = list(sys.argv[1:] if argv is None else argv)
    from app.commands import COMMANDS

    name = next((word for word in words if not word.startswith("-")), None)
    parser = argparse.ArgumentParser(
        prog="angiotwin", description=f"From a CT angiogram to blood flow. {NOT_FOR_DIAGNOSIS}."
    )
    parser.add_argument("--version", action="version", version=f"angiotwin {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS.values():
        subparser = subparsers.add_parser(command.name, help=command.help, description=command.help)
        subparser.add_argument("--json", action="store_true", help="print the result as JSON")
        if command.name == name:  # only the chosen one pulls in what declares its parameters
            command.add_arguments(subparser)
    arguments = parser.parse_args(words)
    try:
        result = COMMANDS[arguments.command].run(arguments)
        if arguments.json:
            print(json.dumps(result.value, indent=1), flush=True)
        elif result.text:
            print(result.text, flush=True)
        return int(result.exit_code)
    except (CaseError, ImagingError, RunError, SampleError) as error:
        place = getattr(error, "place_mm", None)
        return _refuse(error.code, error.message, place, as_json=arguments.json, exit_code=EXIT_REFUSED)
    except KeyboardInterrupt:
        return _refuse("interrupted", "Interrupted; the case is as it was.", None, arguments.json, EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone: nobody is left to complain to
        return EXIT_REFUSED
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _refuse("disk_full", DISK_FULL, None, arguments.json, EXIT_REFUSED)
        kept = _keep_traceback(words)
        details = f"The details are in {kept}." if kept else "The details could not be written down."
        message = f"Something happened that AngioTwin did not expect. {details}"
        return _refuse("unexpected", message, None, arguments.json, EXIT_UNEXPECTED)


def _refuse(code: str, message: str, place: Any, as_json: bool, exit_code: int) -> int:
    if as_json:
        with contextlib.suppress(OSError):  # standard output may be a file on a full disk, or a reader that has gone
            print(json.dumps({"error": {"code": code, "message": message, "place_mm": place}}, indent=1), flush=True)
    print(message, file=sys.stderr)
    return exit_code


def _keep_traceback(words: Sequence[str]) -> Path | None:
    """Write the traceback into the log folder, without the paths that were given: they may hold a patient's name."""
    import platformdirs

    details = traceback.format_exc()
    for number, word in enumerate(words):
        if len(word) > 1 and not word.startswith("-"):
            for form in (str(Path(word).absolute()), word):
                details = re.sub(re.escape(form) + r"[^'\"\n]*" * ("/" in form), f"<word {number}>", details)
    logging.getLogger(__name__).debug("unexpected error", exc_info=True)
    try:
        folder = Path(platformdirs.user_log_dir("angiotwin"))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}.txt"
        path.write_text(details, encoding="utf-8")
    except OSError:
        return None
    return path


if __name__ == "__main__":
    sys.exit(main())
