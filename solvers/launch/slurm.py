"""Runs in a Slurm queue: write the job script, submit, watch, stop, find again.

Behind the same verbs as :mod:`solvers.launch.local`. The run folder must lie on a file system of the cluster; the
job writes its events there as any run does. ``job.sh`` can also be submitted by hand. Commands: sbatch, squeue, sacct,
scancel (Slurm 20 or newer; https://slurm.schedmd.com/man_index.html).
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn

from solvers.contract.atomic import write_bytes_atomically
from solvers.contract.errors import RunError
from solvers.contract.files import CONSOLE, EVENTS, JOB, QUEUE, STATE, STOP
from solvers.contract.state import RunState, read_state, write_state
from solvers.launch.local import can_restart

WAITING: frozenset[str] = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD"}
)
GOING: frozenset[str] = frozenset(
    {"RUNNING", "COMPLETING", "SUSPENDED", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING"}
)
ASK_AGAIN_SECONDS = 5.0
"""The queue is asked no more often: its administrators would object."""
COMMAND_SECONDS = 60.0
_WORD = re.compile(r"[A-Za-z0-9_.,:@+-]*")


@dataclass(frozen=True)
class SlurmOptions:
    """What the queue must know beside the number of processes.

    Attributes
    ----------
    partition, account
        As the cluster names them; empty: its defaults.
    hours
        Time limit of the job [h].
    memory_mb
        Memory for each process [MB].
    setup
        A shell line before the run, such as ``module load python``.
    python
        The Python that has AngioTwin on the cluster.
    """

    partition: str = ""
    account: str = ""
    hours: float = 4.0
    memory_mb: int = 4000
    setup: str = ""
    python: str = sys.executable

    def check(self) -> None:
        """RunError ``bad_queue_option`` for what would break the job script."""
        for name in ("partition", "account"):
            if not _WORD.fullmatch(getattr(self, name)):
                _refuse("bad_queue_option", f"The {name} {getattr(self, name)!r} is no name of a queue: correct it.")
        if not 0.0 < self.hours <= 24.0 * 30:
            _refuse("bad_queue_option", f"The time limit is {self.hours:g} h; it must be above 0 and at most 720 h.")
        if not 100 <= self.memory_mb <= 10_000_000:
            _refuse(
                "bad_queue_option",
                f"The memory is {self.memory_mb} MB a process; it must be 100 MB to 10 TB: correct it.",
            )
        if "\n" in self.setup:
            _refuse("bad_queue_option", "The set-up must be one shell line: join its commands with &&.")


@dataclass(frozen=True)
class QueuedRun:
    """A run that was given to the queue.

    Attributes
    ----------
    job_id
        The queue's number of it.
    cluster
        Its cluster where there are several; empty otherwise.
    """

    run_dir: Path
    job_id: str
    cluster: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether the job waits or runs; a queue that does not answer is no proof of its end."""
        state = _queue_state(self)
        return state is None or state in WAITING or state in GOING

    def wait(self, timeout: float | None = None) -> RunState:
        """Wait until the job has left the queue and return the final state; TimeoutError if that takes too long."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.is_alive:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"The run is still in the queue after {timeout:g} s.")
            time.sleep(min(ASK_AGAIN_SECONDS, 0.05 if timeout is None else max(0.05, timeout / 20)))
        return settle(self.run_dir)


def job_script(run_dir: Path, n_ranks: int, options: SlurmOptions, is_restart: bool) -> str:
    """The text of ``job.sh``."""
    minutes = max(1, round(60.0 * options.hours))
    lines = [
        "#!/bin/sh",
        f"#SBATCH --job-name=angiotwin-{_job_name(run_dir)}",
        f"#SBATCH --ntasks={n_ranks}",
        "#SBATCH --cpus-per-task=1",
        f"#SBATCH --time={minutes}",
        f"#SBATCH --mem-per-cpu={options.memory_mb}M",
        *([f"#SBATCH --partition={options.partition}"] if options.partition else []),
        *([f"#SBATCH --account={options.account}"] if options.account else []),
        f"#SBATCH --output={CONSOLE}",
        "#SBATCH --open-mode=append",
        "#SBATCH --no-requeue",
        "export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1",
        *([options.setup] if options.setup else []),
    ]
    python = shlex.quote(options.python)
    mpiexec = f'"$(dirname {python})/mpiexec"'
    restart = " --restart" if is_restart else ""
    lines += [
        f"mpiexec={mpiexec}",
        '[ -x "$mpiexec" ] || mpiexec=mpiexec',
        f'exec "$mpiexec" -n {n_ranks} {python} -m solvers.run .{restart}',
    ]
    return "\n".join(lines) + "\n"


def start(run_dir: Path, n_ranks: int, options: SlurmOptions) -> QueuedRun:
    """Submit a prepared run from the beginning.

    Raises
    ------
    RunError
        ``no_queue``, ``queue_refused``, ``bad_queue_option``, ``already_running``.
    """
    _refuse_if_going(run_dir)
    (run_dir / EVENTS).unlink(missing_ok=True)
    (run_dir / STATE).unlink(missing_ok=True)
    return _submit(run_dir, n_ranks, options, is_restart=False)


def restart(run_dir: Path, n_ranks: int, options: SlurmOptions) -> QueuedRun:
    """Submit a run again from its newest checkpoint; RunError as :func:`start`, or ``no_checkpoint``."""
    _refuse_if_going(run_dir)
    if not can_restart(run_dir):
        _refuse("no_checkpoint", "The run has no checkpoint to go on from; start it from the beginning.")
    return _submit(run_dir, n_ranks, options, is_restart=True)


def queued(run_dir: Path) -> QueuedRun | None:
    """What the folder was submitted as, or None if it never was."""
    try:
        raw = json.loads((run_dir / QUEUE).read_text(encoding="utf-8"))
        return QueuedRun(run_dir, str(raw["job_id"]), str(raw.get("cluster", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def reattach(run_dir: Path) -> QueuedRun | None:
    """The handle of a run that waits or runs in the queue, None otherwise; one that the queue ended is marked so."""
    handle, state = queued(run_dir), read_state(run_dir)
    if handle is None or (state is not None and state.has_ended):
        return None
    if handle.is_alive:
        return handle
    settle(run_dir)
    return None


def settle(run_dir: Path) -> RunState:
    """The state of a run that has left the queue; one that ended without a word gets the queue's reason."""
    handle, state = queued(run_dir), read_state(run_dir) or RunState()
    if state.has_ended or handle is None:
        return state
    code, sentence = _reason(_accounted_state(handle))
    offer = (
        "submit it again with restart to go on from its last checkpoint."
        if can_restart(run_dir)
        else "it had not reached its first checkpoint: submit it from the beginning."
    )
    return write_state(run_dir, replace(state, status="killed", code=code, message=f"{sentence}; {offer}"))


