"""The ``sop`` command. Nothing heavy is imported before it is needed, so that its help answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from sop_helpers.book.errors import WorkbookError

EXAMPLES = """examples:
  sop run                               run the workbook's month in this folder
  sop run -w examples/adventureworks    run another workbook
  sop run --from 21_supply              run supply and all after it again
  sop desk --what-if                    try hires, prices and promotions, and save a scenario
  sop check                             look at the inputs without running
  sop actions add "Call the mill" --owner "R. Novak" --deadline 2026-10-20
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sop", description="Run a company's monthly sales and operations planning.", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="store_true", help="show the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def command(name: str, sentence: str, month: str | None = None) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=sentence, description=sentence)
        where = "the workbook file or its folder (default: workbook.toml here or above)"
        made.add_argument("-w", "--workbook", default="workbook.toml", metavar="DIR", help=where)
        if month == "option":
            made.add_argument("--month", metavar="YYYY-MM", help="month planned (default: the one in workbook.toml, else this month)")
        if month == "argument":
            made.add_argument("month", metavar="YYYY-MM", help="the month")
        return made

    run = command("run", "Run the steps of a month that changed and publish it when all succeeded.", "option")
    run.add_argument("--scenario", default="base", metavar="NAME", help="a scenario that workbook.toml defines (default: base)")
    which = run.add_mutually_exclusive_group()
    which.add_argument("--from", dest="start", metavar="STEP", help="run this step and all after it, leave those before as they are")
    which.add_argument("--only", metavar="STEP", help="run this step alone")
    run.add_argument("--force", action="store_true", help="run steps that have not changed too")
    run.add_argument("--engine", choices=["fork", "plain"], default="fork", help="fork: kernels share their imports; plain: a new Python for each step")
    run.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a parameter that a notebook declares beyond the common ones")
    run.add_argument("--quiet", action="store_true", help="print nothing but errors")

    command("check", "Look at a company's inputs without running anything; exit code 1 when something blocks the month.", "option")

    init = commands.add_parser("init", help="Lay down a new workbook with blank input files and a data dictionary.", description="Lay down a new workbook.")
    init.add_argument("folder", metavar="DIR", help="folder to make it in")
    init.add_argument("--name", default="Our company", help="name of the company")
    init.add_argument("--currency", default="USD", metavar="ISO", help="code of the one currency that all money is in")
    init.add_argument("--month", default=None, metavar="YYYY-MM", help="first month to plan (default: this month)")

    close = command("close", "Freeze a month after sign-off; later months compare with it.", "argument")
    close.add_argument("--reason", default="", help="why; the sign-off that it follows")
    reopen = command("reopen", "Open a closed month again; the journal remembers why.", "argument")
    reopen.add_argument("--reason", required=True, help="why")
    for made in (close, reopen):
        made.add_argument("--author", default=None, help="who (default: the user of this machine)")

    about = "Add, finish and list the actions of the meetings."
    actions = commands.add_parser("actions", help=about, description=about)
    kinds = actions.add_subparsers(dest="action", metavar="add|done|list", required=True)
    for name, sentence in {"add": "Write down an action.", "done": "Finish an action.", "list": "List actions."}.items():
        kind = kinds.add_parser(name, help=sentence, description=sentence)
        kind.add_argument("-w", "--workbook", default="workbook.toml", metavar="DIR", help="the workbook file or its folder")
        kind.add_argument("--month", metavar="YYYY-MM", help="month whose meeting it belongs to (default: the workbook's)")
        if name == "list":
            kind.add_argument("--all", action="store_true", help="show those done or cancelled too")
            continue
        kind.add_argument("--author", default=None, help="who says so (default: the user of this machine)")
        kind.add_argument("--comment", default=None, help="a word on it")
        if name == "add":
            kind.add_argument("title", help="what is to be done")
            kind.add_argument("--owner", required=True, help="who does it")
            kind.add_argument("--deadline", required=True, metavar="YYYY-MM-DD", help="until when")
            kind.add_argument("--source", default=None, help="decision or exception that it comes from")
        else:
            kind.add_argument("id", help="its identifier, as `sop actions list` shows it")
            kind.add_argument("--on", default=None, metavar="YYYY-MM-DD", help="day on which it was done (default: today)")

    command("status", "Show what has run, what changed since, and which months are closed.", "option")
    command("lab", "Open JupyterLab on the notebooks.", "option")
    desk = command("desk", "Open a desk notebook as a page in the browser: change the plan, or try levers, with undo.", "option")
    desk.add_argument("--notebook", default="overrides", help="which desk (default: overrides)")
    tried = "try hires, quotas, prices, promotions, capacity and lead time, and save them as a scenario; short for --notebook what_if"
    desk.add_argument("--what-if", dest="notebook", action="store_const", const="what_if", help=tried)
    desk.add_argument("--port", type=int, default=8866, help="port on this machine (default: 8866)")
    desk.add_argument("--no-browser", action="store_true", help="serve the page and open nothing")
    return parser


def _author(given: str | None) -> str:
    import getpass

    return given or getpass.getuser()


def _run(args: argparse.Namespace) -> int:
    from sop_helpers.engine.runner import run_month

    extra = {}
    for text in args.parameter:
        name, sign, value = text.partition("=")
        if not sign or not name.isidentifier():
            raise WorkbookError(f"{text!r} is not NAME=VALUE", "Write it as -p name=value.")
        extra[name] = value
    done = run_month(args.workbook, args.month, args.scenario, args.start, args.only, args.force, args.engine, extra, show=not args.quiet)
    if not args.quiet:
        for step, why in done.stale.items():
            print(f"  {step} is out of date: {why}")
        seconds = sum(done.ran.values())
        print(f"{done.folder.name}: {len(done.ran)} steps ran in {seconds:.1f} s" if done.ran else f"{done.folder.name}: nothing has changed, nothing ran")
        report = (done.folder if args.scenario == "base" else done.folder / "scenarios" / args.scenario) / "report.html"
        print(f"Report: {report}" if report.exists() else f"Tables: {report.parent / 'tables'}")
    return 0


