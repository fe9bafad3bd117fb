"""Batches of samples on Dask workers: here or on a cluster; a worker that dies costs only its samples."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.case.errors import CaseError

TRIES = 3
"""How often a sample alone may lose its worker before it is given up."""
NO_WORKER_S = 60.0
"""So long without any worker ends the ensemble."""
POLL_S = 0.5
RESTART_S = 10.0
SILENT = 50

Work = Callable[[Sequence[int]], Any]


@dataclass
class Tally:
    """What became of the workers: how many were lost, and how many samples were handed out again because of it."""

    workers_lost: int = 0
    resubmitted: int = 0


def run_batches(
    work: Work,
    batches: Sequence[Sequence[int]],
    done: Callable[[Sequence[int], Any], None],
    given_up: Callable[[int, str], None],
    address: str | None = None,
    n_workers: int = 0,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Tally:
    """Do the work of every batch of sample numbers on some worker.

    A batch whose worker died is cut in halves that are handed out again, so that a sample that kills its workers is
    found. It waits until nothing else is under way, since the scheduler blames all that a dead worker had been given;
    after ``TRIES`` deaths it is given up.

    Parameters
    ----------
    work
        Called on a worker with the numbers of a batch; it and what it returns must be able to travel.
    done, given_up
        Called here with a batch and its result, and with a sample that is given up and why.
    address
        Of a Dask scheduler (``tcp://host:8786``); without one a cluster of processes is started here.
    n_workers
        Of the cluster here; 0 takes one for each core.

    Raises
    ------
    CaseError
        ``cancelled``, ``no_cluster``, ``no_workers``; what is done by then was told to ``done``.
    """
    from distributed import KilledWorker, wait

    tally, tries = Tally(), dict.fromkeys((number for batch in batches for number in batch), 0)
    with _client(address, n_workers) as client:
        waiting = {client.submit(work, batch, pure=False): batch for batch in batches}
        suspects: list[Sequence[int]] = []
        known: set[str] = set()
        polls_alone = 0  # not a clock: it goes on while this process is stopped
        while waiting or suspects:
            if not waiting:
                suspect = suspects.pop()
                waiting[client.submit(work, suspect, pure=False)] = suspect
            if is_cancelled():
                client.cancel(list(waiting))
                raise CaseError("cancelled", "The ensemble was cancelled; what is done is kept: run it again to go on.")
            with contextlib.suppress(TimeoutError):
                wait(list(waiting), timeout=POLL_S, return_when="FIRST_COMPLETED")
            present = set(client.scheduler_info(n_workers=-1)["workers"])
            tally.workers_lost += len(known - present)
            known, polls_alone = present, 0 if present else polls_alone + 1
            if polls_alone * POLL_S > NO_WORKER_S:
                where = f"the cluster at {address}" if address else "the cluster on this computer"
                raise CaseError(
                    "no_workers", f"No worker is left on {where} for {NO_WORKER_S:.0f} s; what is done is kept."
                )
            for future in [one for one in waiting if one.done()]:
                batch = waiting.pop(future)
                error = future.exception() if future.status == "error" else None
                if error is None and future.status == "finished":
                    done(batch, future.result())
                elif error is None or isinstance(error, KilledWorker):
                    for part in _again(batch, tries, given_up):
                        tally.resubmitted += len(part)
                        if len(batch) == 1:
                            suspects.append(part)
                        else:
                            waiting[client.submit(work, part, pure=False)] = part
                else:
                    raise error
    return tally


def _again(
    batch: Sequence[int], tries: dict[int, int], given_up: Callable[[int, str], None]
) -> Iterator[Sequence[int]]:
    """The parts of a batch that lost its worker which are to be handed out again."""
    if len(batch) > 1:
        half = len(batch) // 2
        yield from (batch[:half], batch[half:])
        return
    tries[batch[0]] += 1
    if tries[batch[0]] < TRIES:
        yield batch
    else:
        given_up(batch[0], f"Its worker died {TRIES} times.")


@contextlib.contextmanager
def _client(address: str | None, n_workers: int) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    n_here = 0 if address else n_workers or len(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        stack.enter_context(
            dask.config.set({"distributed.scheduler.allowed-failures": 0, "distributed.comm.timeouts.connect": "10s"})
        )
        try:
            where: Any = address or stack.enter_context(
                LocalCluster(
                    n_workers=n_here,
                    threads_per_worker=1,
                    dashboard_address=None,
                    memory_limit=0,
                    silence_logs=SILENT,
                )
            )
            client = stack.enter_context(Client(where))
        except (OSError, TimeoutError, ValueError) as error:
            raise CaseError(
                "no_cluster", f"No Dask scheduler answers at {address or 'this computer'} ({error}): check its address."
            ) from error
        try:
            yield client
        finally:
            if n_here:  # a cluster that is closed while a worker starts again fails in closing
                with contextlib.suppress(TimeoutError):
                    client.wait_for_workers(n_here, RESTART_S)