def cancel(handle: QueuedRun, grace_seconds: float = 120.0) -> RunState:
    """Ask a running job to stop with a checkpoint, and take it from the queue if it waits or does not listen."""
    if _queue_state(handle) not in WAITING:
        (handle.run_dir / STOP).touch()
        try:
            return handle.wait(grace_seconds)
        except TimeoutError:
            pass
    _ask("scancel", *_cluster(handle), handle.job_id)
    _last_answers.pop(handle.job_id, None)
    state = read_state(handle.run_dir) or RunState()
    if state.has_ended:
        return state
    message = "The run was taken from the queue; submit it again to solve it."
    return write_state(handle.run_dir, replace(state, status="cancelled", code="cancelled", message=message))


def _submit(run_dir: Path, n_ranks: int, options: SlurmOptions, is_restart: bool) -> QueuedRun:
    options.check()
    if n_ranks < 1:
        _refuse("bad_queue_option", "A run needs at least one process.")
    (run_dir / STOP).unlink(missing_ok=True)
    write_bytes_atomically(run_dir / JOB, job_script(run_dir, n_ranks, options, is_restart).encode())
    answer = _ask("sbatch", "--parsable", f"--chdir={run_dir.resolve()}", JOB, cwd=run_dir)
    if answer.returncode != 0:
        why = (answer.stderr.strip().splitlines() or ["no reason given"])[-1].removeprefix("sbatch: error: ")
        _refuse("queue_refused", f"The queue did not take the run ({why}): change the queue's options and try again.")
    job_id, _, cluster = (answer.stdout.strip().splitlines() or [""])[-1].partition(";")
    if not job_id.isdigit():
        _refuse("queue_refused", f"The queue gave no job number ({answer.stdout.strip()[:80]!r}): try again.")
    handle = QueuedRun(run_dir, job_id, cluster)
    previous = read_state(run_dir) or RunState()
    state = replace(previous, status="queued", code=None, message=None, exit_code=None, n_ranks=n_ranks, pid=None)
    try:
        record = {"system": "slurm", "job_id": job_id, "cluster": cluster, "options": asdict(options)}
        write_bytes_atomically(run_dir / QUEUE, json.dumps(record, indent=1).encode())
        write_state(run_dir, replace(state, pid_started=None))
    except OSError:  # a job that nobody could find again must not go on
        _ask("scancel", *_cluster(handle), job_id)
        raise
    return handle