def _cycle(args: argparse.Namespace) -> Any:
    from sop_helpers.book.config import load_workbook
    from sop_helpers.book.cycle import open_cycle
    from sop_helpers.engine.runner import default_month

    loaded = load_workbook(args.workbook)
    return open_cycle(args.month or default_month(loaded), loaded)


def _check(args: argparse.Namespace) -> int:
    from sop_helpers.book.checks import check_workbook
    from sop_helpers.book.gathering import last_kept

    cycle = _cycle(args)
    found = check_workbook(cycle.workbook, cycle.label, last_kept(cycle, "quotas"))
    red = found[found["level"] == "red"]
    for row in found.to_dict("records"):
        print(f"{row['level']:<6}{row['table']}: {row['message']}\n      What to do: {row['action']}")
    print(f"{len(red)} red, {len(found) - len(red)} amber" + ("; the month cannot run until the red ones are mended" if len(red) else "; the month can run"))
    return 1 if len(red) else 0


def _init(args: argparse.Namespace) -> int:
    from sop_helpers.book.templates import init_workbook

    init_workbook(args.folder, args.name, args.currency, args.month)
    print(f"A workbook stands in {args.folder}. Fill {args.folder}/data, look at it with `sop check -w {args.folder}`, then `sop run -w {args.folder}`.")
    return 0


def _close(args: argparse.Namespace) -> int:
    from sop_helpers.engine.closing import close_month

    print(f"Closed: {close_month(args.workbook, args.month, _author(args.author), args.reason)}")
    return 0


def _reopen(args: argparse.Namespace) -> int:
    from sop_helpers.engine.closing import reopen_month

    print(f"Open again: {reopen_month(args.workbook, args.month, _author(args.author), args.reason)}")
    return 0


def _actions(args: argparse.Namespace) -> int:
    journal = _cycle(args).journal
    if args.action == "add":
        fields = {"title": args.title, "owner": args.owner, "deadline": args.deadline, "source": args.source, "comment": args.comment}
        print(journal.add("action", author=_author(args.author), **fields))
        return 0
    actions = journal.read("action")
    if args.action == "done":
        import datetime

        found = actions[actions["id"] == args.id]
        if found.empty:
            raise WorkbookError(f"there is no action {args.id}", "See `sop actions list --all`.")
        fields = {"status": "done", "done_on": args.on or datetime.date.today().isoformat()} | ({"comment": args.comment} if args.comment else {})
        journal.change("action", args.id, version=int(found["version"].iloc[0]), author=_author(args.author), reason="done", **fields)
        print(f"{args.id} is done")
        return 0
    shown = actions if args.all else actions[~actions["status"].isin(["done", "cancelled"])]
    for row in shown.sort_values(["deadline", "id"]).to_dict("records"):
        print(f"{row['id']}  {row['deadline']:%Y-%m-%d}  {row['status']:<9}  {row['owner']}: {row['title']}")
    print(f"{len(shown)} actions" if args.all else f"{len(shown)} open actions")
    return 0


def _status(args: argparse.Namespace) -> int:
    from sop_helpers.engine.status import describe_month

    print(describe_month(args.workbook, args.month))
    return 0


def _lab(args: argparse.Namespace) -> int:
    import subprocess

    from sop_helpers.book.config import load_workbook
    from sop_helpers.engine.kernels import common
    from sop_helpers.engine.runner import notebooks_of

    workbook = load_workbook(args.workbook)
    folder = next(iter(notebooks_of(workbook).values())).parent
    return subprocess.call([sys.executable, "-m", "jupyterlab", str(folder)], env={**os.environ, **common(), "SOP_WORKBOOK": str(workbook.root)})


def _desk(args: argparse.Namespace) -> int:
    import subprocess

    from sop_helpers.book.config import load_workbook
    from sop_helpers.engine.kernels import common
    from sop_helpers.engine.runner import notebooks_of

    workbook = load_workbook(args.workbook)
    folder = next(iter(notebooks_of(workbook).values())).parent / "desk"
    notebook = folder / f"{args.notebook}.ipynb"
    if not notebook.is_file():
        known = ", ".join(file.stem for file in sorted(folder.glob("*.ipynb"))) or "none"
        raise WorkbookError(f"no desk is called {args.notebook!r}", f"Choose one of: {known}.")
    command = [sys.executable, "-m", "voila", str(notebook), f"--port={args.port}", "--show_tracebacks=True"]
    command += ["--no-browser"] if args.no_browser else []
    environment = {**os.environ, **common(), "SOP_WORKBOOK": str(workbook.root)} | ({"SOP_MONTH": args.month} if args.month else {})
    return subprocess.call(command, env=environment)


COMMANDS = {"run": _run, "check": _check, "init": _init, "close": _close, "reopen": _reopen, "actions": _actions, "status": _status, "lab": _lab, "desk": _desk}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands after ``sop``; the process's own by default.

    Returns
    -------
    int
        Exit code: 0 done, 1 something that people must mend, 2 wrong usage, 130 interrupted.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.version:
        from sop_helpers import __version__

        print(f"sop {__version__}")
        return 0
    if args.command is None:
        parser.print_help()
        return 2
    try:
        return COMMANDS[args.command](args)
    except WorkbookError as error:
        print(f"sop: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sop: interrupted; nothing was published", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
