"""A queue of one computer: sbatch, squeue, sacct and scancel as small programs that check how they are called.

A job waits until the file ``go`` is put beside it. A file ``refuse`` makes sbatch refuse, ``mute`` makes squeue fail.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROGRAM = """
import os, pathlib, signal, subprocess, sys
room = pathlib.Path(ROOM)
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
with (room / "calls.txt").open("a") as calls:
    calls.write(" ".join([name, *words]) + "\\n")

def option(flag):
    return next((word.split("=", 1)[1] for word in words if word.startswith(flag + "=")), None)

def note(job, state):
    (room / f"{job}.state").write_text(state)

def alive(job):
    try:
        pid = int((room / f"{job}.pid").read_text())
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, ValueError):
        return False

def launch(job):
    folder = pathlib.Path((room / f"{job}.dir").read_text())
    lines = (folder / "job.sh").read_text().splitlines()
    asked = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH --")]
    wanted = dict(line.split("=", 1) for line in asked if "=" in line)
    out = (folder / wanted["output"]).open("ab")
    child = subprocess.Popen(["/bin/sh", "job.sh"], cwd=folder, stdout=out, stderr=out, start_new_session=True,
                             env={**os.environ, "SLURM_JOB_ID": job, "SLURM_NTASKS": wanted["ntasks"]})
    (room / f"{job}.pid").write_text(str(child.pid))
    note(job, "RUNNING")

def kill(job, state):
    if alive(job):
        os.killpg(int((room / f"{job}.pid").read_text()), signal.SIGKILL)
    note(job, state)

if name == "sbatch":
    assert words[0] == "--parsable" and words[-1] == "job.sh", words
    if (room / "refuse").exists():
        sys.exit("sbatch: error: invalid partition specified: nowhere")
    folder = pathlib.Path(option("--chdir"))
    assert (folder / "job.sh").read_text().startswith("#!/bin/sh\\n#SBATCH "), "sbatch needs a script"
    job = str(1001 + len(list(room.glob("*.dir"))))
    (room / f"{job}.dir").write_text(str(folder))
    note(job, "PENDING")
    print(job)
elif name == "squeue":
    job = option("--jobs")
    assert "--noheader" in words and option("--format") == "%T", words
    if (room / "mute").exists():
        sys.exit("slurm_load_jobs error: Unable to contact slurm controller")
    if not (room / f"{job}.state").exists():
        sys.exit("slurm_load_jobs error: Invalid job id specified")
    state = (room / f"{job}.state").read_text()
    if state == "PENDING" and (room / "go").exists():
        launch(job)
        state = "RUNNING"
    if (room / "end").exists():
        kill(job, (room / "end").read_text())
    elif state == "RUNNING" and not alive(job):
        note(job, "COMPLETED")
    state = (room / f"{job}.state").read_text()
    if state in ("PENDING", "RUNNING"):
        print(state)
elif name == "sacct":
    assert option("--format") == "State" and "--parsable2" in words and "--allocations" in words, words
    print((room / f"{option('--jobs')}.state").read_text())
elif name == "scancel":
    kill(words[-1], "CANCELLED")
"""


def install(room: Path) -> None:
    """Put the four programs into ``room`` / bin, to be put first on PATH."""
    folder = room / "bin"
    folder.mkdir(parents=True)
    text = f"#!{sys.executable}\nROOM = {str(room)!r}\n{PROGRAM}"
    for name in ("sbatch", "squeue", "sacct", "scancel"):
        path = folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)


def path_with(room: Path) -> str:
    """PATH with the programs first."""
    return f"{room / 'bin'}{os.pathsep}{os.environ['PATH']}"