def _refuse_if_going(run_dir: Path) -> None:
    if reattach(run_dir) is not None:
        _refuse("already_running", "This run is in the queue or going on already; wait for it or stop it first.")


_last_answers: dict[str, tuple[float, str | None]] = {}


def _queue_state(handle: QueuedRun) -> str | None:
    """The job's state in the queue, ``GONE`` when the queue does not know it any more, None when it does not answer."""
    asked, answer = _last_answers.get(handle.job_id, (-1e9, None))
    if time.monotonic() - asked < ASK_AGAIN_SECONDS:
        return answer
    found = _ask("squeue", "--noheader", *_cluster(handle), f"--jobs={handle.job_id}", "--format=%T")
    words = found.stdout.split()
    if found.returncode == 0:
        answer = words[0] if words else "GONE"
    else:
        answer = "GONE" if "invalid job id" in found.stderr.lower() else None
    _last_answers[handle.job_id] = (time.monotonic(), answer)
    return answer


def _accounted_state(handle: QueuedRun) -> str:
    """How the queue's accounting says that the job ended; empty where there is no accounting."""
    if shutil.which("sacct") is None:
        return ""
    answer = _ask(
        "sacct", "--noheader", "--parsable2", "--allocations", *_cluster(handle), f"--jobs={handle.job_id}",
        "--format=State",
    )  # fmt: skip
    return answer.stdout.split()[0] if answer.returncode == 0 and answer.stdout.split() else ""


def _reason(accounted: str) -> tuple[str, str]:
    """Code and sentence of how a job ended that wrote no end of its own."""
    known = {
        "TIMEOUT": ("queue_time_limit", "The queue ended the run because its time limit was over: ask for more hours"),
        "OUT_OF_MEMORY": ("queue_memory", "The run needed more memory than it had asked the queue for: ask for more"),
        "CANCELLED": ("queue_cancelled", "Someone took the run from the queue"),
        "NODE_FAIL": ("queue_node", "A computer of the cluster failed under the run"),
        "PREEMPTED": ("queue_preempted", "The queue stopped the run for one with more right to the computers"),
        "BOOT_FAIL": ("queue_node", "A computer of the cluster did not start for the run"),
        "DEADLINE": ("queue_time_limit", "The queue's deadline came before the run was over: ask for another"),
    }
    return known.get(accounted.rstrip("+"), ("killed", "The run left the queue without a word (see console.txt)"))


def _cluster(handle: QueuedRun) -> list[str]:
    return [f"--clusters={handle.cluster}"] if handle.cluster else []


def _ask(command: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    if shutil.which(command) is None:
        _refuse("no_queue", f"There is no Slurm queue on this computer ({command} is missing): solve the run here.")
    try:
        return subprocess.run(
            [command, *arguments], capture_output=True, encoding="utf-8", timeout=COMMAND_SECONDS, check=False, cwd=cwd
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess([command], 124, "", f"no answer within {COMMAND_SECONDS:g} s")


def _job_name(run_dir: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", run_dir.name)[:40]


def _refuse(code: str, sentence: str) -> NoReturn:
    raise RunError(code, sentence)
